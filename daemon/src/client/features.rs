//! Features and safety: the daemon answers for the way to itself, and asks the
//! driver about what only that knows.

use std::sync::atomic::Ordering;

use oxivirt_core::interface::Features;
use oxivirt_core::{Call, Connection, Error, Result};

use super::context::Caller;

/// File descriptors pass both ways.
const FD_PASSING: i32 = 8;
/// Typed parameters may hold strings.
const TYPED_PARAM_STRING: i32 = 9;
/// Signs of life.
const PROGRAM_KEEPALIVE: i32 = 10;
/// Events come with the id of their callback.
const REMOTE_EVENT_CALLBACK: i32 = 14;
/// The end of a driver's connection is told.
const REMOTE_CLOSE_CALLBACK: i32 = 15;
/// Arguments of network updates are in the documented order.
const NETWORK_UPDATE_HAS_CORRECT_ORDER: i32 = 16;

impl Features for Caller {
    fn connect_supports_feature(&self, call: &Call, feature: i32) -> Result<i32> {
        let own = match feature {
            PROGRAM_KEEPALIVE => {
                // Who asks can answer: from now on the daemon may ask as well.
                self.client.keepalive.answers.store(true, Ordering::Relaxed);
                Some(true)
            }
            REMOTE_EVENT_CALLBACK | REMOTE_CLOSE_CALLBACK => Some(true),
            FD_PASSING if !self.client.passes_descriptors() => Some(false),
            _ => None,
        };
        if let Some(own) = own {
            return Ok(i32::from(own));
        }
        let unless_told = [FD_PASSING, TYPED_PARAM_STRING, NETWORK_UPDATE_HAS_CORRECT_ORDER].contains(&feature);
        self.driver_says(unless_told, |connection| connection.connect_supports_feature(call, feature))
    }

    fn connect_is_secure(&self, call: &Call) -> Result<i32> {
        // A Unix socket never leaves this host, and TLS encrypts.
        match self.client.is_protected() {
            true => self.driver_says(true, |connection| connection.connect_is_secure(call)),
            false => Ok(0),
        }
    }
}

impl Caller {
    /// What the driver says; a driver without that call says what is true of drivers on this host.
    fn driver_says(&self, unless_told: bool, ask: impl FnOnce(&Connection) -> Result<i32>) -> Result<i32> {
        let Some(connection) = self.client.connection() else { return Ok(i32::from(unless_told)) };
        match ask(&connection) {
            Err(error) if Error::is_no_support(&error) => Ok(i32::from(unless_told)),
            answer => answer,
        }
    }
}
