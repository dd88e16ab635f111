//! Asking a binary what it can do.

use std::io::{Read, Seek};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use command_fds::{CommandFdExt, FdMapping};
use oxivirt_core::{Error, Result};
use serde_json::{Value, json};

use super::read::Reader;
use super::{Accel, Emulator};
use crate::monitor::{Event, Failure, Handler, Monitor};
use crate::sys;

/// Something that answers monitor commands: a binary, or a recording of one.
pub trait Ask {
    /// Runs one command.
    fn ask(&mut self, command: &str, arguments: Value) -> Result<Value, Failure>;
}

/// Asks a binary, starting it once per way of execution.
///
/// * `limit` – for everything together.
/// * Errors: `INTERNAL_ERROR` or `OPERATION_TIMEOUT` naming the binary, with
///   its own last words when it had any.
/// * Blocks up to `limit`.
pub fn probe(binary: &Path, limit: Duration) -> Result<Emulator> {
    let end = Instant::now() + limit;
    let kvm = kvm_usable();
    let context = |e: Error| e.context(format_args!("cannot probe '{}'", binary.display()));
    probe_with(binary, |accel| match accel {
        Accel::Kvm if !kvm => Ok(None),
        accel => Session::start(binary, accel, end).map(Some),
    })
    .map_err(context)
}

/// Asks through sessions that `start` opens; none means "this way of
/// execution is not there". The first session is asked everything.
pub fn probe_with<A: Ask>(binary: &Path, mut start: impl FnMut(Accel) -> Result<Option<A>>) -> Result<Emulator> {
    let mut reader = Reader::new(binary);
    if let Some(mut session) = start(Accel::Kvm)? {
        // The binary falls back by itself where the kernel's help fails.
        let accel = reader.everything(&mut session)?;
        if accel == Accel::Tcg {
            return reader.finish();
        }
        if let Some(mut session) = start(Accel::Tcg)? {
            reader.accel(&mut session, Accel::Tcg)?;
        }
    } else if let Some(mut session) = start(Accel::Tcg)? {
        reader.everything(&mut session)?;
    }
    reader.finish()
}

/// Whether this process may open the kernel's device.
pub(super) fn kvm_usable() -> bool {
    std::fs::OpenOptions::new().read(true).write(true).open("/dev/kvm").is_ok()
}

/// A binary that runs without a board, only to be asked.
struct Session {
    child: Child,
    monitor: Monitor,
    end: Instant,
}

impl Session {
    fn start(binary: &Path, accel: Accel, end: Instant) -> Result<Self> {
        let what = |e| Error::system(format_args!("cannot start '{}'", binary.display()), &e);
        let (ours, theirs) = UnixStream::pair().map_err(what)?;
        let mut words = scratch_file().map_err(what)?;
        let machine = match accel {
            Accel::Kvm => "none,accel=kvm:tcg",
            Accel::Hvf => "none,accel=hvf:tcg",
            Accel::Tcg => "none,accel=tcg",
        };
        let mut command = Command::new(binary);
        command
            .args(["-S", "-no-user-config", "-nodefaults", "-nographic", "-machine", machine])
            .args(["-chardev", "socket,id=probe,fd=3", "-mon", "chardev=probe,mode=control"])
            .env_clear()
            .env("LC_ALL", "C")
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(words.try_clone().map_err(what)?)
            .process_group(0);
        // A daemon that is killed in the middle must not leave it behind.
        sys::end_with_parent(&mut command);
        command
            .fd_mappings(vec![FdMapping { parent_fd: OwnedFd::from(theirs), child_fd: 3 }])
            .map_err(|e| Error::internal(e.to_string()))?;
        let mut child = command.spawn().map_err(what)?;
        // The mapping holds our copy of QEMU's end: without this a dead QEMU
        // would never read as closed.
        drop(command);
        match Monitor::open("(probe)", ours, Box::new(Silent), left(end)) {
            Ok(monitor) => Ok(Self { child, monitor, end }),
            Err(error) => {
                reap(&mut child);
                let mut text = String::new();
                let _ = words.rewind().and_then(|()| words.read_to_string(&mut text));
                match text.trim() {
                    "" => Err(error),
                    text => Err(Error::internal(text.to_owned())),
                }
            }
        }
    }
}

impl Ask for Session {
    fn ask(&mut self, command: &str, arguments: Value) -> Result<Value, Failure> {
        self.monitor.attempt(command, arguments, left(self.end))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.monitor.attempt("quit", json!(null), Duration::from_millis(500));
        reap(&mut self.child);
    }
}

/// Ends the child and collects it; it holds nothing worth a clean end.
fn reap(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

fn left(end: Instant) -> Duration {
    end.saturating_duration_since(Instant::now())
}

/// A nameless file for the child's messages.
fn scratch_file() -> std::io::Result<std::fs::File> {
    let fd = rustix::fs::memfd_create("qemu-probe", rustix::fs::MemfdFlags::CLOEXEC)?;
    Ok(fd.into())
}

struct Silent;

impl Handler for Silent {
    fn event(&self, _: Event) {}
    fn closed(&self, _: &str) {}
}
