//! Devices of the host.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;

use oxivirt_conf::node_device::{
    Capability, CapabilityKind, FcHost, NodeDeviceDefinition, ParentHba, ParseAs, ScsiHost,
};
use oxivirt_core::constants::NodeDeviceEventType;
use oxivirt_core::event::Event;
use oxivirt_core::types::NodeDevice;
use oxivirt_core::{Error, ErrorCode, ErrorDomain, Result};

use crate::directory::{Directory, Names};
use crate::schema;
use crate::state::State;

/// One device.
pub(crate) struct Device {
    pub(crate) definition: NodeDeviceDefinition,
    /// Whether it was there from the beginning, rather than made by somebody.
    pub(crate) persistent: bool,
}

pub(crate) type Devices = Directory<Device>;

/// What names of SCSI hosts begin with; a number follows.
const SCSI_HOST: &str = "scsi_host";

/// A virtual adapter that is to be made.
pub(crate) struct NewAdapter<'a> {
    /// What it is for, in errors.
    pub(crate) purpose: &'a str,
    /// Name of the adapter that it is to hang on.
    pub(crate) parent: Option<&'a str>,
    /// How that one is found otherwise; the first that can have children if
    /// nothing is said.
    pub(crate) parent_hba: &'a ParentHba,
    /// World-wide name of its node; made up if absent.
    pub(crate) wwnn: Option<&'a str>,
    /// World-wide name of its port; made up if absent.
    pub(crate) wwpn: Option<&'a str>,
}

/// Whether a device is or can do something.
pub(crate) fn has(device: &NodeDeviceDefinition, kind: CapabilityKind) -> bool {
    device.capabilities.iter().any(|capability| capability.kinds().contains(&kind))
}

/// Reads the document of a device to be made.
///
/// * `validate` – holds it against the published schema first.
pub(crate) fn parse_new(xml: &str, validate: bool) -> Result<NodeDeviceDefinition> {
    if validate {
        schema::check(xml, "nodedev.rng", ErrorDomain::NODEDEV)?;
    }
    NodeDeviceDefinition::parse(xml, ParseAs::New).map_err(|error| error.in_domain(ErrorDomain::NODEDEV))
}

/// The part of a device that makes it a SCSI host.
fn scsi_host(device: &NodeDeviceDefinition) -> Option<&ScsiHost> {
    device.capabilities.iter().find_map(|capability| match capability {
        Capability::ScsiHost(host) => Some(&**host),
        _ => None,
    })
}

/// The part of a device that makes it a fibre channel adapter.
pub(crate) fn fc_host(device: &NodeDeviceDefinition) -> Option<&FcHost> {
    scsi_host(device).and_then(|host| host.fc_host.as_ref())
}

/// The adapter with these world-wide names.
pub(crate) fn by_wwn<'a>(all: &'a Names<Device>, wwnn: &str, wwpn: &str) -> Option<&'a NodeDeviceDefinition> {
    let mut devices = all.values().map(|device| &device.definition);
    devices.find(|device| fc_host(device).is_some_and(|fc| is(&fc.wwnn, wwnn) && is(&fc.wwpn, wwpn)))
}

fn is(known: &Option<String>, wanted: &str) -> bool {
    known.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(wanted))
}

impl State {
    /// The device of that name. Never waits.
    pub(crate) fn find_device(&self, name: &str) -> Result<Arc<Device>> {
        self.devices.get(name).ok_or_else(|| missing(name))
    }

    /// Puts in a device, as files have them.
    pub(crate) fn add_device(&self, definition: NodeDeviceDefinition) -> Result<()> {
        self.devices.change(
            |all| {
                all.insert(definition.name.clone(), Arc::new(Device { definition, persistent: true }));
                Ok(())
            },
            |()| (),
        )
    }

