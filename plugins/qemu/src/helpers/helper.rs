//! Programs that run beside a QEMU.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use oxivirt_core::Error;

use super::program::{how, said};
use crate::process::{Exit, GuestLog, Process};
use crate::status::HelperNote;

/// What a program does for a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A TPM in software.
    Tpm,
    /// A network card's way out.
    Network,
    /// A message bus.
    Bus,
    /// A folder of the host.
    FileSystem,
    /// A video card.
    Gpu,
    /// Reservations of disks.
    Reservations,
    /// An image in the network.
    Disk,
}

impl Kind {
    /// What it is called in a status file, and what the program is usually called.
    pub fn word(self) -> &'static str {
        match self {
            Self::Tpm => "swtpm",
            Self::Network => "passt",
            Self::Bus => "dbus-daemon",
            Self::FileSystem => "virtiofsd",
            Self::Gpu => "vhost-user-gpu",
            Self::Reservations => "qemu-pr-helper",
            Self::Disk => "nbdkit",
        }
    }
}

/// One program that runs.
#[derive(Debug)]
pub struct Helper {
    note: HelperNote,
    process: Process,
    /// Only of one that this daemon started.
    log: Option<Mutex<GuestLog>>,
}

impl Helper {
    pub(super) fn new(note: HelperNote, process: Process, log: Option<GuestLog>) -> Self {
        Self { note, process, log: log.map(Mutex::new) }
    }

    /// One that an earlier daemon noted; none when it has ended.
    fn found(note: &HelperNote) -> Option<Self> {
        let process = Process::find(note.pid).ok().filter(Process::is_alive)?;
        let same = note.start_time.is_none_or(|time| time == process.start_time());
        same.then(|| Self::new(note.clone(), process, None))
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.process.pid()
    }

    pub(super) fn process(&self) -> &Process {
        &self.process
    }

    /// What it said since it was started.
    pub(super) fn words(&self) -> String {
        self.log.as_ref().map(|log| log.lock().unwrap_or_else(PoisonError::into_inner).words()).unwrap_or_default()
    }

    /// Ends it and removes its files.
    pub(super) fn end(self) {
        if let Err(error) = self.process.terminate(PATIENCE, true) {
            tracing::error!(program = %self.note.kind, pid = self.process.pid(), %error, "a guest's helper stays");
        }
        remove(&self.note.files);
    }

    /// The same for one whose QEMU is gone: some see that and end by themselves.
    fn end_after_qemu(self) {
        if LEAVE.iter().any(|kind| kind.word() == self.note.kind) {
            let _ = self.process.wait(OWN_END);
        }
        self.end();
    }
}

fn remove(files: &[PathBuf]) {
    for path in files {
        if let Err(error) = oxivirt_util::file::remove_if_exists(path) {
            tracing::warn!(path = %path.display(), %error, "cannot remove");
        }
    }
}

/// Programs of a QEMU that has yet to come up: they end with this value
/// unless they are handed over.
#[derive(Debug, Default)]
pub struct Started(Vec<Helper>);

impl Started {
    /// One more.
    pub fn push(&mut self, helper: Helper) {
        self.0.push(helper);
    }

    /// Where one of a kind listens.
    pub fn socket_of(&self, kind: Kind) -> Option<String> {
        let helper = self.0.iter().find(|helper| helper.note.kind == kind.word())?;
        helper.note.files.get(1).map(|socket| socket.to_string_lossy().into_owned())
    }

    /// What the next daemon needs to find them.
    pub fn notes(&self) -> Vec<HelperNote> {
        self.0.iter().map(|helper| helper.note.clone()).collect()
    }

    /// Hands them over to who ends them with the guest.
    pub fn keep(&mut self) -> Vec<Helper> {
        std::mem::take(&mut self.0)
    }

