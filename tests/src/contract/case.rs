//! One case under way.

use std::cell::RefCell;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use oxivirt_core::constants::{DomainEventType, DomainStateCode, DomainUndefineFlags};
use oxivirt_core::types::{Domain, DomainState};
use oxivirt_core::{Call, Error, ErrorCode};

use super::{Outcome, Quirks, SeenEvent, Setup, Subject};

/// How long an event may take from a driver to its subscriber.
const EVENT_LIMIT: Duration = Duration::from_secs(10);

/// Why a case ends early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It cannot run here.
    Skip(String),
    /// It failed.
    Fail(String),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Fail(format!("{error:?}"))
    }
}

impl From<String> for Stop {
    fn from(reason: String) -> Self {
        Self::Fail(reason)
    }
}

/// How a case ends.
pub(crate) type Verdict = Result<(), Stop>;

/// A case: its connection, its notes, and the domains it made.
pub(crate) struct Case<'a> {
    /// The context of every call.
    pub(crate) call: &'a Call,
    /// The connection.
    pub(crate) on: Subject,
    setup: &'a Setup,
    notes: RefCell<Vec<String>>,
    made: RefCell<Vec<Domain>>,
}

pub(super) fn run(setup: &Setup, body: fn(&Case<'_>) -> Verdict) -> Outcome {
    let on = match (setup.open)() {
        Ok(on) => on,
        Err(reason) => return Outcome::Failed(reason),
    };
    Call::internal("contract", |call| {
        let case = Case { call, on, setup, notes: RefCell::default(), made: RefCell::default() };
        let verdict = catch_unwind(AssertUnwindSafe(|| body(&case)));
        case.clean_up();
        match verdict {
            Ok(Ok(())) => Outcome::Passed(case.notes.into_inner()),
            Ok(Err(Stop::Skip(reason))) => Outcome::Skipped(reason),
            Ok(Err(Stop::Fail(reason))) => Outcome::Failed(reason),
            Err(panic) => Outcome::Failed(text_of(panic.as_ref())),
        }
    })
}

fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("panicked").to_owned()
}

