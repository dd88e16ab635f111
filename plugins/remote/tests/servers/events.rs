//! Events of every kind that servers tell.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};

use oxivirt_core::Call;
use oxivirt_core::client::{Client, Request, Told, Watches};
use oxivirt_core::constants::{
    DomainEventId, NetworkEventId, NodeDeviceEventId, SecretEventId, StoragePoolCreateFlags, StoragePoolDefineFlags,
    StoragePoolEventId,
};
use oxivirt_core::event::{Event, EventKey, EventKind};
use oxivirt_core::interface::{DomainLifecycle, DomainListing, Events, Networks, NodeDevices, Secrets, StoragePools};
use oxivirt_core::plugin::OpenFlags;
use oxivirt_driver_remote::{Carrier, RemoteUri, connect};
use oxivirt_tests::process;
use oxivirt_tests::sandbox::{Program, Sandbox};

use super::Outcome;
use super::place::{Heard, SOON, ask, open_with, places, start, text, with_each};

/// A connection with callbacks.
struct Watching {
    client: Client<Carrier>,
    watches: Arc<Watches>,
    /// Numbers of callbacks, in the order in which they were called.
    called: Receiver<(u8, Event)>,
    sender: Mutex<std::sync::mpsc::Sender<(u8, Event)>>,
}

impl Watching {
    fn open(uri: &str, sandbox: &Sandbox) -> Result<Watching, String> {
        let watches = Arc::new(Watches::default());
        let delivered = watches.clone();
        let listener = Box::new(move |told: Told| delivered.deliver(&told));
        let uri = RemoteUri::parse(uri).map_err(text)?;
        let client = connect(&uri, OpenFlags::EMPTY, &places(sandbox.root()), listener).map_err(text)?;
        let (sender, called) = channel();
        Ok(Watching { client, watches, called, sender: Mutex::new(sender) })
    }

    /// Adds a callback that is known by a number of ours; returns the number for taking it back.
    fn add(&self, mark: u8, kind: EventKind, id: i32, key: Option<EventKey>) -> Result<i32, String> {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let callback = move |event: &Event| drop(sender.send((mark, event.clone())));
        Call::with(&Request::new("register"), |call| self.watches.add(&self.client, call, kind, id, key, callback))
            .map_err(text)
    }

    fn remove(&self, number: i32) -> Outcome {
        Call::with(&Request::new("deregister"), |call| self.watches.remove(&self.client, call, number)).map_err(text)
    }

    /// The marks of the next events.
    fn next(&self, count: usize) -> Result<Vec<u8>, String> {
        let mut marks = Vec::new();
        for _ in 0..count {
            let (mark, _) = self.called.recv_timeout(SOON).map_err(|_| format!("after {marks:?} nothing came"))?;
            marks.push(mark);
        }
        marks.sort_unstable();
        Ok(marks)
    }
}

#[test]
fn callbacks_are_told_apart_and_taken_back() -> Outcome {
    with_each(|_, program| {
        let sandbox = start(program)?;
        let on = Watching::open(&sandbox.uri("test", "/default"), &sandbox)?;
        let domain = ask("domain_lookup_by_name", |call| on.client.domain_lookup_by_name(call, "test"))?;
        let lifecycle = DomainEventId::LIFECYCLE.0;
        let all = on.add(1, EventKind::DOMAIN, lifecycle, None)?;
        let this = on.add(2, EventKind::DOMAIN, lifecycle, Some(EventKey::Uuid(domain.uuid)))?;
        on.add(
            3,
            EventKind::DOMAIN,
            lifecycle,
            Some(EventKey::Uuid("99999999-9999-9999-9999-999999999999".parse().map_err(text)?)),
        )?;
        on.add(4, EventKind::DOMAIN, DomainEventId::REBOOT.0, None)?;
        let suspend = || ask("domain_suspend", |call| on.client.domain_suspend(call, &domain));
        let resume = || ask("domain_resume", |call| on.client.domain_resume(call, &domain));
        suspend()?;
        assert_eq!(on.next(2)?, [1, 2]);
        on.remove(all)?;
        resume()?;
        assert_eq!(on.next(1)?, [2]);
        on.remove(this)?;
        assert!(on.remove(this).is_err(), "twice");
        suspend()?;
        let again = on.add(5, EventKind::DOMAIN, lifecycle, None)?;
        resume()?;
        assert_eq!(on.next(1)?, [5], "nothing came of what nobody waits for");
        on.remove(again)
    })
}

