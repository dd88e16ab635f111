//! Public API, driver interfaces and plugin boundary.

mod constants;
mod error;

pub use error::{Error, ErrorCode, ErrorDomain, LEVEL_ERROR, Result};
