//! XML documents and Rust values: one folder per document, one file per
//! element. Pure: this crate touches no file, no process and no clock.

pub mod capabilities;
pub mod cpu;
pub mod domain;
pub mod domain_capabilities;
pub mod object;
pub mod xml;
