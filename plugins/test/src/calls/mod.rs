//! The calls of a connection, one file per interface; what they share is here.

mod config;
mod connect;
mod cpu_models;
mod guest;
mod information;
mod lifecycle;
mod listing;
mod metadata;
mod node;

use std::sync::Arc;

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_core::constants::DomainModificationImpact as Impact;
use oxivirt_core::{Error, ErrorDomain, Result};

use crate::error::{exclusive_flags, not_running};
use crate::state::{Job, Snapshot};

/// Which definitions a call is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    Live,
    Config,
    Both,
}

impl Which {
    /// What the flags of a call mean for a domain in its present state.
    fn new(snapshot: &Snapshot, flags: u32) -> Result<Self> {
        let flags = Impact(flags);
        let (live, config) = (flags.contains(Impact::LIVE), flags.contains(Impact::CONFIG));
        if live && !snapshot.is_active() {
            return Err(not_running());
        }
        if config && !snapshot.is_persistent() {
            return Err(Error::operation_invalid("transient domains do not have any persistent config")
                .in_domain(ErrorDomain::DOMAIN));
        }
        Ok(match (live, config) {
            (true, true) => Self::Both,
            (true, false) => Self::Live,
            (false, true) => Self::Config,
            (false, false) if snapshot.is_active() => Self::Live,
            (false, false) => Self::Config,
        })
    }

    /// As [`Which::new`], for calls that look at one definition only.
    fn one(snapshot: &Snapshot, flags: u32, call: &str) -> Result<Self> {
        if Impact(flags).contains(Impact::LIVE | Impact::CONFIG) {
            return Err(exclusive_flags(call, "VIR_DOMAIN_AFFECT_LIVE", "VIR_DOMAIN_AFFECT_CONFIG"));
        }
        Self::new(snapshot, flags)
    }

    /// The definition that is meant; of two the live one.
    fn of(self, snapshot: &Snapshot) -> &Arc<DomainDefinition> {
        match self {
            Self::Live | Self::Both => snapshot.definition(),
            Self::Config => snapshot.inactive_definition(),
        }
    }

    /// Changes each definition that is meant, or none.
    fn edit(self, job: &Job, mut change: impl FnMut(&mut DomainDefinition) -> Result<()>) -> Result<()> {
        let mut edited = |definition: &Arc<DomainDefinition>| {
            let mut definition = DomainDefinition::clone(definition);
            change(&mut definition)?;
            Ok(definition)
        };
        job.update(|snapshot| {
            let live = match self {
                Self::Live | Self::Both => Some(edited(snapshot.definition())?),
                Self::Config => None,
            };
            let config = match self {
                Self::Config | Self::Both => Some(edited(snapshot.inactive_definition())?),
                Self::Live => None,
            };
            if let Some(live) = live {
                snapshot.set_definition(live);
            }
            if let Some(config) = config {
                snapshot.store(config);
            }
            Ok(())
        })
    }
}