impl Case<'_> {
    /// What is special about the driver.
    pub(crate) fn quirks(&self) -> &Quirks {
        &self.setup.quirks
    }

    /// Ends the case unless the driver declares all of these calls.
    pub(crate) fn needs(&self, calls: &[&str]) -> Verdict {
        match calls.iter().find(|call| !self.declares(call)) {
            Some(missing) => Err(Stop::Skip(format!("the driver does not declare {missing}"))),
            None => Ok(()),
        }
    }

    /// Whether the driver declares a call.
    pub(crate) fn declares(&self, call: &str) -> bool {
        self.setup.declared.contains(call)
    }

    /// Ends the case where domains cannot be started.
    pub(crate) fn needs_start(&self) -> Verdict {
        match self.quirks().may_start {
            true => self.needs(&["domain_create", "domain_destroy"]),
            false => Err(Stop::Skip("domains cannot be started here".to_owned())),
        }
    }

    /// Writes down an answer; it must be the same at every run.
    pub(crate) fn note(&self, what: &str, answer: impl Debug) {
        self.notes.borrow_mut().push(format!("{what}: {answer:?}"));
    }

    /// The document of a domain with this name.
    pub(crate) fn xml(&self, name: &str) -> String {
        (self.quirks().domain_xml)(name)
    }

    /// Defines a domain that is removed after the case.
    pub(crate) fn define(&self, name: &str) -> Result<Domain, Stop> {
        self.needs(&["domain_define_xml", "domain_undefine"])?;
        let domain = self.on.domain_lifecycle.domain_define_xml(self.call, &self.xml(name))?;
        self.made.borrow_mut().push(domain.clone());
        Ok(domain)
    }

    /// Defines a domain with a disk and a network card; ends the case where there are none.
    pub(crate) fn define_with_devices(&self, name: &str) -> Result<Domain, Stop> {
        self.needs(&["domain_define_xml", "domain_undefine"])?;
        let devices = self.quirks().devices;
        if devices.is_empty() {
            return Err(Stop::Skip("domains have no disks and network cards here".to_owned()));
        }
        let xml = self.xml(name).replacen("</domain>", &format!("<devices>{devices}</devices></domain>"), 1);
        let domain = self.on.domain_lifecycle.domain_define_xml(self.call, &xml)?;
        self.made.borrow_mut().push(domain.clone());
        Ok(domain)
    }

    /// As [`Case::define_with_devices`], and starts it.
    pub(crate) fn start_with_devices(&self, name: &str) -> Result<Domain, Stop> {
        self.needs_start()?;
        let domain = self.define_with_devices(name)?;
        self.on.domain_lifecycle.domain_create(self.call, &domain)?;
        Ok(domain)
    }

    /// Defines and starts a domain.
    pub(crate) fn start(&self, name: &str) -> Result<Domain, Stop> {
        self.needs_start()?;
        let domain = self.define(name)?;
        self.on.domain_lifecycle.domain_create(self.call, &domain)?;
        Ok(domain)
    }

    /// Has a domain removed after the case.
    pub(crate) fn remember(&self, domain: &Domain) {
        self.made.borrow_mut().push(domain.clone());
    }

    /// The state of a domain.
    pub(crate) fn state(&self, domain: &Domain) -> Result<DomainState, Stop> {
        Ok(self.on.domain_information.domain_get_state(self.call, domain, 0)?)
    }

    /// Fails unless a domain is in a state; writes down the reason.
    pub(crate) fn expect_state(&self, domain: &Domain, wanted: DomainStateCode) -> Verdict {
        if !self.declares("domain_get_state") {
            return Ok(());
        }
        let state = self.state(domain)?;
        self.note("state and reason", state);
        match DomainStateCode(state.state) == wanted {
            true => Ok(()),
            false => Err(format!("state is {:?}, wanted {wanted:?}", DomainStateCode(state.state)).into()),
        }
    }

    /// Fails unless a call was refused with one of these codes; writes down the message.
    pub(crate) fn refused<T: Debug>(&self, what: &str, answer: Result<T, Error>, codes: &[ErrorCode]) -> Verdict {
        match answer {
            Ok(answer) => Err(format!("{what} was answered with {answer:?}, wanted one of {codes:?}").into()),
            Err(error) if codes.contains(&error.code()) => {
                self.note(what, without_uuids(error.message()));
                Ok(())
            }
            Err(error) => Err(format!("{what} was refused with {error:?}, wanted one of {codes:?}").into()),
        }
    }

    /// Fails unless a call was refused because of the domain's state.
    pub(crate) fn refused_by_state<T: Debug>(&self, what: &str, answer: Result<T, Error>) -> Verdict {
        self.refused(what, answer, self.quirks().wrong_state)
    }

    /// Fails unless a call was refused because there is no such domain.
    pub(crate) fn refused_as_missing<T: Debug>(&self, what: &str, answer: Result<T, Error>) -> Verdict {
        self.refused(what, answer, &[ErrorCode::NO_DOMAIN])
    }

    /// The life-cycle events of one domain since they were last asked for, as
    /// `(event, detail)`; waits until there are `wanted`.
    pub(crate) fn life(&self, name: &str, wanted: usize) -> Vec<(DomainEventType, i32)> {
        let life = |event: &SeenEvent| {
            let (kind, detail) = event.lifecycle().filter(|_| event.domain.name.as_str() == name)?;
            Some((DomainEventType(kind), detail))
        };
        let started = std::time::Instant::now();
        let mut total = wanted;
        loop {
            let events = self.on.events.wait(total, EVENT_LIMIT.saturating_sub(started.elapsed()));
            let found: Vec<_> = events.iter().filter_map(life).collect();
            if found.len() >= wanted || started.elapsed() >= EVENT_LIMIT {
                self.on.events.clear();
                self.note("events", &found);
                return found;
            }
            // Others' events count as well for the log.
            total = events.len() + 1;
        }
    }

    fn clean_up(&self) {
        for domain in self.made.borrow().iter().rev() {
            // Most are in the right state already.
            let _ = self.on.domain_lifecycle.domain_destroy(self.call, domain);
            let _ = self.on.domain_lifecycle.domain_undefine(self.call, domain);
            // What a case that failed left behind keeps it.
            let all = DomainUndefineFlags::MANAGED_SAVE
                | DomainUndefineFlags::SNAPSHOTS_METADATA
                | DomainUndefineFlags::CHECKPOINTS_METADATA;
            let _ = self.on.domain_lifecycle.domain_undefine_flags(self.call, domain, all);
        }
    }
}

/// A message without the uuids in it, which differ from run to run.
fn without_uuids(message: &str) -> String {
    let is_uuid = |word: &str| word.len() == 36 && word.parse::<oxivirt_core::types::Uuid>().is_ok();
    message
        .split_inclusive(|letter: char| !letter.is_ascii_hexdigit() && letter != '-')
        .map(|word| {
            let cut = word.trim_end_matches(|letter: char| !letter.is_ascii_hexdigit());
            if is_uuid(cut) { word.replacen(cut, "UUID", 1) } else { word.to_owned() }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::without_uuids;

    #[test]
    fn only_uuids_are_left_out() {
        let message = "no domain with matching uuid '6695eb01-f6a4-8304-79aa-97f2502e193f' (test-a)";
        assert_eq!(without_uuids(message), "no domain with matching uuid 'UUID' (test-a)");
    }
}