#[test]
fn old_calls_for_events_work() -> Outcome {
    with_each(|_, program| {
        let sandbox = start(program)?;
        let heard = Heard::default();
        let client =
            open_with(&sandbox.uri("test", "/default"), sandbox.root(), OpenFlags::EMPTY, &heard).map_err(text)?;
        ask("connect_domain_event_register", |call| client.connect_domain_event_register(call))?;
        let domain = ask("domain_lookup_by_name", |call| client.domain_lookup_by_name(call, "test"))?;
        ask("domain_suspend", |call| client.domain_suspend(call, &domain))?;
        heard.wait("a life-cycle event", |told| match told {
            Told::Event(_, event) => (event.domain().map(|domain| domain.name.as_str()) == Some("test")).then_some(()),
            Told::Closed(_) => None,
        })?;
        let before = heard.all().len();
        ask("connect_domain_event_deregister", |call| client.connect_domain_event_deregister(call))?;
        ask("domain_resume", |call| client.domain_resume(call, &domain))?;
        // Another kind, whose event comes behind all that might have come before.
        ask("connect_domain_event_register_any", |call| {
            client.connect_domain_event_register_any(call, DomainEventId::LIFECYCLE)
        })?;
        ask("domain_suspend", |call| client.domain_suspend(call, &domain))?;
        process::wait_for("another one", SOON, || (heard.all().len() > before).then_some(()))?;
        assert_eq!(heard.all().len(), before + 1, "{:?}", heard.all());
        Ok(())
    })
}

#[test]
fn networks_pools_and_devices_tell_their_own() -> Outcome {
    with_each(|_, program| {
        let sandbox = start(program)?;
        let on = Watching::open(&sandbox.uri("test", "/default"), &sandbox)?;
        let client = &on.client;
        on.add(1, EventKind::NETWORK, NetworkEventId::LIFECYCLE.0, None)?;
        on.add(2, EventKind::STORAGE_POOL, StoragePoolEventId::LIFECYCLE.0, None)?;
        on.add(3, EventKind::STORAGE_POOL, StoragePoolEventId::REFRESH.0, None)?;
        on.add(4, EventKind::NODE_DEVICE, NodeDeviceEventId::LIFECYCLE.0, None)?;

        let network = ask("network_lookup_by_name", |call| client.network_lookup_by_name(call, "default"))?;
        ask("network_destroy", |call| client.network_destroy(call, &network))?;
        assert_eq!(on.next(1)?, [1]);

        let folder = tempfile::tempdir().map_err(text)?;
        let path = folder.path().display();
        let xml = format!("<pool type='dir'><name>told</name><target><path>{path}</path></target></pool>");
        let pool = ask("storage_pool_define_xml", |call| {
            client.storage_pool_define_xml(call, &xml, StoragePoolDefineFlags::EMPTY)
        })?;
        assert_eq!(on.next(1)?, [2]);
        ask("storage_pool_create", |call| client.storage_pool_create(call, &pool, StoragePoolCreateFlags::NORMAL))?;
        assert_eq!(on.next(1)?, [2]);
        ask("storage_pool_refresh", |call| client.storage_pool_refresh(call, &pool, 0))?;
        assert_eq!(on.next(1)?, [3]);

        let xml = "<device><name>told</name><parent>scsi_host1</parent><capability type='scsi_host'>\
                   <capability type='fc_host'><wwnn>2000000012341234</wwnn><wwpn>2100000012341234</wwpn></capability>\
                   </capability></device>";
        let made = ask("node_device_create_xml", |call| client.node_device_create_xml(call, xml, Default::default()));
        match made {
            Ok(device) => {
                assert_eq!(on.next(1)?, [4]);
                ask("node_device_destroy", |call| client.node_device_destroy(call, &device.name))?;
                assert_eq!(on.next(1)?, [4]);
            }
            Err(error) => return Err(format!("a device cannot be made: {error}")),
        }
        Ok(())
    })
}

#[test]
fn secrets_tell_their_own() -> Outcome {
    with_each(|_, program| {
        // Ours has no driver for secrets yet.
        if !matches!(program, Program::Stock) {
            return Ok(());
        }
        let sandbox = start(program)?;
        let on = Watching::open(&sandbox.uri("secret", "/system"), &sandbox)?;
        on.add(1, EventKind::SECRET, SecretEventId::LIFECYCLE.0, None)?;
        on.add(2, EventKind::SECRET, SecretEventId::VALUE_CHANGED.0, None)?;
        let xml = "<secret ephemeral='no' private='no'><description>told</description></secret>";
        let secret = ask("secret_define_xml", |call| on.client.secret_define_xml(call, xml, Default::default()))?;
        assert_eq!(on.next(1)?, [1]);
        ask("secret_set_value", |call| on.client.secret_set_value(call, &secret, &b"abc".to_vec().into(), 0))?;
        assert_eq!(on.next(1)?, [2]);
        ask("secret_undefine", |call| on.client.secret_undefine(call, &secret))?;
        assert_eq!(on.next(1)?, [1]);
        Ok(())
    })
}
