//! What a driver adds to the reading of a network.

use oxivirt_core::Result;

use super::{NetworkDefinition, ParseFlags};

/// A driver's part in [`NetworkDefinition::parse`]. Every method has a
/// default that does nothing; an error of any fails the parse with that error.
pub trait NetworkHooks {
    /// Fills in what the document leaves open; see
    /// [`NetworkDefinition::fill_mac`] and [`NetworkDefinition::fill_bridge`].
    /// A driver that does not know the `dnsmasq:` elements clears them here.
    fn post_parse(&self, def: &mut NetworkDefinition, flags: ParseFlags) -> Result<()> {
        let _ = (def, flags);
        Ok(())
    }

    /// Refuses what the driver cannot do; code `CONFIG_UNSUPPORTED`.
    fn validate(&self, def: &NetworkDefinition, flags: ParseFlags) -> Result<()> {
        let _ = (def, flags);
        Ok(())
    }
}

/// No driver: only what is the same for all of them.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHooks;

impl NetworkHooks for NoHooks {}