    /// Says in an error which of them have ended: that is why QEMU failed.
    pub fn explain(&self, mut error: Error) -> Error {
        for helper in &self.0 {
            // QEMU notices one that hung up before the kernel has ended it.
            let hangs_up = SERVERS.iter().any(|kind| kind.word() == helper.note.kind);
            let limit = if hangs_up { OWN_END } else { Duration::ZERO };
            if let Some(exit) = helper.process.wait(limit)
                // Others see that QEMU is gone, and leave.
                && exit != Exit::Code(0)
            {
                let words = said(&helper.words());
                error = error.context(format_args!("'{}' ended ({}){words}", helper.note.kind, how(exit)));
            }
        }
        error
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // The last one may use one of those before.
        while let Some(helper) = self.0.pop() {
            helper.end();
        }
    }
}

/// All programs of a guest that runs. Dropping it leaves them running.
#[derive(Debug, Default)]
pub struct Helpers {
    running: Mutex<Vec<Helper>>,
    watched: AtomicBool,
}

impl Helpers {
    /// Those that were started.
    pub fn new(running: Vec<Helper>) -> Self {
        Self { running: Mutex::new(running), watched: AtomicBool::new(false) }
    }

    /// Those that an earlier daemon noted; files of those that are gone are removed.
    pub fn take_over(notes: &[HelperNote]) -> Self {
        let mut running = Vec::new();
        for note in notes {
            match Helper::found(note) {
                Some(helper) => running.push(helper),
                None => {
                    tracing::warn!(program = %note.kind, pid = note.pid, "a guest's helper has ended");
                    remove(&note.files);
                }
            }
        }
        Self::new(running)
    }

    fn list(&self) -> MutexGuard<'_, Vec<Helper>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// More of them.
    pub fn add(&self, more: Vec<Helper>) {
        self.list().extend(more);
    }

    /// What the next daemon needs to find them.
    pub fn notes(&self) -> Vec<HelperNote> {
        self.list().iter().map(|helper| helper.note.clone()).collect()
    }

    /// Whether there is one of a kind.
    pub fn has(&self, kind: Kind) -> bool {
        self.list().iter().any(|helper| helper.note.kind == kind.word())
    }

    /// Whether somebody looks after those that are started again; from now on somebody does.
    pub fn is_watched(&self) -> bool {
        self.watched.swap(true, Ordering::AcqRel)
    }

    /// Takes out those of a kind that have ended.
    pub fn take_ended(&self, kind: Kind) -> Vec<HelperNote> {
        let gone = |helper: &mut Helper| helper.note.kind == kind.word() && !helper.process.is_alive();
        self.list().extract_if(.., gone).map(|helper| helper.note).collect()
    }

    /// Ends those of a kind of which none of some files is.
    pub fn end_without(&self, kind: Kind, files: &[PathBuf]) {
        let unused = |helper: &mut Helper| {
            helper.note.kind == kind.word() && !helper.note.files.iter().any(|file| files.contains(file))
        };
        let gone: Vec<Helper> = self.list().extract_if(.., unused).collect();
        gone.into_iter().for_each(Helper::end);
    }

    /// Ends those that served a device which is gone.
    pub fn end_of(&self, alias: &str) {
        let gone: Vec<Helper> = self.list().extract_if(.., |helper| helper.note.alias == alias).collect();
        gone.into_iter().for_each(Helper::end);
    }

    /// Ends all of them, after their QEMU.
    pub fn end(&self) {
        let all = std::mem::take(&mut *self.list());
        all.into_iter().rev().for_each(Helper::end_after_qemu);
    }
}

/// Those that QEMU talks to while it comes up.
const SERVERS: &[Kind] = &[Kind::FileSystem, Kind::Gpu];

/// Those that end with the connection that QEMU had.
const LEAVE: &[Kind] = &[Kind::Tpm, Kind::Network, Kind::FileSystem, Kind::Gpu];

/// How long one may take to end when asked to.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long one may take to see that its QEMU is gone.
const OWN_END: Duration = Duration::from_secs(2);
