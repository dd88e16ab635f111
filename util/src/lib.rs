//! Leaf helpers: each file is one noun that could stand alone as a library.
//! Nothing here knows a driver, an XML document or the wire; errors are
//! [`std::io::Error`] or a small type beside the noun.

pub mod config;
pub mod file;
pub mod paths;
pub mod pidfile;
pub mod process;
