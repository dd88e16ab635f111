//! What a driver says about its kind of object.

use oxivirt_core::ErrorCode;
use uuid::Uuid;

/// The document that defines an object.
pub trait Definition: Send + Sync + 'static {
    /// What such a thing is called when a name or uuid is taken: `domain`.
    const NOUN: &'static str;
    /// What it is called when it cannot be found, where that differs: `storage pool`.
    const LOOKUP_NOUN: &'static str = Self::NOUN;
    /// The code of the error that says there is none.
    const MISSING: ErrorCode;

    /// The name, unique within a table.
    fn name(&self) -> &str;

    /// The uuid, unique within a table and fixed for the life of an object.
    fn uuid(&self) -> Uuid;
}

/// A driver's own part of an object; its inside is private to the driver and
/// synchronises itself (see the module's page).
pub trait Private: Send + Sync + 'static {
    /// What readers see beside the definitions: state, reason, autostart,
    /// cached statistics. Cloned at each change, so keep what is big in an `Arc`.
    type Status: Clone + Send + Sync + 'static;
}

impl Definition for crate::domain::DomainDefinition {
    const NOUN: &'static str = "domain";
    const MISSING: ErrorCode = ErrorCode::NO_DOMAIN;

    fn name(&self) -> &str {
        &self.name
    }

    fn uuid(&self) -> Uuid {
        self.uuid
    }
}
