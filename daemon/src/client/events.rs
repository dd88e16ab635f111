//! Asking for events.

use oxivirt_core::constants::DomainEventId;
use oxivirt_core::event::EventKind;
use oxivirt_core::interface::Events;
use oxivirt_core::types::Domain;
use oxivirt_core::{Call, Error, ErrorDomain, Result};

use super::context::Caller;
use crate::subscriptions::{Form, Subscriptions, Wish, plain_number};

impl Caller {
    fn table(&self) -> &'static Subscriptions {
        &self.client.server.daemon().subscriptions
    }

    fn channel(&self) -> Result<u64> {
        match self.client.connection() {
            Some(connection) => Ok(connection.channel()),
            None => Err(Error::internal("hypervisor connection not open").in_domain(ErrorDomain::RPC)),
        }
    }

    fn add(&self, id: i32, form: Form, domain: Option<&Domain>) -> Result<i32> {
        let wish = Wish { kind: EventKind::DOMAIN, id, form, domain: domain.map(|domain| domain.uuid) };
        Ok(self.table().add(self.channel()?, &self.client, wish))
    }

    /// Removes one registration in the oldest form.
    fn remove_plain(&self, id: i32) -> Result<()> {
        let form = |wish: &Wish| wish.form == Form::Plain && wish.id == id;
        match self.table().remove(self.channel()?, &self.client, form) {
            true => Ok(()),
            false => Err(rpc(format!("domain event {id} not registered"))),
        }
    }
}

impl Events for Caller {
    fn connect_domain_event_register(&self, _: &Call) -> Result<i32> {
        self.add(DomainEventId::LIFECYCLE.0, Form::Plain, None)?;
        Ok(self.table().count_plain(self.channel()?, &self.client, DomainEventId::LIFECYCLE.0))
    }

    fn connect_domain_event_deregister(&self, _: &Call) -> Result<i32> {
        self.remove_plain(DomainEventId::LIFECYCLE.0)?;
        Ok(self.table().count_plain(self.channel()?, &self.client, DomainEventId::LIFECYCLE.0))
    }

    fn connect_domain_event_register_any(&self, _: &Call, event_id: DomainEventId) -> Result<()> {
        match plain_number(EventKind::DOMAIN, event_id.0) {
            Some(_) => self.add(event_id.0, Form::Plain, None).map(drop),
            None => Err(rpc(format!("unsupported event ID {}", event_id.0))),
        }
    }

    fn connect_domain_event_deregister_any(&self, _: &Call, event_id: DomainEventId) -> Result<()> {
        match plain_number(EventKind::DOMAIN, event_id.0) {
            Some(_) => self.remove_plain(event_id.0),
            None => Err(rpc(format!("unsupported event ID {}", event_id.0))),
        }
    }

    fn connect_domain_event_callback_register_any(
        &self,
        _: &Call,
        event_id: DomainEventId,
        dom: Option<&Domain>,
    ) -> Result<i32> {
        match event_id.name() {
            Some(_) => self.add(event_id.0, Form::Callback, dom),
            None => Err(rpc(format!("unsupported event ID {}", event_id.0))),
        }
    }

    fn connect_domain_event_callback_deregister_any(&self, _: &Call, callback_id: i32) -> Result<()> {
        match self.table().remove_callback(self.channel()?, &self.client, callback_id) {
            true => Ok(()),
            false => Err(rpc(format!("domain event callback {callback_id} not registered"))),
        }
    }
}

fn rpc(detail: String) -> Error {
    Error::internal(detail).in_domain(ErrorDomain::RPC)
}
