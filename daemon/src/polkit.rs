//! Asking polkit, the system's authority on who may do what.
//!
//! The question goes over the system's D-Bus (`DBUS_SYSTEM_BUS_ADDRESS` names
//! another one); it is about a process of this host, named with its start time
//! so that a later process with the same number is not mistaken for it.

use std::collections::HashMap;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use oxivirt_core::types::{TypedParam, TypedValue};
use oxivirt_core::{Error, ErrorCode, ErrorDomain, Result};
use tokio::runtime::Handle;
use tokio::time::timeout;
use zbus::Connection;
use zbus::zvariant::Variant;

/// Whether the user may be asked for a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interaction {
    /// polkit decides by its rules alone.
    Silent,
    /// An agent of the user's may show a dialogue.
    Allowed,
}

/// How long polkit may think about its rules.
const SILENT_LIMIT: Duration = Duration::from_secs(30);

/// How long a user may take to answer a dialogue.
const DIALOGUE_LIMIT: Duration = Duration::from_secs(110);

const SERVICE: &str = "org.freedesktop.PolicyKit1";
const OBJECT: &str = "/org/freedesktop/PolicyKit1/Authority";
const INTERFACE: &str = "org.freedesktop.PolicyKit1.Authority";

/// The way to polkit.
pub(crate) struct Polkit {
    runtime: Handle,
    limits: (Duration, Duration),
    bus: std::sync::Mutex<Option<Connection>>,
    next: AtomicU64,
}

/// A process that wants to do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Subject {
    process: u32,
    start_time: u64,
    user: i32,
}

impl Polkit {
    /// Does nothing until the first question.
    pub(crate) fn new(runtime: Handle) -> Self {
        let limits = (SILENT_LIMIT, DIALOGUE_LIMIT);
        Self { runtime, limits, bus: std::sync::Mutex::default(), next: AtomicU64::new(1) }
    }

    /// Whether polkit lets a caller do something by its rules; nobody is shown a dialogue.
    ///
    /// * `action`: such as `org.libvirt.api.domain.start`.
    /// * `identity`: the caller as [`oxivirt_core::Call::identity`] gives it.
    /// * `details`: what a rule may look at, such as `("domain_name", "demo")`.
    /// * Errors: `AUTH_FAILED` for a caller that is no process of this host,
    ///   `AUTH_UNAVAILABLE` when polkit cannot be reached or does not answer in time.
    /// * Blocks for 30 seconds at most; to be called from a worker, never from where `runtime` runs.
    pub(crate) fn check(&self, action: &str, identity: &[TypedParam], details: &[(&str, &str)]) -> Result<bool> {
        let subject = Subject::from_identity(identity)?;
        match self.ask(action, subject, details, Interaction::Silent)? {
            Answer::Yes => Ok(true),
            Answer::No | Answer::NoAgent | Answer::Dismissed => Ok(false),
        }
    }

    /// Lets a caller do something or says why not, after a dialogue where rules want one.
    ///
    /// * Errors: as for [`Self::check`], and `AUTH_FAILED` when polkit says no,
    ///   `AUTH_CANCELLED` when the user closed the dialogue, `AUTH_UNAVAILABLE`
    ///   when there is nobody to show it.
    /// * Blocks for 110 seconds at most.
    pub(crate) fn require(&self, action: &str, identity: &[TypedParam], interaction: Interaction) -> Result<()> {
        let subject = Subject::from_identity(identity)?;
        let (code, text) = match self.ask(action, subject, &[], interaction)? {
            Answer::Yes => return Ok(()),
            Answer::No => (ErrorCode::AUTH_FAILED, "access denied by policy".to_owned()),
            Answer::Dismissed => (ErrorCode::AUTH_CANCELLED, "user cancelled authentication process".to_owned()),
            Answer::NoAgent => {
                (ErrorCode::AUTH_UNAVAILABLE, format!("no polkit agent available to authenticate action '{action}'"))
            }
        };
        Err(Error::new(code, text).in_domain(ErrorDomain::POLKIT))
    }

