//! Starting QEMU apart from the daemon.

use std::ffi::OsString;
use std::fmt::Write;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use command_fds::{CommandFdExt, FdMapping};
use oxivirt_conf::domain::{CpuSet, NumaMode};
use oxivirt_core::{Error, Result};

use super::gate::Gate;
use super::{GuestLog, Process};
use crate::memory_lock::MemoryLock;
use crate::settings::ProcessRules;
use crate::surroundings::dev::Plan;
use crate::sys;

/// All that a QEMU process is started with.
#[derive(Debug)]
pub struct Launch {
    /// The binary.
    pub binary: PathBuf,
    /// Its whole environment.
    pub environment: Vec<(String, OsString)>,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Descriptors by the numbers that the arguments use.
    pub descriptors: Vec<(OwnedFd, i32)>,
    /// How much memory it may lock, if more than usual.
    pub memory_lock: Option<MemoryLock>,
    /// Whom it runs as, and what it may use.
    pub rules: ProcessRules,
    /// Files of groups that it puts itself into.
    pub doors: Vec<OwnedFd>,
    /// How it gets a `/dev` of its own.
    pub(crate) devices: Option<Plan>,
    /// Where its memory comes from.
    pub nodes: Option<(NumaMode, CpuSet)>,
}

impl Launch {
    /// Starts it in a session of its own, so that neither the daemon's end
    /// nor a signal to the daemon's group reaches it.
    ///
    /// * Its output goes to `log`; everything else of this process stays here.
    /// * `known` – is told of the process before it becomes QEMU, and writes
    ///   down that it exists: if this daemon is killed before that, the
    ///   process ends as well; if later, the next daemon finds it. An error
    ///   ends the process.
    /// * The returned process runs; it may still fail by itself.
    pub fn start(self, log: &mut GuestLog, known: &dyn Fn(&Process) -> Result<()>) -> Result<Process> {
        let what = |e| Error::system(format_args!("cannot start '{}'", self.binary.display()), &e);
        let mut command = Command::new(&self.binary);
        command
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(k, v)| (k, v)))
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(log.output()?)
            .stderr(log.output()?);
        sys::own_session(&mut command);
        if let Some(lock) = self.memory_lock {
            sys::allow_locked_memory(&mut command, lock.bytes);
        }
        sys::enter(&mut command, self.doors);
        let stage = self.devices.as_ref().map(|plan| plan.stage().to_owned());
        if let Some(plan) = self.devices {
            sys::own_devices(&mut command, plan.ready().map_err(what)?);
        }
        if let Some((mode, nodes)) = &self.nodes {
            sys::take_memory_from(&mut command, *mode, nodes);
        }
        sys::restrict(&mut command, &self.rules);
        // After the change of user, which would forget what is asked for here,
        // and before descriptors get the numbers that QEMU expects.
        let gate = Gate::before(&mut command).map_err(what)?;
        let mappings = self.descriptors.into_iter().map(|(parent_fd, child_fd)| FdMapping { parent_fd, child_fd });
        command.fd_mappings(mappings.collect()).map_err(|e| Error::internal(e.to_string()))?;
        // The command holds our copies of the descriptors; a monitor socket
        // that stays open here would hide QEMU's death.
        let passed = gate.pass(command, known, &what);
        if let Some(stage) = stage {
            // The child has it mounted for itself; here it is an empty folder.
            let _ = std::fs::remove_dir(stage);
        }
        let process = passed?;
        log.handed_out();
        Ok(process)
    }

    /// The whole command as a person would type it, for the log.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (name, value) in &self.environment {
            let _ = writeln!(text, "{name}={} \\", value.to_string_lossy());
        }
        text.push_str(&self.binary.to_string_lossy());
        for argument in &self.arguments {
            let option = argument.starts_with('-');
            let _ = write!(text, "{}{}", if option { " \\\n" } else { " " }, quoted(argument));
        }
        text.push('\n');
        text
    }
}

/// A socket that QEMU will accept monitor connections on.
///
/// It listens before QEMU starts, so that connecting needs no retries and a
/// QEMU that dies early reads as a closed connection.
pub fn listen(path: &Path) -> Result<OwnedFd> {
    let listener = UnixListener::bind(path)
        .map_err(|e| Error::system(format_args!("cannot listen at '{}'", path.display()), &e))?;
    Ok(listener.into())
}

fn quoted(argument: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=.,:/+@%".contains(c);
    match !argument.is_empty() && argument.chars().all(plain) {
        true => argument.to_owned(),
        false => format!("'{}'", argument.replace('\'', r"'\''")),
    }
}
