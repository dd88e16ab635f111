//! Who may do what with which object: the access rules of every call, put to
//! the backends that the configuration names.
//!
//! The daemon checks what clients ask for, before the driver is called; what
//! drivers ask of each other is not checked. Without a backend nothing here runs.

mod delivery;
mod document;
mod filter;
mod find;
pub(crate) mod fuzz;
mod object;
mod plan;
mod polkit;
mod rules;
mod subject;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use oxivirt_core::interface::{CallDescription, Connect, Interface};
use oxivirt_core::wire::xdr::{Reader, Writer};
use oxivirt_core::{Call, Connection, Error, ErrorCode, ErrorDomain, Result};
use tokio::runtime::Handle;

use delivery::Delivery;
pub(crate) use delivery::{Sight, Waiting};
use filter::{Form, Listing};
use find::Finder;
use object::{Kind, Object};
use plan::{Plan, Source};
pub(crate) use subject::Subject;

/// Who decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    /// A file of rules.
    Rules,
    /// The system's polkit.
    Polkit,
}

impl Backend {
    /// As the configuration writes it.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "rules" => Some(Self::Rules),
            "polkit" => Some(Self::Polkit),
            _ => None,
        }
    }
}

/// What a backend is asked.
struct Question<'a> {
    subject: &'a Subject,
    /// Name of the client's hypervisor, such as `QEMU`.
    driver: &'a str,
    object: &'a Object,
    /// Without the kind of object, such as `read_secure`.
    permission: &'a str,
}

/// Decides about access.
trait Judge: Send + Sync {
    /// Whether the client may. An error counts as a no.
    fn allows(&self, question: &Question<'_>) -> Result<bool>;

    /// Whether it never waits for anybody.
    fn is_quick(&self) -> bool;
}

/// Name of the file of rules in the configuration folder.
const RULES: &str = "access-rules.conf";

/// The backends, all of which must agree.
pub(crate) struct Access {
    judges: Vec<Box<dyn Judge>>,
    delivery: Delivery,
    /// Names that drivers give their hypervisors.
    drivers: Mutex<HashMap<String, String>>,
}

impl Access {
    /// Makes the backends ready; `None` without any.
    ///
    /// * `folder`: the configuration folder.
    /// * `runtime`: where questions to other services run.
    /// * Errors: every mistake in the rules, with file and line.
    pub(crate) fn open(backends: &[Backend], folder: &Path, runtime: &Handle) -> Result<Option<Self>, Vec<String>> {
        let mut judges: Vec<Box<dyn Judge>> = Vec::new();
        for backend in backends {
            judges.push(match backend {
                Backend::Rules => Box::new(rules::Rules::read(&folder.join(RULES))?),
                Backend::Polkit => Box::new(polkit::Asks(crate::polkit::Polkit::new(runtime.clone()))),
            });
        }
        let (delivery, drivers) = (Delivery::default(), Mutex::default());
        Ok((!judges.is_empty()).then_some(Self { judges, delivery, drivers }))
    }

    fn is_quick(&self) -> bool {
        self.judges.iter().all(|judge| judge.is_quick())
    }

    /// Makes a call of a driver for a client, as far as the client may.
    ///
    /// * `out`: gets the answer.
    /// * Errors: `ACCESS_DENIED`; the driver's.
    pub(crate) fn serve(
        &self,
        subject: &Subject,
        to: (&Connection, &Interface, usize),
        call: &Call,
        payload: &[u8],
        out: &mut Writer,
    ) -> Result<()> {
        let (connection, interface, index) = to;
        let Some(description) = interface.calls.get(index) else {
            return Err(Error::internal(format!("interface {} has no call {index}", interface.name)));
        };
        let plan = Plan::find(description)?;
        let driver = self.driver(connection);
        let require = |object: &Object, permission: &str| self.require(subject, &driver, object, permission);
        Call::internal(description.name, |own| {
            let finder = Finder { connection, call: own };
            for rule in &plan.rules {
                if rule.applies(plan, payload)? {
                    let objects = finder.objects(plan, rule, payload)?;
                    objects.iter().try_for_each(|object| require(object, rule.permission))?;
                }
            }
            let dispatch = |payload: &[u8], out: &mut Writer| {
                (interface.dispatch)(connection, index, call, &mut Reader::new(payload), out)
            };
            if let Some((kind, permission)) = plan.filter {
                let sees = |object: Object| self.allows(subject, &driver, &object, permission);
                let listing = Listing { finder: &finder, call: description, plan, payload, sees };
                return match filter::form(description, plan) {
                    Form::Words => listing.words(kind, out),
                    Form::Objects => {
                        let mut answer = Writer::new();
                        dispatch(&listing.arguments()?, &mut answer)?;
                        listing.objects(kind, &answer.into_bytes(), out)
                    }
                };
            }
            let found = plan.rules.iter().find(|rule| rule.source == Source::Answer);
            let Some(rule) = found else { return dispatch(payload, out) };
            let mut answer = Writer::new();
            dispatch(payload, &mut answer)?;
            let answer = answer.into_bytes();
            require(&finder.answered(rule.kind, &answer)?, rule.permission)?;
            out.put_raw(&answer);
            Ok(())
        })
    }