    fn ask(
        &self,
        action: &str,
        subject: Subject,
        details: &[(&str, &str)],
        interaction: Interaction,
    ) -> Result<Answer> {
        let limit = if interaction == Interaction::Silent { self.limits.0 } else { self.limits.1 };
        let action = action.to_owned();
        let details: HashMap<String, String> =
            details.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let cancellation = format!("oxivirt-{}", self.next.fetch_add(1, Ordering::Relaxed));
        let known = self.lock().clone();
        let (tell, told) = std::sync::mpsc::channel();
        self.runtime.spawn(async move {
            let answer = timeout(limit, exchange(known, &action, subject, &details, interaction, &cancellation)).await;
            let _ = tell.send(answer.unwrap_or_else(|_| {
                Err(unavailable(format!("polkit did not decide about action '{action}' within {limit:?}")))
            }));
        });
        let received = told.recv_timeout(limit + Duration::from_secs(5));
        let (bus, answer) = received.map_err(|_| unavailable("the question to polkit got lost".to_owned()))??;
        *self.lock() = Some(bus);
        Ok(answer)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Connection>> {
        self.bus.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What polkit says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Yes,
    No,
    /// The user would have to be asked.
    NoAgent,
    /// The user was asked and did not want to.
    Dismissed,
}

impl Subject {
    fn from_identity(identity: &[TypedParam]) -> Result<Self> {
        let number = |name: &str| {
            identity.iter().find(|param| param.field() == name).and_then(|param| match param.value() {
                TypedValue::LongLong(value) => u64::try_from(value).ok(),
                TypedValue::UnsignedLongLong(value) => Some(value),
                _ => None,
            })
        };
        let wanted = |name: &str| {
            number(name).ok_or_else(|| {
                let text = format!("polkit decides about processes of this host only, and the caller has no '{name}'");
                Error::new(ErrorCode::AUTH_FAILED, text).in_domain(ErrorDomain::POLKIT)
            })
        };
        let process = u32::try_from(wanted("process-id")?)
            .map_err(|_| Error::invalid_arg("'process-id' is no number of a process"))?;
        // polkit compares the number as a signed one.
        let user = u32::try_from(wanted("unix-user-id")?)
            .map_err(|_| Error::invalid_arg("'unix-user-id' is no number of a user"))?
            .cast_signed();
        Ok(Self { process, start_time: wanted("process-time")?, user })
    }
}

/// Asks on a connection that is there already, or on a new one if that has ended.
async fn exchange(
    known: Option<Connection>,
    action: &str,
    subject: Subject,
    details: &HashMap<String, String>,
    interaction: Interaction,
    cancellation: &str,
) -> Result<(Connection, Answer)> {
    if let Some(bus) = known
        && let Ok(answer) = question(&bus, action, subject, details, interaction, cancellation).await
    {
        return Ok((bus, answer));
    }
    let failed = |what: &str, error: zbus::Error| unavailable(format!("{what}: {error}"));
    let bus = Connection::system().await.map_err(|error| failed("the system's D-Bus cannot be reached", error))?;
    let answer = question(&bus, action, subject, details, interaction, cancellation).await;
    let answer = answer.map_err(|error| failed(&format!("polkit cannot be asked about action '{action}'"), error))?;
    Ok((bus, answer))
}

/// Withdraws a question whose answer nobody waits for any more: a dialogue closes.
struct Withdrawal<'a> {
    bus: &'a Connection,
    cancellation: &'a str,
    answered: bool,
}

impl Drop for Withdrawal<'_> {
    fn drop(&mut self) {
        if self.answered {
            return;
        }
        let (bus, cancellation) = (self.bus.clone(), self.cancellation.to_owned());
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let body = (cancellation.as_str(),);
                let call = bus.call_method(Some(SERVICE), OBJECT, Some(INTERFACE), "CancelCheckAuthorization", &body);
                let _ = timeout(Duration::from_secs(5), call).await;
            });
        }
    }
}

async fn question(
    bus: &Connection,
    action: &str,
    subject: Subject,
    details: &HashMap<String, String>,
    interaction: Interaction,
    cancellation: &str,
) -> zbus::Result<Answer> {
    const ALLOW_INTERACTION: u32 = 1;
    let process = HashMap::from([
        ("pid", Variant::from(subject.process)),
        ("start-time", Variant::from(subject.start_time)),
        ("uid", Variant::from(subject.user)),
    ]);
    let flags = if interaction == Interaction::Allowed { ALLOW_INTERACTION } else { 0 };
    let body = (("unix-process", process), action, details, flags, cancellation);
    let mut withdrawal = Withdrawal { bus, cancellation, answered: false };
    let reply = bus.call_method(Some(SERVICE), OBJECT, Some(INTERFACE), "CheckAuthorization", &body).await;
    withdrawal.answered = true;
    let body = reply?.body();
    let (is_authorized, is_challenge, said): (bool, bool, HashMap<String, String>) = body.deserialize()?;
    Ok(match (is_authorized, said.get("polkit.dismissed").is_some_and(|value| value == "true"), is_challenge) {
        (true, _, _) => Answer::Yes,
        (_, true, _) => Answer::Dismissed,
        (_, _, true) => Answer::NoAgent,
        _ => Answer::No,
    })
}

fn unavailable(text: String) -> Error {
    Error::new(ErrorCode::AUTH_UNAVAILABLE, text).in_domain(ErrorDomain::POLKIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(process: i64) -> Vec<TypedParam> {
        vec![
            TypedParam::new("process-id", TypedValue::LongLong(process)),
            TypedParam::new("process-time", TypedValue::UnsignedLongLong(77)),
            TypedParam::new("unix-user-id", TypedValue::UnsignedLongLong(u32::MAX.into())),
        ]
    }

    #[test]
    fn only_whole_processes_are_subjects() {
        let subject = Subject::from_identity(&identity(5)).expect("whole");
        assert_eq!(subject, Subject { process: 5, start_time: 77, user: -1 });
        for part in 0..3 {
            let mut all = identity(5);
            let name = all.remove(part).field().to_owned();
            let error = Subject::from_identity(&all).expect_err(&name);
            assert!(error.to_string().contains(&name), "{error}");
        }
        Subject::from_identity(&identity(-5)).expect_err("no process has such a number");
    }
}
