//! An open connection to a driver, held by the host.

use std::sync::Arc;

use crate::interface::InterfacesRef;
use crate::object::{Borrowed, Object};

/// A connection of a driver. It has every interface trait; a method that the
/// driver does not have answers "not supported". Cheap to clone; the driver's
/// object ends with the last clone.
#[derive(Clone)]
pub struct Connection(Arc<Inner>);

struct Inner {
    target: Borrowed,
    interfaces: InterfacesRef,
    channel: u64,
    driver: String,
    /// What keeps `target` alive; dropped last.
    _keeper: Object,
}

impl Connection {
    /// Joins an object with the tables made for its type; `keeper` keeps it alive.
    pub(crate) fn new(
        target: Borrowed,
        keeper: Object,
        interfaces: InterfacesRef,
        channel: u64,
        driver: String,
    ) -> Self {
        Self(Arc::new(Inner { target, interfaces, channel, driver, _keeper: keeper }))
    }

    /// Name of the driver behind it.
    pub fn driver(&self) -> &str {
        &self.0.driver
    }

    /// The channel on which the driver emits this connection's events; 0 for
    /// a driver without events.
    pub fn channel(&self) -> u64 {
        self.0.channel
    }

    /// The driver's tables.
    pub fn interfaces(&self) -> InterfacesRef {
        self.0.interfaces
    }

    pub(crate) fn object(&self) -> Borrowed {
        self.0.target
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Connection({})", self.0.driver)
    }
}
