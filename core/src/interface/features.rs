//! What a connection has beside its calls.

use oxivirt_macros::interface;

use crate::Result;
use crate::call::Call;

/// Features and safety of a connection. The daemon answers for the way to
/// itself, and asks the driver about what only that knows: a driver that hands
/// calls on asks its server.
#[interface]
pub trait Features {
    /// Whether the driver has a feature, by its number: 0 or 1.
    ///
    /// * Drivers without this call have those features that are a matter of
    ///   the daemon alone, such as typed parameters with strings.
    #[rpc(60, acl = ["connect:getattr"], high)]
    fn connect_supports_feature(&self, call: &Call, feature: i32) -> Result<i32>;

    /// Whether nobody else can listen to this connection: 0 or 1.
    ///
    /// * Drivers without this call work on this host.
    #[rpc(149, high)]
    fn connect_is_secure(&self, call: &Call) -> Result<i32>;
}
