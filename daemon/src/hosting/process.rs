//! One hosting process, as the daemon sees it.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use oxivirt_core::Result;
use oxivirt_util::process::{Handle, Running, Signal};

use super::line::{Line, LineReader};
use super::message::Message;

/// How long a process may take nothing from the daemon before it is given up.
const SEND_LIMIT: Duration = Duration::from_secs(10);

/// The file of this very program, also after a newer one was installed.
const PROGRAM: &str = "/proc/self/exe";

/// Variables that are meant for the daemon alone.
const PRIVATE: &[&str] =
    &["NOTIFY_SOCKET", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "WATCHDOG_PID", "WATCHDOG_USEC"];

/// A process and the line to it.
pub(super) struct Process {
    /// Its process id.
    pub(super) pid: u32,
    /// Counts the processes of one plugin.
    pub(super) generation: u64,
    line: Line,
    handle: Handle,
    /// Questions since its last sign of life.
    asked: AtomicU32,
    gone: AtomicBool,
}

/// What is left to look after when a process has just been started.
pub(super) struct Fresh {
    /// The process.
    pub(super) process: Arc<Process>,
    /// The child, to be collected.
    pub(super) running: Running,
    /// What it says.
    pub(super) reader: LineReader,
    /// What it prints.
    pub(super) output: io::PipeReader,
}

impl Process {
    /// Starts a process for a plugin.
    ///
    /// The thread that calls this must outlive the process, which is killed
    /// when that thread ends.
    ///
    /// * `arguments`: what the daemon itself was told about its places.
    pub(super) fn spawn(plugin: &Path, arguments: &[OsString], generation: u64) -> io::Result<Fresh> {
        let (ours, theirs) = UnixStream::pair()?;
        let (output, print) = io::pipe()?;
        let mut command = Command::new(PROGRAM);
        command.arg0(std::env::args_os().next().unwrap_or_else(|| "oxivirtd".into()));
        command.arg("--host-plugin").arg(std::path::absolute(plugin)?).args(arguments);
        for name in PRIVATE {
            command.env_remove(name);
        }
        command.stdin(Stdio::from(OwnedFd::from(theirs))).stdout(print.try_clone()?).stderr(print);
        let line = Line::new(ours, Some(SEND_LIMIT))?;
        let reader = line.reader()?;
        let mut running = Running::spawn(&mut command)?;
        let pid = running.id();
        match Handle::open(pid) {
            Ok(Some(handle)) => {
                let (asked, gone) = (AtomicU32::new(0), AtomicBool::new(false));
                let process = Arc::new(Self { pid, generation, line, handle, asked, gone });
                Ok(Fresh { process, running, reader, output })
            }
            failed => {
                let _ = running.stop(Duration::ZERO);
                Err(failed.err().unwrap_or_else(|| io::Error::other(format!("process {pid} vanished"))))
            }
        }
    }

    /// Tells it something.
    pub(super) fn tell(&self, message: &Message) -> Result<()> {
        self.line.send(message, None)
    }

    /// Hands a socket over: a client of the daemon speaks on the other end.
    pub(super) fn hand_over(&self, tag: u64, client: u64, socket: UnixStream) -> Result<()> {
        self.line.send(&Message::Client { tag, client }, Some(socket.as_fd()))
    }

    /// It gave a sign of life.
    pub(super) fn hear(&self) {
        self.asked.store(0, Ordering::Relaxed);
    }

    /// Counts a question; returns how many there were since its last sign of life.
    pub(super) fn ask(&self) -> u32 {
        self.asked.fetch_add(1, Ordering::Relaxed)
    }

    /// It will say nothing any more.
    pub(super) fn leave(&self) {
        self.gone.store(true, Ordering::Release);
    }

    /// Whether it will say nothing any more.
    pub(super) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    /// Kills it.
    pub(super) fn kill(&self) {
        if let Err(error) = self.handle.signal(Signal::KILL) {
            tracing::error!(process = self.pid, %error, "a hosting process cannot be killed");
        }
    }

    /// Nothing will be said any more; what is on its way can still be read.
    pub(super) fn hang_up(&self) {
        self.line.shut_down();
    }
}
