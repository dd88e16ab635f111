//! The documents inside a saved guest image.
//!
//! A driver puts them between its own header and the guest's memory: the
//! `<domain>` that was saved, and behind it the `<cookie>` with what the driver
//! needs to go on. Both end with a zero byte; the header has their length
//! together and where the second one begins.

mod documents;

pub use documents::{SavedDocuments, SavedText};
