//! Asking for events: answered by the daemon for every driver.

use oxivirt_macros::interface;

use crate::Result;
use crate::call::Call;
use crate::constants::DomainEventId;
use crate::types::Domain;

/// Asking for events: answered by the daemon, which delivers what drivers emit.
///
/// Any number of callbacks may be registered, each with its own id, also for the
/// same event; a callback may be limited to one domain.
#[interface(local)]
pub trait Events {
    /// Wants life-cycle events in the oldest form; returns the number of callbacks.
    #[rpc(105, acl = ["connect:search_domains"], filter = ["domain:getattr"], high)]
    fn connect_domain_event_register(&self, call: &Call) -> Result<i32>;

    /// No longer wants them; returns the number of callbacks left.
    #[rpc(106, acl = ["connect:read"], high)]
    fn connect_domain_event_deregister(&self, call: &Call) -> Result<i32>;

    /// Wants one kind of event, of all domains, without a callback id.
    #[rpc(167, acl = ["connect:search_domains"], filter = ["domain:getattr"], high)]
    fn connect_domain_event_register_any(&self, call: &Call, event_id: DomainEventId) -> Result<()>;

    /// No longer wants one kind of event.
    #[rpc(168, acl = ["connect:read"], high)]
    fn connect_domain_event_deregister_any(&self, call: &Call, event_id: DomainEventId) -> Result<()>;

    /// Wants one kind of event, of all domains or of one.
    ///
    /// * Returns the callback id that comes with each event.
    /// * Errors: `INVALID_ARG` for an unknown kind.
    #[rpc(316, acl = ["connect:search_domains"], filter = ["domain:getattr"], high)]
    fn connect_domain_event_callback_register_any(
        &self,
        call: &Call,
        event_id: DomainEventId,
        dom: Option<&Domain>,
    ) -> Result<i32>;

    /// No longer wants the events of one callback.
    ///
    /// * Errors: `INVALID_ARG` for an unknown id.
    #[rpc(317, acl = ["connect:read"], high)]
    fn connect_domain_event_callback_deregister_any(&self, call: &Call, callback_id: i32) -> Result<()>;
}
