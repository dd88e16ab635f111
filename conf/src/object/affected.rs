//! Which definitions of an object a call is about.

use std::sync::Arc;

use oxivirt_core::constants::DomainModificationImpact as Impact;
use oxivirt_core::{Error, Result};

use super::{Definition, Snapshot};

/// The definitions that the flags LIVE and CONFIG of a call mean; without
/// either it is the one in force. The two have the same numbers for every
/// kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Affected {
    /// That of the running object.
    Live,
    /// That of the next start.
    Config,
    /// Each of the two.
    Both,
}

impl Affected {
    /// What `flags` mean for an object in its present state; other flags are
    /// left to the caller.
    ///
    /// Errors, without an error domain: `OPERATION_INVALID` for LIVE when it
    /// does not run, or for CONFIG when it is transient.
    pub fn new<D: Definition, S>(snapshot: &Snapshot<D, S>, flags: u32) -> Result<Self> {
        let flags = Impact(flags);
        let (live, config) = (flags.contains(Impact::LIVE), flags.contains(Impact::CONFIG));
        if live && !snapshot.is_active() {
            return Err(Error::operation_invalid(format!("{} is not running", D::NOUN)));
        }
        if config && !snapshot.is_persistent() {
            return Err(Error::operation_invalid(format!("transient {}s do not have any persistent config", D::NOUN)));
        }
        Ok(match (live, config) {
            (true, true) => Self::Both,
            (true, false) => Self::Live,
            (false, true) => Self::Config,
            (false, false) if snapshot.is_active() => Self::Live,
            (false, false) => Self::Config,
        })
    }

    /// As [`Affected::new`], for calls that look at one definition only:
    /// fails with `exclusive` when the flags name both.
    pub fn one<D: Definition, S>(
        snapshot: &Snapshot<D, S>,
        flags: u32,
        exclusive: impl FnOnce() -> Error,
    ) -> Result<Self> {
        if Impact(flags).contains(Impact::LIVE | Impact::CONFIG) {
            return Err(exclusive());
        }
        Self::new(snapshot, flags)
    }

    /// The definition that is meant; of two the live one.
    pub fn of<D, S>(self, snapshot: &Snapshot<D, S>) -> &Arc<D> {
        if self.live() { snapshot.definition() } else { snapshot.inactive_definition() }
    }

    /// Whether the running object's is among them.
    pub fn live(self) -> bool {
        self != Self::Config
    }

    /// Whether that of the next start is among them.
    pub fn config(self) -> bool {
        self != Self::Live
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::domain::DomainDefinition;

    type Known = Snapshot<DomainDefinition, ()>;

    fn named(name: &str) -> Arc<DomainDefinition> {
        Arc::new(DomainDefinition { name: name.to_owned(), ..DomainDefinition::default() })
    }

    #[test]
    fn flags_mean_definitions() {
        let stopped = Known::inactive(named("stored"), ());
        let both = Known::active(named("live"), Some(named("stored")), Some(1), ());
        for (snapshot, flags, wanted, name) in [
            (&stopped, 0, Affected::Config, "stored"),
            (&stopped, 2, Affected::Config, "stored"),
            (&both, 0, Affected::Live, "live"),
            (&both, 1, Affected::Live, "live"),
            (&both, 2, Affected::Config, "stored"),
            (&both, 3, Affected::Both, "live"),
        ] {
            let affected = Affected::new(snapshot, flags).unwrap();
            assert_eq!((affected, affected.of(snapshot).name.as_str()), (wanted, name), "{flags}");
            assert_eq!((affected.live(), affected.config()), (wanted != Affected::Config, wanted != Affected::Live));
        }
    }

    #[test]
    fn what_is_not_there_is_refused() {
        let stopped = Known::inactive(named("stored"), ());
        let transient = Known::active(named("live"), None, Some(1), ());
        let refused = |result: Result<Affected>| result.unwrap_err().detail().to_owned();
        assert_eq!(refused(Affected::new(&stopped, 1)), "domain is not running");
        assert_eq!(refused(Affected::new(&transient, 2)), "transient domains do not have any persistent config");
        let exclusive = || Error::invalid_arg("one of them");
        // Said before anything about the state.
        assert_eq!(refused(Affected::one(&stopped, 3, exclusive)), "one of them");
        assert_eq!(Affected::one(&stopped, 2, exclusive).unwrap(), Affected::Config);
    }
}
