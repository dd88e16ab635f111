//! The calls of a connection, one file per interface; what they share is here.

mod block;
mod checkpoints;
mod config;
mod connect;
mod console;
mod cpu_models;
mod devices;
mod filter;
mod guest;
mod host_interfaces;
mod information;
mod lifecycle;
mod listing;
mod metadata;
mod networks;
mod node;
mod node_devices;
mod perf;
mod save;
mod snapshots;
mod statistics;
mod storage_pools;
mod storage_volumes;
mod tuning;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use oxivirt_conf::domain::devices::Interface;
use oxivirt_conf::domain::{CpuSet, DomainDefinition};
use oxivirt_conf::moment::{Moment, MomentTree};
use oxivirt_conf::net::MacAddress;
use oxivirt_conf::object::Affected;
use oxivirt_core::call::Call;
use oxivirt_core::constants::DomainModificationImpact;
use oxivirt_core::types::{Domain, STRING_OKAY, TypedKind, TypedParam, check_params};
use oxivirt_core::{Error, ErrorDomain, Result};

use crate::TestConnection;
use crate::error::{Own, argument, check_flags, exclusive_flags};
use crate::state::{Job, Snapshot};

/// Which definitions the flags of a call mean for a domain in its present state.
fn affected(snapshot: &Snapshot, flags: u32) -> Result<Affected> {
    Affected::new(snapshot, flags).map_err(|error| error.in_domain(ErrorDomain::DOMAIN))
}

/// As [`affected`], for calls that look at one definition only.
fn affected_one(snapshot: &Snapshot, flags: u32, call: &str) -> Result<Affected> {
    let exclusive = || exclusive_flags(call, "VIR_DOMAIN_AFFECT_LIVE", "VIR_DOMAIN_AFFECT_CONFIG");
    Affected::one(snapshot, flags, exclusive).map_err(|error| error.in_domain(ErrorDomain::DOMAIN))
}

/// As [`affected_one`], for calls that change one definition only.
fn affected_single(snapshot: &Snapshot, flags: u32) -> Result<Affected> {
    let exclusive = || {
        let text = "Flags 'VIR_DOMAIN_AFFECT_LIVE' and 'VIR_DOMAIN_AFFECT_CONFIG' are mutually exclusive".to_owned();
        argument(ErrorDomain::DOMAIN, "virDomainObjGetOneDefState".to_owned(), "flags", text)
    };
    Affected::one(snapshot, flags, exclusive).map_err(|error| error.in_domain(ErrorDomain::DOMAIN))
}

/// The flags of calls that change or show definitions.
const IMPACT: u32 = DomainModificationImpact::LIVE.0 | DomainModificationImpact::CONFIG.0;

impl TestConnection {
    /// The one definition that a call with parameters asks for; `name` is the wire name.
    fn look_at(&self, dom: &Domain, flags: u32, name: &str) -> Result<Arc<DomainDefinition>> {
        check_flags(flags, IMPACT | STRING_OKAY, name)?;
        let snapshot = self.state().read(dom)?;
        Ok(Arc::clone(affected_one(&snapshot, flags, name)?.of(&snapshot)))
    }

    /// As [`TestConnection::look_at`], said as calls that change do.
    fn look_at_single(&self, dom: &Domain, flags: u32, name: &str) -> Result<Arc<DomainDefinition>> {
        check_flags(flags, IMPACT | STRING_OKAY, name)?;
        let snapshot = self.state().read(dom)?;
        Ok(Arc::clone(affected_single(&snapshot, flags)?.of(&snapshot)))
    }

    /// Changes the one definition that a call is about; `name` is the wire name.
    fn change_one(
        &self,
        call: &Call,
        dom: &Domain,
        flags: u32,
        name: &str,
        change: impl FnMut(&mut DomainDefinition) -> Result<()>,
    ) -> Result<()> {
        check_flags(flags, IMPACT, name)?;
        let job = self.state().change(call, dom)?;
        edit(affected_single(&job.snapshot(), flags)?, &job, change).own()
    }

    /// As [`TestConnection::change_one`], with parameters of which `known` says the names and kinds.
    #[allow(clippy::too_many_arguments, reason = "all but one of a call's arguments")]
    fn tune(
        &self,
        call: &Call,
        dom: &Domain,
        flags: u32,
        name: &str,
        params: &[TypedParam],
        known: &[(&str, TypedKind)],
        change: impl FnMut(&mut DomainDefinition) -> Result<()>,
    ) -> Result<()> {
        check_flags(flags, IMPACT, name)?;
        check_params(params, known)?;
        self.change_one(call, dom, flags, name, change)
    }
}

/// The place of the card with this device on the host, or this address.
fn interface(definition: &DomainDefinition, device: &str) -> Result<usize> {
    let mut cards = definition.devices.interfaces.iter();
    let fits = |card: &Interface| {
        let target = card.target.as_ref().and_then(|target| target.dev.as_deref());
        target == Some(device)
            || card.mac.is_some_and(|mac| device.parse().is_ok_and(|wanted: MacAddress| wanted == mac))
    };
    let unknown = || Error::invalid_arg(format!("'{device}' is not a known interface")).in_domain(ErrorDomain::DOMAIN);
    cards.position(fits).ok_or_else(unknown)
}

/// A set of CPUs from a map with the lowest first.
fn cpu_set(map: &[u8]) -> CpuSet {
    let bits = |(at, byte): (usize, &u8)| {
        let byte = *byte;
        (0..8).filter(move |bit| byte >> bit & 1 == 1).map(move |bit| at as u32 * 8 + bit)
    };
    CpuSet::new(map.iter().enumerate().flat_map(bits))
}

/// Changes each definition that is meant, or none.
fn edit(affected: Affected, job: &Job, mut change: impl FnMut(&mut DomainDefinition) -> Result<()>) -> Result<()> {
    let mut edited = |definition: &Arc<DomainDefinition>| -> Result<DomainDefinition> {
        let mut definition = DomainDefinition::clone(definition);
        change(&mut definition)?;
        Ok(definition)
    };
    job.update(|snapshot| {
        let live = affected.live().then(|| edited(snapshot.definition())).transpose()?;
        let config = affected.config().then(|| edited(snapshot.inactive_definition())).transpose()?;
        if let Some(live) = live {
            snapshot.set_definition(live);
        }
        if let Some(config) = config {
            snapshot.store(config);
        }
        Ok(())
    })
}

/// Removes a snapshot or checkpoint.
///
/// * `children` – with everything below it; `only` – everything below it, and not itself. Without either its
///   children become those of its parent.
fn remove_moment<M: Moment>(tree: &mut MomentTree<M>, name: &str, children: bool, only: bool) -> Result<()> {
    if children {
        tree.remove_with_descendants(name)?;
    } else if only {
        let below: Vec<String> = tree.children(name)?.map(|child| child.name().to_owned()).collect();
        for child in below {
            tree.remove_with_descendants(&child)?;
        }
    } else {
        tree.remove(name)?;
    }
    Ok(())
}

/// The time of day, in seconds since 1970.
fn now_seconds() -> i64 {
    i64::try_from(now().as_secs()).unwrap_or(i64::MAX)
}

/// The time of day, since 1970.
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