    /// Makes a virtual adapter; returns its name.
    ///
    /// Errors: `INTERNAL_ERROR` when the adapter that it should hang on is
    /// missing or cannot have any.
    pub(crate) fn create_adapter(&self, new: &NewAdapter<'_>) -> Result<String> {
        let make = |all: &mut Names<Device>| {
            let definition = virtual_adapter(all, new)?;
            let name = definition.name.clone();
            all.insert(name.clone(), Arc::new(Device { definition, persistent: false }));
            Ok(name)
        };
        let name = self.devices.change(make, |name| self.tell_device(name, NodeDeviceEventType::CREATED));
        name.map_err(|error| error.in_domain(ErrorDomain::NODEDEV))
    }

    /// Takes a device away.
    pub(crate) fn destroy_device(&self, name: &str) -> Result<()> {
        self.devices.change(
            |all| all.remove(name).map(drop).ok_or_else(|| missing(name)),
            |()| self.tell_device(name, NodeDeviceEventType::DELETED),
        )
    }

    fn tell_device(&self, name: &str, event: NodeDeviceEventType) {
        self.emit_event(Event::node_device_lifecycle(&NodeDevice { name: name.into() }, event, 0));
    }
}

fn missing(name: &str) -> Error {
    let text = format!("no node device with matching name '{name}'");
    Error::new(ErrorCode::NO_NODE_DEVICE, text).in_domain(ErrorDomain::TEST)
}

/// What a new adapter will be.
fn virtual_adapter(all: &Names<Device>, new: &NewAdapter<'_>) -> Result<NodeDeviceDefinition> {
    let parent = parent(all, new)
        .ok_or_else(|| Error::internal(format!("Could not find parent device for '{}'", new.purpose)))?;
    if !has(parent, CapabilityKind::Vports) {
        return Err(Error::internal(format!("Parent device {} is not capable of vport operations", parent.name)));
    }
    let number = free_number(all)?;
    let host = ScsiHost {
        host: Some(number),
        unique_id: Some(number.saturating_sub(1)),
        fc_host: Some(FcHost {
            wwnn: Some(new.wwnn.map_or_else(random_wwn, str::to_owned)),
            wwpn: Some(new.wwpn.map_or_else(random_wwn, str::to_owned)),
            fabric_wwn: fc_host(parent).and_then(|fc| fc.fabric_wwn.clone()),
        }),
        vport_ops: None,
    };
    Ok(NodeDeviceDefinition {
        name: format!("{SCSI_HOST}{number}"),
        parent: Some(parent.name.clone()),
        capabilities: vec![Capability::ScsiHost(Box::new(host))],
        ..NodeDeviceDefinition::default()
    })
}

fn parent<'a>(all: &'a Names<Device>, new: &NewAdapter<'_>) -> Option<&'a NodeDeviceDefinition> {
    if let Some(name) = new.parent {
        return all.get(name).map(|device| &device.definition);
    }
    if let Some((wwnn, wwpn)) = &new.parent_hba.wwnn_wwpn {
        return by_wwn(all, wwnn, wwpn);
    }
    let devices = all.values().map(|device| &device.definition);
    let mut able = devices.filter(|device| has(device, CapabilityKind::Vports));
    match &new.parent_hba.fabric_wwn {
        Some(fabric) => able.find(|device| fc_host(device).is_some_and(|fc| is(&fc.fabric_wwn, fabric))),
        None => able.next(),
    }
}

/// The number behind that of all SCSI hosts there are.
fn free_number(all: &Names<Device>) -> Result<u32> {
    let numbers = all.keys().filter_map(|name| name.strip_prefix(SCSI_HOST)?.parse::<u32>().ok());
    let last = numbers.max().unwrap_or(0);
    last.checked_add(1).ok_or_else(|| Error::internal("no numbers are left for SCSI hosts"))
}

/// A world-wide name that nobody else should have.
fn random_wwn() -> String {
    // Each such state has random keys, which is all that is needed here.
    const VENDOR: u64 = 0x5_525400;
    format!("{:016x}", VENDOR << 36 | RandomState::new().hash_one(VENDOR) >> 28)
}
