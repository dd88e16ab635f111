//! Starting a program and waiting until it serves.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use command_fds::{CommandFdExt, FdMapping};
use oxivirt_core::{Error, ErrorCode, Result};

use super::helper::{Helper, Kind};
use super::site::{Site, give};
use crate::process::{Exit, Gate, GuestLog, Process};
use crate::settings::{LogRules, ProcessRules};
use crate::status::HelperNote;
use crate::sys;

/// All that a program beside QEMU is started with.
#[derive(Debug)]
pub(super) struct Program {
    /// What it does.
    pub kind: Kind,
    /// The device that it serves.
    pub alias: String,
    /// The binary.
    pub binary: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Variables beside those of the daemon.
    pub environment: Vec<(String, String)>,
    /// Descriptors by the numbers that the arguments use.
    pub descriptors: Vec<(OwnedFd, i32)>,
    /// Whom it runs as.
    pub rules: ProcessRules,
    /// Where its words go.
    pub log: PathBuf,
    /// Where its process id is noted.
    pub pid_file: PathBuf,
    /// Where it listens once it serves; none for one that got its socket.
    pub socket: Option<PathBuf>,
    /// What else of it goes with it.
    pub files: Vec<PathBuf>,
    /// It must not be a child of the daemon.
    pub orphan: bool,
}

impl Program {
    /// Starts it apart from the daemon and waits until it listens.
    ///
    /// * Errors: `SYSTEM_ERROR` it cannot be started; `INTERNAL_ERROR` it
    ///   ended, with its own last words; `OPERATION_TIMEOUT` it does not
    ///   listen. Nothing of it is left after an error but its log.
    pub(super) fn start(self) -> Result<Helper> {
        let name = self.binary.display().to_string();
        for file in [Some(&self.log), Some(&self.pid_file), self.socket.as_ref()].into_iter().flatten() {
            Site::make_folder_of(file, 0o755, &self.rules)?;
        }
        // What an earlier one left would look as if this one served already.
        for file in self.socket.iter().chain([&self.pid_file]) {
            oxivirt_util::file::remove_if_exists(file)
                .map_err(|e| Error::system(format_args!("cannot remove '{}'", file.display()), &e))?;
        }
        let plain = LogRules { keeper: false, ..LogRules::default() };
        let log = GuestLog::begin(&self.log, &plain, "")?;
        give(&self.log, &self.rules)?;
        let mut command = match self.orphan {
            true => Command::new("/bin/sh"),
            false => Command::new(&self.binary),
        };
        if self.orphan {
            command.args(["-c", ORPHAN, "sh"]).arg(&self.pid_file).arg(&self.binary);
        }
        command
            .args(&self.arguments)
            .envs(self.environment)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(log.output()?)
            .stderr(log.output()?);
        sys::own_session(&mut command);
        sys::restrict(&mut command, &self.rules);
        // After the change of user, before descriptors get their numbers.
        let failed = |e| Error::system(format_args!("cannot start '{name}'"), &e);
        let gate = Gate::before(&mut command).map_err(failed)?;
        let mappings = self.descriptors.into_iter().map(|(parent_fd, child_fd)| FdMapping { parent_fd, child_fd });
        command.fd_mappings(mappings.collect()).map_err(|e| Error::internal(e.to_string()))?;
        // Noted before it becomes the program: the next daemon ends what no guest has.
        let known = |process: &Process| {
            oxivirt_util::file::write_atomic(&self.pid_file, process.pid().to_string().as_bytes(), 0o644)
                .map_err(|e| Error::system(format_args!("cannot write '{}'", self.pid_file.display()), &e))?;
            // An orphan's is written once more, by its own user.
            if self.orphan { give(&self.pid_file, &self.rules) } else { Ok(()) }
        };
        let passed = gate.pass(command, &known, &failed).and_then(|process| match self.orphan {
            true => orphan_of(&process, &self.pid_file),
            false => Ok(process),
        });
        let process = match passed {
            Ok(process) => process,
            Err(error) => {
                let _ = oxivirt_util::file::remove_if_exists(&self.pid_file);
                return Err(error);
            }
        };
        let mut files = vec![self.pid_file.clone()];
        files.extend(self.socket.iter().cloned());
        files.extend(self.files);
        let note = HelperNote {
            kind: self.kind.word().to_owned(),
            alias: self.alias,
            pid: process.pid(),
            start_time: Some(process.start_time()),
            files,
        };
        let helper = Helper::new(note, process, Some(log));
        let ready = self.socket.as_deref().map_or(Ok(()), |socket| helper.listens(&name, socket));
        match ready {
            Ok(()) => Ok(helper),
            Err(error) => {
                helper.end();
                Err(error)
            }
        }
    }
}

