//! Asking another driver, with a limit on every wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use crate::call::Call;
use crate::host::Host;
use crate::plugin::OpenFlags;
use crate::{Connection, Error, ErrorCode, Result};

/// Another driver that this one asks, such as the one behind `network:///system`.
///
/// A connection is opened for each question, so the other driver may restart,
/// or come later, as it likes. Each question has a limit: a driver that does
/// not answer costs its callers that time and no more; while a question is
/// open, the next ones get seconds only, and when many are open no further one
/// is put. The answer to an abandoned question is
/// dropped, whenever it comes.
///
/// A driver may ask from any thread, but not while it starts: the others may
/// not be there yet.
#[derive(Clone)]
pub struct Neighbour {
    host: Host,
    uri: String,
    /// Questions that nobody waits for any more, and that are not answered yet.
    abandoned: Arc<AtomicUsize>,
}

/// So many unanswered questions show that asking once more is of no use.
const MOST_ABANDONED: usize = 16;

/// The longest that a driver is waited for which has not answered an earlier question.
const IMPATIENT: Duration = Duration::from_secs(3);

impl Neighbour {
    /// The driver of a scheme, as this daemon has it: `network` means
    /// `network:///system`, or `/session` in a user's own daemon.
    pub fn new(host: Host, scheme: &str) -> Self {
        let path = if host.is_privileged() { "system" } else { "session" };
        Self { host, uri: format!("{scheme}:///{path}"), abandoned: Arc::default() }
    }

    /// The URI that is opened.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Asks in this driver's own name; see [`Call::is_internal`].
    ///
    /// * `what` – names the question in errors, such as `network_port_create_xml`.
    /// * `body` – asks; runs on a thread of its own.
    /// * Errors: `NO_CONNECT` there is no such driver; `OPERATION_TIMEOUT` naming driver and question when no
    ///   answer came within `limit`, or earlier ones are still not answered; what `body` returns.
    pub fn ask<T: Send + 'static>(
        &self,
        what: &'static str,
        limit: Duration,
        body: impl FnOnce(&Connection, &Call) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let unanswered = self.abandoned.load(Ordering::Acquire);
        let limit = if unanswered > 0 { limit.min(IMPATIENT) } else { limit };
        if unanswered >= MOST_ABANDONED {
            return Err(Error::timed_out(format!(
                "{} has not answered {MOST_ABANDONED} earlier questions, so it is not asked for '{what}'",
                self.uri
            )));
        }
        let (sender, receiver) = mpsc::channel();
        let (host, uri, open) = (self.host, self.uri.clone(), Arc::new(AtomicUsize::new(WAITED_FOR)));
        let (state, abandoned) = (Arc::clone(&open), Arc::clone(&self.abandoned));
        let ask = move || {
            let _told = Told { state, abandoned };
            let answer = Call::internal(what, |call| {
                let connection = host.connect(&uri, OpenFlags::EMPTY)?;
                body(&connection, call)
            });
            let _ = sender.send(answer);
        };
        std::thread::Builder::new()
            .name("neighbour".to_owned())
            .spawn(ask)
            .map_err(|error| Error::system(format!("no thread to ask {} on", self.uri), &error))?;
        match receiver.recv_timeout(limit) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Disconnected) => {
                Err(Error::new(ErrorCode::INTERNAL_ERROR, format!("asking {} for '{what}' panicked", self.uri)))
            }
            Err(RecvTimeoutError::Timeout) => {
                self.abandoned.fetch_add(1, Ordering::AcqRel);
                if open.compare_exchange(WAITED_FOR, ABANDONED, Ordering::AcqRel, Ordering::Acquire).is_err() {
                    // It was answered in this very moment.
                    self.abandoned.fetch_sub(1, Ordering::AcqRel);
                }
                Err(Error::timed_out(format!("{} did not answer '{what}' within {limit:?}", self.uri)))
            }
        }
    }
}

impl std::fmt::Debug for Neighbour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Neighbour({})", self.uri)
    }
}

const WAITED_FOR: usize = 0;
const ABANDONED: usize = 1;
const OVER: usize = 2;

/// Says that a question is over, answered or not.
struct Told {
    state: Arc<AtomicUsize>,
    abandoned: Arc<AtomicUsize>,
}

impl Drop for Told {
    fn drop(&mut self) {
        if self.state.swap(OVER, Ordering::AcqRel) == ABANDONED {
            self.abandoned.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::{Condvar, Mutex, OnceLock};
    use std::time::Instant;

    use super::*;
    use crate::event::Event;
    use crate::host::{Folder, HostServices, LogLevel, LogRecord};

    /// A daemon whose other driver hangs while it is told to.
    #[derive(Default)]
    struct Slow {
        hangs: Mutex<bool>,
        changed: Condvar,
    }

    impl Slow {
        fn hang(&self, hangs: bool) {
            *self.hangs.lock().unwrap() = hangs;
            self.changed.notify_all();
        }
    }

    impl HostServices for Slow {
        fn emit(&self, _: u64, _: &Event) {}
        fn new_channel(&self) -> u64 {
            1
        }
        fn log(&self, _: &LogRecord) {}
        fn log_level(&self) -> LogLevel {
            LogLevel::ERROR
        }
        fn folder(&self, _: Folder) -> String {
            String::new()
        }
        fn is_privileged(&self) -> bool {
            true
        }
        fn connect(&self, uri: &str, _: OpenFlags) -> Result<Connection> {
            drop(self.changed.wait_while(self.hangs.lock().unwrap(), |hangs| *hangs).unwrap());
            Err(Error::new(ErrorCode::NO_CONNECT, uri))
        }
        fn inhibit_shutdown(&self, _: &str, _: bool) {}
    }

    #[test]
    fn no_question_waits_for_ever_and_a_driver_that_comes_back_is_asked_again() {
        static SLOW: OnceLock<Slow> = OnceLock::new();
        let slow = SLOW.get_or_init(Slow::default);
        let network = Neighbour::new(Host::new(slow), "network");
        let ask = |limit| network.ask("network_lookup_by_name", limit, |_, _| Ok(())).unwrap_err();
        let (moment, long) = (Duration::from_millis(5), Duration::from_secs(60));
        let missing = ask(long);
        assert_eq!((missing.code(), missing.detail()), (ErrorCode::NO_CONNECT, "network:///system"));

        slow.hang(true);
        for _ in 0..MOST_ABANDONED {
            let late = ask(moment);
            assert_eq!(late.code(), ErrorCode::OPERATION_TIMEOUT);
            assert!(late.detail().contains("network:///system") && late.detail().contains("network_lookup_by_name"));
        }
        // Not even a long limit is waited for.
        assert!(ask(long).detail().contains("earlier questions"));

        slow.hang(false);
        let end = Instant::now() + long;
        while ask(long).code() != ErrorCode::NO_CONNECT {
            assert!(Instant::now() < end, "the driver is back and is not asked");
            std::thread::yield_now();
        }
    }
}
