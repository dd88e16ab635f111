//! Callbacks for events: each kind of event is asked for once per connection,
//! any number of callbacks share it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Client, Link, Told, Transport};
use crate::call::Call;
use crate::constants::{
    DomainEventId, NetworkEventId, NodeDeviceEventId, QemuMonitorEventRegisterFlags, SecretEventId, StoragePoolEventId,
};
use crate::event::{Event, EventKey, EventKind};
use crate::interface::Events;
use crate::{Error, Result};

/// What an event's callback gets.
type Callback = Arc<dyn Fn(&Event) + Send + Sync>;

/// The callbacks of one connection. Hand [`Watches::deliver`] to the
/// connection as its listener.
#[derive(Default)]
pub struct Watches {
    table: Mutex<Table>,
    /// Held while the server is asked, so that it is asked once.
    asking: Mutex<()>,
}

#[derive(Default)]
struct Table {
    next: i32,
    callbacks: HashMap<i32, Watch>,
    /// The server's callback id of each kind and number that was asked for.
    asked: HashMap<(i32, i32), i32>,
}

struct Watch {
    kind: EventKind,
    id: i32,
    key: Option<EventKey>,
    callback: Callback,
}

impl Watches {
    /// Takes what the server tells; callbacks run on the calling thread and
    /// must not call the server themselves.
    pub fn deliver(&self, told: &Told) {
        let Told::Event(_, event) = told else { return };
        let key = event.key();
        let fits = |watch: &&Watch| {
            watch.kind == event.kind()
                && watch.id == event.id()
                && watch.key.as_ref().is_none_or(|wanted| key.as_ref() == Some(wanted))
        };
        let callbacks: Vec<Callback> =
            self.table().callbacks.values().filter(fits).map(|watch| watch.callback.clone()).collect();
        for callback in callbacks {
            callback(event);
        }
    }

    /// Adds a callback for one kind of event; the server is asked the first time.
    ///
    /// * `key`: only events about this object.
    /// * Returns a number for [`Watches::remove`], unique on this connection.
    pub fn add<T: Transport>(
        &self,
        client: &Client<T>,
        call: &Call,
        kind: EventKind,
        id: i32,
        key: Option<EventKey>,
        callback: impl Fn(&Event) + Send + Sync + 'static,
    ) -> Result<i32> {
        let number = {
            let mut table = self.table();
            let number = table.next;
            table.next = number.checked_add(1).ok_or_else(|| Error::operation_failed("too many callbacks"))?;
            table.callbacks.insert(number, Watch { kind, id, key, callback: Arc::new(callback) });
            number
        };
        let _once = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        if self.table().asked.contains_key(&(kind.0, id)) {
            return Ok(number);
        }
        match ask(client, call, kind, id) {
            Ok(theirs) => {
                self.table().asked.insert((kind.0, id), theirs);
                Ok(number)
            }
            Err(error) => {
                self.table().callbacks.remove(&number);
                Err(error)
            }
        }
    }

    /// Takes a callback back; the server is told when it was the last of its kind.
    ///
    /// * Errors: `INVALID_ARG` for an unknown number.
    pub fn remove<T: Transport>(&self, client: &Client<T>, call: &Call, number: i32) -> Result<()> {
        let _once = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        let (kind, theirs) = {
            let mut table = self.table();
            let watch = table.callbacks.remove(&number);
            let watch = watch.ok_or_else(|| Error::invalid_arg(format!("there is no callback {number}")))?;
            if table.callbacks.values().any(|other| other.kind == watch.kind && other.id == watch.id) {
                return Ok(());
            }
            (watch.kind, table.asked.remove(&(watch.kind.0, watch.id)))
        };
        theirs.map_or(Ok(()), |theirs| take_back(client, call, kind, theirs))
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks a server for one kind of event about all objects; returns its callback id.
pub fn ask<T: Transport>(client: &Client<T>, call: &Call, kind: EventKind, id: i32) -> Result<i32> {
    match kind {
        EventKind::DOMAIN => client.connect_domain_event_callback_register_any(call, DomainEventId(id), None),
        EventKind::NETWORK => client.connect_network_event_register_any(call, NetworkEventId(id), None),
        EventKind::STORAGE_POOL => client.connect_storage_pool_event_register_any(call, StoragePoolEventId(id), None),
        EventKind::NODE_DEVICE => client.connect_node_device_event_register_any(call, NodeDeviceEventId(id), None),
        EventKind::SECRET => client.connect_secret_event_register_any(call, SecretEventId(id), None),
        EventKind::QEMU_MONITOR => {
            client.connect_domain_monitor_event_register(call, None, None, QemuMonitorEventRegisterFlags::EMPTY)
        }
        other => Err(Error::invalid_arg(format!("events of kind {} cannot be asked for", other.0))),
    }
}

fn take_back<T: Transport>(client: &Client<T>, call: &Call, kind: EventKind, theirs: i32) -> Result<()> {
    match kind {
        EventKind::DOMAIN => client.connect_domain_event_callback_deregister_any(call, theirs),
        EventKind::NETWORK => client.connect_network_event_deregister_any(call, theirs),
        EventKind::STORAGE_POOL => client.connect_storage_pool_event_deregister_any(call, theirs),
        EventKind::NODE_DEVICE => client.connect_node_device_event_deregister_any(call, theirs),
        EventKind::SECRET => client.connect_secret_event_deregister_any(call, theirs),
        EventKind::QEMU_MONITOR => client.connect_domain_monitor_event_deregister(call, theirs),
        _ => Ok(()),
    }
}

/// Asks for every described event; kinds that the server's driver does not have are left out.
///
/// * Errors: only those of the connection itself.
pub fn ask_for_everything<T: Transport + AsRef<Link>>(client: &Client<T>, call: &Call) -> Result<()> {
    for event in crate::event::all_events() {
        if let Err(error) = ask(client, call, event.kind, event.id) {
            if let Some(ended) = client.transport().as_ref().ended() {
                return Err(ended);
            }
            tracing::debug!(event = event.name, %error, "the server does not tell this event");
        }
    }
    Ok(())
}
