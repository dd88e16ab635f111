//! The calls of a connection, one file per interface; what they share is here.

mod block;
mod config;
mod connect;
mod console;
mod cpu_models;
mod devices;
mod guest;
mod information;
mod jobs;
mod lifecycle;
mod listing;
mod metadata;
mod monitor;
mod node;
mod places;
mod save;
mod stats;
mod tuning;

use std::sync::Arc;

use oxivirt_conf::domain::{CpuSet, DomainDefinition};
use oxivirt_conf::object::Affected;
use oxivirt_core::call::Call;
use oxivirt_core::constants::DomainModificationImpact;
use oxivirt_core::interface::public_name;
use oxivirt_core::types::{Domain, Uuid};
use oxivirt_core::{Error, ErrorCode, ErrorDomain, Result};

use crate::QemuConnection;
use crate::guests::Guests;
use crate::state::{Job, Object, Snapshot};

impl QemuConnection {
    /// The guest that a call is about.
    fn find(&self, dom: &Domain) -> Result<Arc<Object>> {
        self.guests.table.require_uuid(uuid::Uuid::from_bytes(dom.uuid.0), Some(&dom.name)).own()
    }

    /// What is known about it. Never waits.
    fn read(&self, dom: &Domain) -> Result<Arc<Snapshot>> {
        Ok(self.find(dom)?.snapshot())
    }

    /// The same, of one that runs.
    fn read_active(&self, dom: &Domain) -> Result<Arc<Snapshot>> {
        let snapshot = self.read(dom)?;
        if snapshot.is_active() { Ok(snapshot) } else { Err(not_running()) }
    }

    /// Its uuid, once it is known to be there.
    fn uuid(&self, dom: &Domain) -> Result<uuid::Uuid> {
        self.find(dom).map(|object| object.uuid())
    }
}

/// Whose job it is.
fn owner(call: &Call) -> String {
    format!("{} of client {}", public_name(call.name()), call.client())
}

/// How calls name a guest.
fn reference(snapshot: &Snapshot) -> Domain {
    let definition = snapshot.definition();
    Domain::new(definition.name.as_str(), Uuid(*definition.uuid.as_bytes()), snapshot.id().unwrap_or(-1))
}

/// How calls name guests, of which there may be thousands.
fn references(snapshots: &[&Snapshot]) -> Vec<Domain> {
    // One thing at a time: while one name is waited for, others are on their way.
    let definitions: Vec<&DomainDefinition> = snapshots.iter().map(|snapshot| &**snapshot.definition()).collect();
    let named: Vec<(&str, Uuid)> =
        definitions.iter().map(|definition| (definition.name.as_str(), Uuid(*definition.uuid.as_bytes()))).collect();
    let with_ids = named.into_iter().zip(snapshots);
    with_ids.map(|((name, uuid), snapshot)| Domain::new(name, uuid, snapshot.id().unwrap_or(-1))).collect()
}

/// The flags of calls that change or show definitions.
const IMPACT: u32 = DomainModificationImpact::LIVE.0 | DomainModificationImpact::CONFIG.0;

/// CPUs of this host, counted once.
fn host_cpus() -> u32 {
    static CPUS: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    *CPUS.get_or_init(|| {
        let present = oxivirt_util::host::Host::this().cpus_present();
        present.ok().and_then(|set| u32::try_from(set.count()).ok()).filter(|n| *n > 0).unwrap_or(1)
    })
}

/// A set of CPUs from a map with the lowest first.
fn cpu_set(map: &[u8]) -> CpuSet {
    let bits = |(at, byte): (usize, &u8)| {
        let byte = *byte;
        (0..8).filter(move |bit| byte >> bit & 1 == 1).map(move |bit| at as u32 * 8 + bit)
    };
    CpuSet::new(map.iter().enumerate().flat_map(bits))
}

/// An argument that can never be right, said without the standing text.
fn argument(function: &str, name: &str, text: String) -> Error {
    let strings = [Some(function.to_owned()), Some(name.to_owned()), None];
    Error::from_wire(ErrorCode::INVALID_ARG, ErrorDomain::DOMAIN, text, strings, [0, 0])
}

/// Refuses flags that contradict each other.
fn exclusive(first: &str, second: &str) -> Error {
    argument("", "ctl", format!("Flags '{first}' and '{second}' are mutually exclusive"))
}

fn not_running() -> Error {
    Error::operation_invalid("domain is not running").in_domain(ErrorDomain::DOMAIN)
}

/// Refuses flags outside `known`; `call` is the wire name.
fn check_flags(given: u32, known: u32, call: &str) -> Result<()> {
    match given & !known {
        0 => Ok(()),
        unknown => {
            let function = public_name(call).replacen("vir", "qemu", 1);
            let text = format!("unsupported flags (0x{unknown:x}) in function {function}");
            let strings = [Some(function), Some("flags".to_owned()), None];
            Err(Error::from_wire(ErrorCode::INVALID_ARG, ErrorDomain::QEMU, text, strings, [0, 0]))
        }
    }
}

/// Something is wrong in this driver's own eyes.
trait Own<T> {
    /// Marks an error as this driver's, unless it already has an origin.
    fn own(self) -> Result<T>;
}

impl<T> Own<T> for Result<T> {
    fn own(self) -> Result<T> {
        self.map_err(|error| error.in_domain(ErrorDomain::QEMU))
    }
}

/// Which definitions the flags of a call mean for a guest in its present state.
fn affected(snapshot: &Snapshot, flags: u32) -> Result<Affected> {
    Affected::new(snapshot, flags).map_err(|error| error.in_domain(ErrorDomain::DOMAIN))
}

/// The same, for calls that look at one definition only.
fn affected_one(snapshot: &Snapshot, flags: u32, call: &str) -> Result<Affected> {
    let both = || {
        let text = "Flags 'VIR_DOMAIN_AFFECT_LIVE' and 'VIR_DOMAIN_AFFECT_CONFIG' are mutually exclusive".to_owned();
        argument(&public_name(call), "ctl", text)
    };
    Affected::one(snapshot, flags, both).map_err(|error| error.in_domain(ErrorDomain::DOMAIN))
}

/// Changes each definition that is meant, and their files, or none.
fn edit(
    affected: Affected,
    guests: &Guests,
    job: &Job,
    change: impl Fn(&mut DomainDefinition) -> Result<()>,
) -> Result<()> {
    if affected.config() {
        guests.edit_stored(job, &change)?;
    }
    if affected.live() {
        guests.edit_live(job, &change)?;
    }
    Ok(())
}
