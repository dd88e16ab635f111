//! Counters of the host's processors for one process and all its threads.

use std::os::fd::OwnedFd;

use oxivirt_conf::domain::{DomainDefinition, PerfEvent};
use oxivirt_core::types::{TypedKind, TypedParam, TypedValue};
use oxivirt_core::{Error, ErrorCode, Result};

use crate::sys;

/// A kind of counter and its number, as the kernel has them.
type Source = Option<(u32, u64)>;

const HARDWARE: u32 = 0;
const SOFTWARE: u32 = 1;

/// The counters that clients know, with where they come from; those of caches
/// and memory bandwidth are gone from kernels.
const EVENTS: [(&str, Source); 22] = [
    ("cmt", None),
    ("mbmt", None),
    ("mbml", None),
    ("cpu_cycles", Some((HARDWARE, 0))),
    ("instructions", Some((HARDWARE, 1))),
    ("cache_references", Some((HARDWARE, 2))),
    ("cache_misses", Some((HARDWARE, 3))),
    ("branch_instructions", Some((HARDWARE, 4))),
    ("branch_misses", Some((HARDWARE, 5))),
    ("bus_cycles", Some((HARDWARE, 6))),
    ("stalled_cycles_frontend", Some((HARDWARE, 7))),
    ("stalled_cycles_backend", Some((HARDWARE, 8))),
    ("ref_cpu_cycles", Some((HARDWARE, 9))),
    ("cpu_clock", Some((SOFTWARE, 0))),
    ("task_clock", Some((SOFTWARE, 1))),
    ("page_faults", Some((SOFTWARE, 2))),
    ("context_switches", Some((SOFTWARE, 3))),
    ("cpu_migrations", Some((SOFTWARE, 4))),
    ("page_faults_min", Some((SOFTWARE, 5))),
    ("page_faults_maj", Some((SOFTWARE, 6))),
    ("alignment_faults", Some((SOFTWARE, 7))),
    ("emulation_faults", Some((SOFTWARE, 8))),
];

/// Names and kinds of the parameters.
pub(crate) fn known() -> Vec<(&'static str, TypedKind)> {
    EVENTS.map(|(name, _)| (name, TypedKind::Boolean)).to_vec()
}

/// Which counters a definition wants.
pub(crate) fn wanted(definition: &DomainDefinition) -> Vec<&'static str> {
    let events = definition.perf.as_ref().map(|perf| perf.events.as_slice()).unwrap_or_default();
    let on = |name: &str| events.iter().any(|event| event.name == name && event.enabled.is_yes());
    EVENTS.iter().map(|(name, _)| *name).filter(|name| on(name)).collect()
}

/// The parameters of all counters, with those that are on.
pub(crate) fn params(is_on: impl Fn(&str) -> bool) -> Vec<TypedParam> {
    EVENTS.iter().map(|(name, _)| TypedParam::new(*name, TypedValue::Boolean(is_on(name)))).collect()
}

/// Turns counters of a definition on and off.
pub(crate) fn put(definition: &mut DomainDefinition, params: &[TypedParam]) {
    for param in params {
        let TypedValue::Boolean(on) = param.value() else { continue };
        let events = &mut definition.perf.get_or_insert_default().events;
        events.retain(|event| event.name != param.field());
        events.push(PerfEvent { name: param.field().to_owned(), enabled: on.into() });
    }
    if let Some(perf) = &mut definition.perf {
        let place = |event: &PerfEvent| EVENTS.iter().position(|(name, _)| *name == event.name);
        perf.events.sort_by_key(place);
    }
}

/// Counters that run.
#[derive(Debug, Default)]
pub struct Counters(Vec<(&'static str, OwnedFd)>);

impl Counters {
    /// Turns one on.
    ///
    /// Errors: `ARGUMENT_UNSUPPORTED` where nobody counts it, `SYSTEM_ERROR`
    /// where the host does not.
    pub(crate) fn enable(&mut self, name: &str, pid: i32) -> Result<()> {
        if self.is_on(name) {
            return Ok(());
        }
        let refused = || {
            let text = format!("unable to enable host cpu perf event for {name}");
            Error::new(ErrorCode::ARGUMENT_UNSUPPORTED, text)
        };
        let (name, source) = EVENTS.iter().find(|(known, _)| *known == name).ok_or_else(refused)?;
        let (kind, number) = source.ok_or_else(refused)?;
        let counter = sys::open_counter(kind, number, pid).map_err(|error| {
            let what = format!("unable to open host cpu perf event for {name}");
            Error::system(what, &error)
        })?;
        self.0.push((name, counter));
        Ok(())
    }

    /// Turns one off.
    pub(crate) fn disable(&mut self, name: &str) {
        self.0.retain(|(known, _)| *known != name);
    }

    /// Whether one runs.
    pub(crate) fn is_on(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| *known == name)
    }

    /// Those that run.
    pub(crate) fn enabled(&self) -> Vec<&'static str> {
        self.0.iter().map(|(name, _)| *name).collect()
    }

    /// What they counted, in the order of the names that clients know.
    pub(crate) fn read(&self) -> Vec<(&'static str, u64)> {
        let value = |name: &str| {
            let (_, counter) = self.0.iter().find(|(known, _)| *known == name)?;
            let mut bytes = [0; 8];
            let read = rustix::io::read(counter, &mut bytes).ok()?;
            (read == bytes.len()).then(|| u64::from_ne_bytes(bytes))
        };
        EVENTS.iter().filter_map(|(name, _)| Some((*name, value(name)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_this_host_counts_is_counted() {
        let mut counters = Counters::default();
        let pid = i32::try_from(std::process::id()).unwrap();
        let error = counters.enable("cmt", pid).unwrap_err();
        assert_eq!(error.detail(), "unable to enable host cpu perf event for cmt");
        // Sandboxes may forbid counters altogether.
        match counters.enable("page_faults", pid) {
            Ok(()) => {
                assert!(counters.is_on("page_faults"));
                assert_eq!(counters.read().len(), 1);
                counters.disable("page_faults");
                assert!(counters.read().is_empty());
            }
            Err(error) => assert_eq!(error.code(), ErrorCode::ARGUMENT_UNSUPPORTED),
        }
    }
}
