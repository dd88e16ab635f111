//! Talking to one running QEMU over its machine protocol (QMP).
//!
//! Everything asynchronous stays in this folder: callers see a blocking
//! [`Monitor`] whose every call has a limit, and a [`Handler`] that is told of
//! events and of the connection's end. Start reading at [`Monitor::open`].

mod commands;
mod failure;
mod link;
mod message;
mod pass;
mod runtime;
#[cfg(test)]
mod tests;

use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use oxivirt_core::{Error, ErrorCode, Result};
use serde_json::Value;
use tokio::sync::mpsc::error::TrySendError;

pub use commands::{BlockCounters, Terminal, VcpuThread};
pub use failure::Failure;
pub use message::{Event, RunState};

use link::{Answer, Link, Request, Wait};

/// Hears what QEMU says on its own account.
///
/// Both methods run on the thread that serves every monitor: they must only
/// hand the news on and return.
pub trait Handler: Send + Sync + 'static {
    /// QEMU reported something.
    fn event(&self, event: Event);
    /// The connection ended; nothing more follows. `why` is a short text.
    fn closed(&self, why: &str);
}

/// The blocking face of one QMP connection.
///
/// May be shared by threads; commands are answered in QEMU's order. Dropping
/// it closes the connection.
pub struct Monitor {
    domain: String,
    next_id: AtomicU64,
    link: Link,
    /// Who holds the guest's job, for messages.
    holder: Mutex<String>,
    /// When a command was given up, unless another was answered since.
    silent: Mutex<Option<Instant>>,
}

impl Monitor {
    /// Takes over a connected socket, reads the greeting and leaves
    /// capability negotiation.
    ///
    /// * `domain` – the guest's name, for messages.
    /// * `limit` – for greeting and negotiation together.
    /// * Errors: `OPERATION_TIMEOUT` when QEMU says nothing, `OPERATION_FAILED`
    ///   when it hangs up, `INTERNAL_ERROR` when it does not speak QMP.
    /// * Blocks up to `limit`.
    pub fn open(domain: &str, stream: UnixStream, handler: Box<dyn Handler>, limit: Duration) -> Result<Self> {
        Self::open_while(domain, stream, handler, limit, &|| true)
    }

    fn open_while(
        domain: &str,
        stream: UnixStream,
        handler: Box<dyn Handler>,
        limit: Duration,
        alive: &dyn Fn() -> bool,
    ) -> Result<Self> {
        let began = Instant::now();
        let (link, greeting) = Link::start(domain, stream, handler)?;
        loop {
            let left = limit.saturating_sub(began.elapsed());
            match greeting.recv_timeout(left.min(LOOK)) {
                Ok(Ok(_)) => break,
                Ok(Err(failure)) => return Err(failure.into_error(domain, "greeting")),
                Err(_) if left.is_zero() => return Err(Failure::TimedOut(limit).into_error(domain, "greeting")),
                Err(_) if !alive() => {
                    return Err(Failure::Gone("the process ended".into()).into_error(domain, "greeting"));
                }
                Err(_) => {}
            }
        }
        let monitor = Self {
            domain: domain.to_owned(),
            next_id: AtomicU64::new(1),
            link,
            holder: Mutex::default(),
            silent: Mutex::default(),
        };
        let rest = limit.saturating_sub(began.elapsed()).max(Duration::from_millis(100));
        monitor.execute("qmp_capabilities", Value::Null, rest)?;
        Ok(monitor)
    }

    /// Connects to a socket by path and opens it.
    ///
    /// A socket that is not there or refuses is an error at once; who waits
    /// for QEMU to create it repeats the call.
    pub fn connect(domain: &str, socket: &Path, handler: Box<dyn Handler>, limit: Duration) -> Result<Self> {
        Self::connect_while(domain, socket, handler, limit, &|| true)
    }

    /// The same, given up as soon as nobody is `alive` who could answer: another
    /// process may hold the socket of one that ended.
    pub fn connect_while(
        domain: &str,
        socket: &Path,
        handler: Box<dyn Handler>,
        limit: Duration,
        alive: &dyn Fn() -> bool,
    ) -> Result<Self> {
        let stream = UnixStream::connect(socket).map_err(|e| {
            Error::system(
                format_args!("cannot connect to the monitor of domain '{domain}' at '{}'", socket.display()),
                &e,
            )
        })?;
        Self::open_while(domain, stream, handler, limit, alive)
    }

    /// Runs one command and waits for its answer.
    ///
    /// * `arguments` – an object, or `Null` for none.
    /// * Returns the `return` member.
    /// * Errors: `OPERATION_TIMEOUT` naming command and domain, after which
    ///   the monitor stays usable and the late answer is thrown away;
    ///   `OPERATION_FAILED` when QEMU is gone; what [`Failure`] says for a
    ///   refusal.
    /// * Blocks up to `limit`.
    pub fn execute(&self, command: &str, arguments: Value, limit: Duration) -> Result<Value> {
        self.attempt(command, arguments, limit).map_err(|failure| self.explain(failure, command))
    }