    /// Whether a client may make a call that the daemon answers itself.
    ///
    /// Errors: `ACCESS_DENIED`.
    pub(crate) fn permit(&self, subject: &Subject, connection: &Connection, call: &CallDescription) -> Result<()> {
        let driver = self.driver(connection);
        for rule in &Plan::find(call)?.rules {
            if rule.kind != Kind::Connect {
                return Err(Error::internal(format!("{} is about more than the connection", call.name)));
            }
            self.require(subject, &driver, &Object::connect(), rule.permission)?;
        }
        Ok(())
    }

    /// An error unless the client may: `ACCESS_DENIED`, with the reason where nobody could decide.
    fn require(&self, subject: &Subject, driver: &str, object: &Object, permission: &str) -> Result<()> {
        match self.allows(subject, driver, object, permission) {
            Ok(true) => Ok(()),
            Ok(false) => Err(denied(driver, None)),
            Err(error) => Err(denied(driver, Some(&error))),
        }
    }

    /// Whether every backend lets the client.
    ///
    /// Errors: a backend could not decide, which counts as a no.
    fn allows(&self, subject: &Subject, driver: &str, object: &Object, permission: &str) -> Result<bool> {
        let question = Question { subject, driver, object, permission };
        for judge in &self.judges {
            let allowed = judge.allows(&question).inspect_err(|error| {
                tracing::warn!(client = subject.client, ?object, permission, %error, "access is denied undecided");
            })?;
            tracing::debug!(client = subject.client, ?object, permission, allowed, "access");
            if !allowed {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What the driver calls its hypervisor.
    fn driver(&self, connection: &Connection) -> String {
        let known = |drivers: &HashMap<String, String>| drivers.get(connection.driver()).cloned();
        if let Some(name) = known(&self.drivers.lock().unwrap_or_else(PoisonError::into_inner)) {
            return name;
        }
        let asked = Call::internal("connect_get_type", |call| connection.connect_get_type(call));
        let name = asked.unwrap_or_else(|_| connection.driver().to_owned());
        let mut drivers = self.drivers.lock().unwrap_or_else(PoisonError::into_inner);
        drivers.insert(connection.driver().to_owned(), name.clone());
        name
    }

    /// The same without asking the driver.
    fn known_driver(&self, connection: &Connection) -> String {
        let drivers = self.drivers.lock().unwrap_or_else(PoisonError::into_inner);
        drivers.get(connection.driver()).cloned().unwrap_or_else(|| connection.driver().to_owned())
    }
}

/// Reads what the backends would read.
///
/// Errors: as for [`Access::open`].
pub(crate) fn check(backends: &[Backend], folder: &Path) -> Result<(), Vec<String>> {
    match backends.contains(&Backend::Rules) {
        true => rules::Rules::read(&folder.join(RULES)).map(drop),
        false => Ok(()),
    }
}

fn denied(driver: &str, why: Option<&Error>) -> Error {
    let why = why.map(|error| format!(": {error}")).unwrap_or_default();
    Error::new(ErrorCode::ACCESS_DENIED, format!("'{driver}' denied access{why}")).in_domain(ErrorDomain::ACCESS)
}
