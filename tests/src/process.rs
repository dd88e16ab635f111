//! Programs that are run to the end, within a limit.
//!
//! Nothing in the tests or tools may wait for ever: a program that does not
//! end in time is killed, and the error says which one it was, how long it
//! was given and what it had printed by then.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

/// How often a condition that cannot be waited for otherwise is looked at.
pub const POLL: Duration = Duration::from_millis(20);

/// Set when the user asked to stop: every wait ends at once, as if its time were over.
pub static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// What a program that ended left behind.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output, lossily decoded.
    pub stdout: String,
    /// Its standard error, lossily decoded.
    pub stderr: String,
}

impl Finished {
    /// Both outputs, standard output first; for messages.
    pub fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

/// Runs a program with its output captured and nothing on its standard input.
///
/// * `what` names the step in error messages.
/// * After `limit` the program and everything it started in its process group are killed.
/// * Errors: the program cannot be started, or was not done in time. A
///   failing exit status is a result, see [`succeed`].
pub fn run(command: &mut Command, what: &str, limit: Duration) -> Result<Finished, String> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().map_err(|e| cannot_start(command, what, &e))?;
    let stdout = drain(child.stdout.take());
    let stderr = drain(child.stderr.take());
    let status = wait(&mut child, limit);
    if status.is_none() {
        kill_group(&child);
        let _ = child.wait();
    }
    // Something that outlived the program may hold the pipes open: do not wait for it.
    let collect = |rx: std::sync::mpsc::Receiver<Vec<u8>>| {
        let bytes = rx.recv_timeout(Duration::from_secs(5)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let (stdout, stderr) = (collect(stdout), collect(stderr));
    match status {
        Some(status) => Ok(Finished { status, stdout, stderr }),
        None => Err(format!("{what}: {}\n{stdout}{stderr}", cut_short(limit))),
    }
}

/// Like [`run`], but a failing exit status is an error that holds the output.
pub fn succeed(command: &mut Command, what: &str, limit: Duration) -> Result<Finished, String> {
    let finished = run(command, what, limit)?;
    match finished.status.success() {
        true => Ok(finished),
        false => Err(format!("{what}: {}\n{}", finished.status, finished.text())),
    }
}

/// Runs a program that talks to the terminal itself; a failing exit status is an error.
pub fn show(command: &mut Command, what: &str, limit: Duration) -> Result<(), String> {
    let mut child = command.stdin(Stdio::null()).spawn().map_err(|e| cannot_start(command, what, &e))?;
    match wait(&mut child, limit) {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(format!("{what}: {status}")),
        None => {
            let _ = child.kill();
            let _ = child.wait();
            Err(format!("{what}: {}", cut_short(limit)))
        }
    }
}

/// Waits for a child; `None` when it still runs after `limit`.
pub fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let end = Instant::now() + limit;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < end && !interrupted() => thread::sleep(POLL),
            _ => return None,
        }
    }
}

/// Asks `probe` until it answers or `limit` is over.
///
/// Errors: one line naming `what` was waited for, and for how long.
pub fn wait_for<T>(what: &str, limit: Duration, mut probe: impl FnMut() -> Option<T>) -> Result<T, String> {
    let end = Instant::now() + limit;
    loop {
        if let Some(answer) = probe() {
            return Ok(answer);
        }
        if interrupted() {
            return Err(format!("interrupted while waiting for {what}"));
        }
        if Instant::now() >= end {
            return Err(format!("waited {} s for {what}", limit.as_secs_f32()));
        }
        thread::sleep(POLL);
    }
}

/// Sends a signal to one process; a process that is gone is no error.
pub fn signal(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// Whether a process with this id exists and is not a zombie.
pub fn alive(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .ok()
        .and_then(|stat| stat.rsplit_once(") ").map(|(_, rest)| !rest.starts_with('Z')))
        .unwrap_or(false)
}

/// The processes that a process started itself and that still exist.
pub fn children(parent: i32) -> Vec<i32> {
    let started_by = |pid: &i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit_once(") ")?.1.split_whitespace().nth(1)?.parse::<i32>().ok()
    };
    std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| started_by(pid) == Some(parent))
        .collect()
}

/// The full path of a program in the search path or the system folders.
pub fn find_program(name: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/bin", "/usr/sbin", "/bin", "/sbin"].map(Into::into))
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// Why a program that still ran was not waited for any longer.
fn cut_short(limit: Duration) -> String {
    match interrupted() {
        true => "interrupted".to_owned(),
        false => format!("not done after {} s", limit.as_secs_f32()),
    }
}

fn cannot_start(command: &Command, what: &str, error: &std::io::Error) -> String {
    format!("{what}: cannot start {}: {error}", command.get_program().display())
}

fn kill_group(child: &Child) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = rustix::process::kill_process_group(pid, Signal::KILL);
    }
}

fn drain(source: Option<impl Read + Send + 'static>) -> std::sync::mpsc::Receiver<Vec<u8>> {
    let (tx, rx) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut source) = source {
            let _ = source.read_to_end(&mut bytes);
        }
        let _ = tx.send(bytes);
    });
    rx
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_program_that_hangs_is_killed_and_named() {
        let error =
            run(Command::new("sh").args(["-c", "echo begun; sleep 60"]), "sleeping", Duration::from_millis(300))
                .unwrap_err();
        assert!(error.starts_with("sleeping: not done after"), "{error}");
        assert!(error.contains("begun"), "{error}");
    }

    #[test]
    fn a_failing_program_is_an_error_with_its_output() {
        let error =
            succeed(Command::new("sh").args(["-c", "echo why >&2; exit 3"]), "failing", Duration::from_secs(10))
                .unwrap_err();
        assert!(error.contains("exit status: 3") && error.contains("why"), "{error}");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = run(&mut Command::new("/no/such/program"), "step", Duration::from_secs(1)).unwrap_err();
        assert!(error.contains("/no/such/program"), "{error}");
    }
}