/// Starts the program behind `$2` once its parent is gone, and notes its process in `$1`.
const ORPHAN: &str = r#"p=$$ f=$1; shift
( while kill -0 $p 2>/dev/null; do sleep 0.02; done; exec "$@" ) &
echo $! > "$f""#;

/// The process that a shell started before it ended.
fn orphan_of(shell: &Process, pid_file: &Path) -> Result<Process> {
    match shell.wait(READY) {
        Some(Exit::Code(0)) => {}
        Some(exit) => return Err(Error::internal(format!("'/bin/sh' ended ({})", how(exit)))),
        None => {
            shell.terminate(Duration::ZERO, true)?;
            return Err(Error::new(ErrorCode::OPERATION_TIMEOUT, "'/bin/sh' did not end in time"));
        }
    }
    let text = oxivirt_util::file::read_text(pid_file, 64)
        .map_err(|e| Error::system(format_args!("cannot read '{}'", pid_file.display()), &e))?;
    let pid = text.trim().parse().map_err(|_| Error::internal(format!("'{}' has no number", pid_file.display())))?;
    Process::find(pid)
}

impl Helper {
    fn listens(&self, name: &str, socket: &Path) -> Result<()> {
        let end = Instant::now() + READY;
        loop {
            if is_listening(socket) {
                return Ok(());
            }
            if let Some(exit) = self.process().wait(LOOK) {
                return Err(Error::internal(format!("'{name}' ended ({}){}", how(exit), said(&self.words()))));
            }
            if Instant::now() >= end {
                let text = format!(
                    "'{name}' does not listen at '{}' after {} s{}",
                    socket.display(),
                    READY.as_secs(),
                    said(&self.words())
                );
                return Err(Error::new(ErrorCode::OPERATION_TIMEOUT, text));
            }
        }
    }
}

/// Whether somebody listens at a socket, without connecting to it: some
/// programs take the first connection for QEMU's.
fn is_listening(socket: &Path) -> bool {
    const ACCEPTS: u32 = 1 << 16;
    if !socket.exists() {
        return false;
    }
    // Lines of number, references, protocol, flags, type, state, inode, path.
    let Ok(table) = std::fs::read_to_string("/proc/net/unix") else { return true };
    table.lines().any(|line| {
        let mut fields = line.split_ascii_whitespace();
        let flags = fields.nth(3).and_then(|flags| u32::from_str_radix(flags, 16).ok()).unwrap_or(0);
        flags & ACCEPTS != 0 && fields.nth(3).is_some_and(|path| Path::new(path) == socket)
    })
}

/// How a process ended, in words.
pub(super) fn how(exit: Exit) -> String {
    match exit {
        Exit::Code(code) => format!("exit status {code}"),
        Exit::Signal(number) => format!("signal {number}"),
        Exit::Unknown => "unknown exit".to_owned(),
    }
}

/// A program's words behind what is said of it.
pub(super) fn said(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(": {words}") }
}

/// Finds a program by its name, or takes a path as it is.
///
/// Errors: `OPERATION_UNSUPPORTED` when there is none that can be run.
pub(super) fn find_program(name: &str) -> Result<PathBuf> {
    let runs = |path: &Path| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    let unsupported = |text: String| Error::new(ErrorCode::OPERATION_UNSUPPORTED, text);
    if name.contains('/') {
        let path = PathBuf::from(name);
        return match runs(&path) {
            true => Ok(path),
            false => Err(unsupported(format!("'{name}' is not a suitable program"))),
        };
    }
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
    // Where distributions keep programs that are not for people.
    let more = ["/usr/libexec", "/usr/lib/qemu", "/usr/sbin"].map(PathBuf::from);
    let found = std::env::split_paths(&path).chain(more).map(|folder| folder.join(name)).find(|path| runs(path));
    found.ok_or_else(|| unsupported(format!("Unable to find '{name}' binary in $PATH")))
}

/// How long a program may take until it serves.
const READY: Duration = Duration::from_secs(30);

/// The time between two looks at a program that does not serve yet.
const LOOK: Duration = Duration::from_millis(10);
