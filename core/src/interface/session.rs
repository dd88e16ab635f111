//! What the daemon answers by itself: opening, authentication.

use oxivirt_macros::interface;

use crate::Result;
use crate::call::Call;
use crate::types::{List, SaslStep, TypedParam, limit};

/// Opening a connection and authentication: answered by the daemon,
/// never by a driver.
#[interface(local)]
pub trait Session {
    /// Opens the connection that every later call of this client is about.
    ///
    /// * `name`: a URI; absent means the daemon's default.
    /// * Errors: `NO_CONNECT` when no driver serves the URI; `OPERATION_DENIED` for
    /// read-write access through the read-only socket.
    #[rpc(1, acl = ["connect:getattr"], high)]
    fn connect_open(&self, call: &Call, name: Option<&str>, flags: u32) -> Result<()>;

    /// Ends the connection; the client goes away next.
    #[rpc(2, high)]
    fn connect_close(&self, call: &Call) -> Result<()>;

    /// Version of the interface that the daemon speaks, as `major * 1_000_000 + minor * 1_000 + release`.
    #[rpc(157, acl = ["connect:getattr"], high)]
    fn connect_get_lib_version(&self, call: &Call) -> Result<u64>;

    /// Names the user on whose behalf a trusted client acts.
    #[rpc(419, acl = ["connect:write"])]
    fn connect_set_identity(
        &self,
        call: &Call,
        params: &List<TypedParam, { limit::IDENTITY }>,
        flags: u32,
    ) -> Result<()>;

    /// Ways to authenticate: 0 none, 1 SASL, 2 polkit.
    #[rpc(66, high)]
    fn auth_list(&self, call: &Call) -> Result<List<i32, { limit::AUTH_TYPES }>>;

    /// Asks polkit; 1 when the client may go on.
    #[rpc(70, high)]
    fn auth_polkit(&self, call: &Call) -> Result<i32>;

    /// Wants to know when the driver loses its connection.
    #[rpc(360, acl = ["connect:getattr"], high)]
    fn connect_register_close_callback(&self, call: &Call) -> Result<()>;

    /// No longer wants to know.
    #[rpc(361, acl = ["connect:getattr"], high)]
    fn connect_unregister_close_callback(&self, call: &Call) -> Result<()>;

    /// Starts authentication through SASL: the mechanisms on offer, separated by commas.
    #[rpc(67, high)]
    fn auth_sasl_init(&self, call: &Call) -> Result<String>;

    /// Begins with a mechanism; `nil` 1 says that there are no data, which differs from empty ones.
    #[rpc(68, high)]
    fn auth_sasl_start(
        &self,
        call: &Call,
        mech: &str,
        nil: i32,
        data: &List<i8, { limit::SASL_DATA }>,
    ) -> Result<SaslStep>;

    /// One more step of the exchange; `complete` 1 when the client is let in.
    ///
    /// * Errors: `AUTH_FAILED`.
    #[rpc(69, high)]
    fn auth_sasl_step(&self, call: &Call, nil: i32, data: &List<i8, { limit::SASL_DATA }>) -> Result<SaslStep>;
}