    /// Runs a command that a descriptor goes along with, as
    /// [`execute`](Self::execute) does.
    pub fn execute_with(
        &self,
        command: &str,
        arguments: Value,
        descriptor: BorrowedFd<'_>,
        limit: Duration,
    ) -> Result<Value> {
        let own = descriptor
            .try_clone_to_owned()
            .map_err(|e| Error::system(format_args!("cannot pass a descriptor to domain '{}'", self.domain), &e))?;
        let id = self.new_id();
        tracing::debug!(domain = %self.domain, command, id, "monitor command with a descriptor");
        let answer = self.send(id, message::command(id, command, arguments), vec![own], limit);
        answer.map_err(|failure| self.explain(failure, command))
    }

    /// The public error of a command that did not work.
    pub fn explain(&self, failure: Failure, command: &str) -> Error {
        let error = failure.into_error(&self.domain, command);
        let holder = self.holder.lock().unwrap_or_else(PoisonError::into_inner);
        match error.code() == ErrorCode::OPERATION_TIMEOUT && !holder.is_empty() {
            true => Error::timed_out(format!("{} (held by {holder})", error.detail())),
            false => error,
        }
    }

    /// Notes who holds the guest's job and therefore waits for answers.
    pub fn held_by(&self, holder: &str) {
        holder.clone_into(&mut self.holder.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// As [`execute`](Self::execute), for callers that decide by the reason.
    pub fn attempt(&self, command: &str, arguments: Value, limit: Duration) -> Result<Value, Failure> {
        let id = self.new_id();
        tracing::debug!(domain = %self.domain, command, id, "monitor command");
        self.send(id, message::command(id, command, arguments), Vec::new(), limit)
    }

    /// Sends a command without waiting for its answer, so that several are on
    /// their way together.
    pub fn begin(&self, command: &str, arguments: Value) -> Pending<'_> {
        let id = self.new_id();
        tracing::debug!(domain = %self.domain, command, id, "monitor command");
        Pending { monitor: self, wait: self.enqueue(id, message::command(id, command, arguments), Vec::new()) }
    }

    fn new_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// Sends a line and waits for what answers its id.
    fn send(&self, id: u64, line: Vec<u8>, files: Vec<OwnedFd>, limit: Duration) -> Result<Value, Failure> {
        Pending { monitor: self, wait: self.enqueue(id, line, files) }.finish(limit)
    }

    fn enqueue(&self, id: u64, line: Vec<u8>, files: Vec<OwnedFd>) -> Result<Wait, Failure> {
        let (answer, wait) = Answer::pair();
        match self.link.requests.try_send(Request { id, line, files, answer }) {
            Ok(()) => Ok(wait),
            Err(TrySendError::Full(_)) => Err(Failure::Clogged),
            Err(TrySendError::Closed(_)) => Err(Failure::Gone(self.link.why_closed())),
        }
    }

    fn receive(&self, wait: &Wait, limit: Duration) -> Result<Value, Failure> {
        let result = match wait.recv_timeout(limit) {
            Ok(result) => result,
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => Err(Failure::TimedOut(limit)),
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => Err(Failure::Gone(self.link.why_closed())),
        };
        let silent = matches!(result, Err(Failure::TimedOut(_))).then(Instant::now);
        *self.silent.lock().unwrap_or_else(PoisonError::into_inner) = silent;
        result
    }

    /// Whether the last command was left unanswered, not longer ago than `within`.
    pub fn is_silent(&self, within: Duration) -> bool {
        let silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        silent.is_some_and(|since| since.elapsed() < within)
    }

    /// The guest's name, as given to [`open`](Self::open).
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Whether the connection has ended.
    pub fn is_closed(&self) -> bool {
        self.link.requests.is_closed()
    }
}

/// A command that was sent; whoever drops it does without the answer.
pub struct Pending<'m> {
    monitor: &'m Monitor,
    wait: Result<Wait, Failure>,
}

impl Pending<'_> {
    /// Waits for the answer.
    ///
    /// * `limit` – from now on.
    /// * Errors: as [`Monitor::attempt`].
    pub fn finish(self, limit: Duration) -> Result<Value, Failure> {
        self.monitor.receive(&self.wait?, limit)
    }
}

impl std::fmt::Debug for Monitor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Monitor").field("domain", &self.domain).field("closed", &self.is_closed()).finish()
    }
}

/// How often it is looked whether anybody is there who could greet.
const LOOK: Duration = Duration::from_millis(200);
