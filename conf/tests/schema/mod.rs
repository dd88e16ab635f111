//! Documents made from the published schemas.

pub(crate) mod grammar;
pub(crate) mod sample;
