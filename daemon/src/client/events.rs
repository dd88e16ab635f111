//! Asking for events.

use oxivirt_core::constants::{
    DomainEventId, NetworkEventId, NodeDeviceEventId, QemuMonitorEventRegisterFlags, SecretEventId, StoragePoolEventId,
};
use oxivirt_core::event::{EventKey, EventKind};
use oxivirt_core::interface::Events;
use oxivirt_core::types::{Domain, Network, NodeDevice, Secret, StoragePool};
use oxivirt_core::{Call, Error, ErrorDomain, Result};

use super::context::Caller;
use crate::subscriptions::{Form, MonitorEvents, Subscriptions, Wish, plain_number};

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
        let key = domain.map(|domain| EventKey::Uuid(domain.uuid));
        let wish = Wish { kind: EventKind::DOMAIN, id, form, key, monitor: MonitorEvents::All };
        Ok(self.table().add(self.channel()?, &self.client, wish))
    }

    /// Registers for events about something else than a domain; `known` is the name of the number.
    fn add_other(&self, kind: EventKind, id: i32, known: Option<&str>, key: Option<EventKey>) -> Result<i32> {
        if known.is_none() {
            return Err(rpc(format!("unsupported {} event ID {id}", noun(kind))));
        }
        let wish = Wish { kind, id, form: Form::Callback, key, monitor: MonitorEvents::All };
        Ok(self.table().add(self.channel()?, &self.client, wish))
    }

    fn remove(&self, kind: EventKind, callback: i32) -> Result<()> {
        match self.table().remove_callback(self.channel()?, &self.client, kind, callback) {
            true => Ok(()),
            false => Err(rpc(format!("{} event callback {callback} not registered", noun(kind)))),
        }
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
        self.remove(EventKind::DOMAIN, callback_id)
    }

    fn connect_network_event_register_any(
        &self,
        _: &Call,
        event_id: NetworkEventId,
        net: Option<&Network>,
    ) -> Result<i32> {
        let key = net.map(|net| EventKey::Uuid(net.uuid));
        self.add_other(EventKind::NETWORK, event_id.0, event_id.name(), key)
    }

    fn connect_network_event_deregister_any(&self, _: &Call, callback_id: i32) -> Result<()> {
        self.remove(EventKind::NETWORK, callback_id)
    }

    fn connect_storage_pool_event_register_any(
        &self,
        _: &Call,
        event_id: StoragePoolEventId,
        pool: Option<&StoragePool>,
    ) -> Result<i32> {
        let key = pool.map(|pool| EventKey::Uuid(pool.uuid));
        self.add_other(EventKind::STORAGE_POOL, event_id.0, event_id.name(), key)
    }

    fn connect_storage_pool_event_deregister_any(&self, _: &Call, callback_id: i32) -> Result<()> {
        self.remove(EventKind::STORAGE_POOL, callback_id)
    }

    fn connect_node_device_event_register_any(
        &self,
        _: &Call,
        event_id: NodeDeviceEventId,
        dev: Option<&NodeDevice>,
    ) -> Result<i32> {
        let key = dev.map(|dev| EventKey::Name(dev.name.to_string()));
        self.add_other(EventKind::NODE_DEVICE, event_id.0, event_id.name(), key)
    }

    fn connect_node_device_event_deregister_any(&self, _: &Call, callback_id: i32) -> Result<()> {
        self.remove(EventKind::NODE_DEVICE, callback_id)
    }

    fn connect_secret_event_register_any(
        &self,
        _: &Call,
        event_id: SecretEventId,
        secret: Option<&Secret>,
    ) -> Result<i32> {
        let key = secret.map(|secret| EventKey::Uuid(secret.uuid));
        self.add_other(EventKind::SECRET, event_id.0, event_id.name(), key)
    }

    fn connect_secret_event_deregister_any(&self, _: &Call, callback_id: i32) -> Result<()> {
        self.remove(EventKind::SECRET, callback_id)
    }

    fn connect_domain_monitor_event_register(
        &self,
        call: &Call,
        dom: Option<&Domain>,
        event: Option<&str>,
        flags: QemuMonitorEventRegisterFlags,
    ) -> Result<i32> {
        let (regex, nocase) = (QemuMonitorEventRegisterFlags::REGEX, QemuMonitorEventRegisterFlags::NOCASE);
        flags.check(regex | nocase, call.name())?;
        let monitor = MonitorEvents::new(event, flags.contains(regex), flags.contains(nocase))?;
        let key = dom.map(|dom| EventKey::Uuid(dom.uuid));
        let wish = Wish { kind: EventKind::QEMU_MONITOR, id: 0, form: Form::Callback, key, monitor };
        Ok(self.table().add(self.channel()?, &self.client, wish))
    }

    fn connect_domain_monitor_event_deregister(&self, _: &Call, callback_id: i32) -> Result<()> {
        self.remove(EventKind::QEMU_MONITOR, callback_id)
    }
}

/// What an event is about, in words.
fn noun(kind: EventKind) -> &'static str {
    match kind {
        EventKind::NETWORK => "network",
        EventKind::STORAGE_POOL => "storage pool",
        EventKind::NODE_DEVICE => "node device",
        EventKind::SECRET => "secret",
        EventKind::QEMU_MONITOR => "qemu monitor",
        _ => "domain",
    }
}

fn rpc(detail: String) -> Error {
    Error::internal(detail).in_domain(ErrorDomain::RPC)
}
