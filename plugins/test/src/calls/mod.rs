//! The calls of a connection, one file per interface; what they share is here.

mod config;
mod connect;
mod cpu_models;
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
mod storage_pools;
mod storage_volumes;

use std::sync::Arc;

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::object::Affected;
use oxivirt_core::{ErrorDomain, Result};

use crate::error::exclusive_flags;
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
