//! `<secret>`: what is known about a secret; its value is never in the document.

mod definition;

pub use definition::{SecretDefinition, SecretUsage, UsageType};
