//! `talks:///` tells of everything that any driver can tell of, whenever its domain is started.

use oxivirt_core::Result;
use oxivirt_core::call::Call;
use oxivirt_core::constants::{
    DomainEventType, NetworkEventType, NetworkMetadataType, NodeDeviceEventType, SecretEventType, StoragePoolEventType,
};
use oxivirt_core::event::{Event, GraphicsAddress, GraphicsIdentity};
use oxivirt_core::host::Host;
use oxivirt_core::interface::{Connect, DomainLifecycle, DomainListing, implements};
use oxivirt_core::plugin::{Driver, OpenFlags, Opened, Start};
use oxivirt_core::types::{Domain, List, Network, NodeDevice, Secret, StoragePool, TypedParam, TypedValue, Uuid};

/// Tells of everything at once.
pub struct Talks {
    host: Host,
    channel: u64,
}

/// A connection of [`Talks`].
pub struct Talking {
    host: Host,
    channel: u64,
}

impl Driver for Talks {
    type Connection = Talking;

    fn start(host: Host) -> Result<Start<Self>> {
        Ok(Start::Ready(Self { host, channel: host.new_channel() }))
    }

    fn open(&self, _call: &Call, _uri: &str, _flags: OpenFlags) -> Result<Opened<Talking>> {
        let connection = Talking { host: self.host, channel: self.channel };
        Ok(Opened { connection, channel: self.channel })
    }
}

#[implements]
impl Connect for Talking {
    #[quick]
    fn connect_get_type(&self, _call: &Call) -> Result<String> {
        Ok("Talks".to_owned())
    }
}

#[implements]
impl DomainListing for Talking {
    fn domain_lookup_by_name(&self, _call: &Call, name: &str) -> Result<Domain> {
        Ok(Domain::new(name, UUID, -1))
    }

    fn domain_lookup_by_uuid(&self, _call: &Call, uuid: &Uuid) -> Result<Domain> {
        Ok(Domain::new("guest", *uuid, 3))
    }
}

#[implements]
impl DomainLifecycle for Talking {
    fn domain_create(&self, _call: &Call, dom: &Domain) -> Result<()> {
        for event in about_domains(dom)?.into_iter().chain(about_others(dom)?) {
            self.host.emit(self.channel, &event);
        }
        Ok(())
    }
}

/// Of every object that is told of.
const UUID: Uuid = Uuid([7; 16]);

/// One event of each kind, in the order of their numbers.
fn about_domains(domain: &Domain) -> Result<Vec<Event>> {
    let address = |node: &str| GraphicsAddress { family: 0, node: node.into(), service: "5900".into() };
    let name = GraphicsIdentity { r#type: "x509dname".into(), name: "somebody".into() };
    let tuned = [TypedParam::new("cputune.vcpupin0", TypedValue::String("0-1"))];
    let done = [TypedParam::new("operation", TypedValue::Int(4))];
    Ok(vec![
        Event::lifecycle(domain, DomainEventType::SUSPENDED, 1)?,
        Event::reboot(domain)?,
        Event::rtc_change(domain, -5)?,
        Event::watchdog(domain, 2)?,
        Event::io_error(domain, "/path", "alias", 1)?,
        Event::graphics(domain, 1, &address("local"), &address("remote"), "scheme", &List::new(vec![name])?)?,
        Event::io_error_reason(domain, "/path", "alias", 2, "enospc")?,
        Event::control_error(domain)?,
        Event::block_job(domain, "/path", 1, 0)?,
        Event::disk_change(domain, Some("/old"), None, "alias", 0)?,
        Event::tray_change(domain, "alias", 1)?,
        Event::pmwakeup(domain, 0)?,
        Event::pmsuspend(domain, 0)?,
        Event::balloon_change(domain, 1 << 40)?,
        Event::pmsuspend_disk(domain, 0)?,
        Event::device_removed(domain, "removed")?,
        Event::block_job_2(domain, "vda", 2, 3)?,
        Event::tunable(domain, &List::new(tuned.to_vec())?)?,
        Event::agent_lifecycle(domain, 1, 2)?,
        Event::device_added(domain, "added")?,
        Event::migration_iteration(domain, 7)?,
        Event::job_completed(domain, &List::new(done.to_vec())?)?,
        Event::device_removal_failed(domain, "kept")?,
        Event::metadata_change(domain, 2, Some("urn:contract"))?,
        Event::block_threshold(domain, "vda", Some("/path"), 1 << 33, 5)?,
        Event::memory_failure(domain, 1, 2, 3)?,
        Event::memory_device_size_change(domain, "dimm0", 1 << 30)?,
        Event::nic_mac_change(domain, "net0", "52:54:00:00:00:01", "52:54:00:00:00:02")?,
    ])
}

fn about_others(domain: &Domain) -> Result<Vec<Event>> {
    let network = Network { name: "net".into(), uuid: UUID };
    let pool = StoragePool { name: "pool".into(), uuid: UUID };
    let device = NodeDevice { name: "device".into() };
    let secret = Secret { uuid: UUID, usage_type: 1, usage_id: "/volume".into() };
    Ok(vec![
        Event::network_lifecycle(&network, NetworkEventType::STARTED, 0)?,
        Event::network_metadata_change(&network, NetworkMetadataType::ELEMENT, Some("urn:net"))?,
        Event::storage_pool_lifecycle(&pool, StoragePoolEventType::STOPPED, 0)?,
        Event::storage_pool_refresh(&pool)?,
        Event::node_device_lifecycle(&device, NodeDeviceEventType::CREATED, 0)?,
        Event::node_device_update(&device)?,
        Event::secret_lifecycle(&secret, SecretEventType::DEFINED, 0)?,
        Event::secret_value_changed(&secret)?,
        Event::qemu_monitor(domain, "SHUTDOWN", 12, 34, Some("{\"guest\":true}"))?,
    ])
}
