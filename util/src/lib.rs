//! Leaf helpers: each file is one noun that could stand alone as a library.
//! Nothing here knows a driver, an XML document or the wire; errors are
//! [`std::io::Error`] or a small type beside the noun.

pub mod accounts;
pub mod bitmap;
pub mod cgroup;
pub mod config;
pub mod file;
pub mod host;
pub mod log_keeper;
pub mod paths;
pub mod pidfile;
pub mod process;
pub mod schema;
pub mod tls_versions;
pub mod units;
pub mod uuid;
