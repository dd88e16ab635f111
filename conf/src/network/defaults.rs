//! Values that a driver chooses where a document leaves them open.

use oxivirt_core::{Error, Result};

use super::NetworkDefinition;
use crate::net::MacAddress;

/// How many bridges are tried before giving up.
const MOST_BRIDGES: u32 = 65_536;

impl NetworkDefinition {
    /// Gives a network with a bridge of its own a hardware address, if it has
    /// none: `prefix` and then `tail`, which should be random.
    ///
    /// Returns whether the definition changed.
    pub fn fill_mac(&mut self, prefix: [u8; 3], tail: [u8; 3]) -> bool {
        if self.mac.is_some() || !self.has_own_bridge() {
            return false;
        }
        let ([a, b, c], [d, e, f]) = (prefix, tail);
        self.mac = Some(MacAddress([a, b, c, d, e, f]));
        true
    }

    /// Gives a network with a bridge of its own a name for it, if it has none
    /// or a pattern with `%d`: the pattern (`virbr%d` otherwise) with the
    /// first number that `is_free` takes.
    ///
    /// * Returns whether the definition changed.
    /// * Errors: `INTERNAL_ERROR` when no number is free.
    pub fn fill_bridge(&mut self, is_free: impl Fn(&str) -> bool) -> Result<bool> {
        let given = self.bridge.name.as_deref();
        if !self.has_own_bridge() || given.is_some_and(|name| !name.contains("%d")) {
            return Ok(false);
        }
        let pattern = given.unwrap_or("virbr%d").to_owned();
        let name = (0..MOST_BRIDGES).map(|n| pattern.replacen("%d", &n.to_string(), 1)).find(|name| is_free(name));
        let Some(name) = name else {
            return Err(Error::internal(format!("bridge generation exceeded max id {}", MOST_BRIDGES - 1)));
        };
        self.bridge.name = Some(name);
        Ok(true)
    }
}
