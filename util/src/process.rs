//! Processes: children run to an end within a limit, and other processes
//! watched and ended through descriptors that a reused id cannot fool.
//!
//! Start with [`run`] for a helper program, [`Running`] for a child that
//! stays, [`Handle`] for a process that somebody else started.

mod handle;
mod running;

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};

pub use handle::{Handle, Identity, is_alive, start_time, terminate};
pub use running::Running;
pub use rustix::process::Signal;

/// How [`run`] treats the child.
#[derive(Debug, Clone)]
pub struct RunOptions<'a> {
    /// What the child reads on its standard input.
    pub input: &'a [u8],
    /// How long the child may take before it is asked to end.
    pub limit: Duration,
    /// How long it may take to end when asked, before it is killed.
    pub grace: Duration,
    /// How many bytes are kept of each of its two outputs; the rest is read and dropped.
    pub max_output: usize,
}

impl Default for RunOptions<'_> {
    /// No input, 30 seconds, 2 seconds of grace, 1 MiB of each output.
    fn default() -> Self {
        Self { input: &[], limit: Duration::from_secs(30), grace: Duration::from_secs(2), max_output: 1 << 20 }
    }
}

/// What a child left behind.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote, up to the limit.
    pub stdout: Vec<u8>,
    /// What it complained about, up to the limit.
    pub stderr: Vec<u8>,
    /// Whether either output was longer than the limit.
    pub truncated: bool,
}

impl Finished {
    /// Its last complaint as text for an error: the trimmed standard error,
    /// or how it ended when it said nothing.
    pub fn complaint(&self) -> String {
        let text = String::from_utf8_lossy(&self.stderr);
        match text.trim() {
            "" => self.status.to_string(),
            text => text.to_owned(),
        }
    }
}

/// Runs a program to its end, feeding its input and collecting its outputs.
///
/// * The standard streams of `command` are replaced by pipes; everything else
///   (arguments, environment, folder) stays as given. It becomes the leader of
///   its own process group, so that its own children end with it.
/// * Returns when the program itself ends, even if a grandchild keeps the
///   pipes open. A failure status is not an error here.
/// * Errors: the program could not be started; [`io::ErrorKind::TimedOut`]
///   when it passed the limit, after it and its group have been ended.
/// * Blocks for at most `limit + grace` and the time of the kernel to kill.
pub fn run(command: &mut Command, options: &RunOptions<'_>) -> io::Result<Finished> {
    let deadline = Instant::now().checked_add(options.limit);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.stdin(if options.input.is_empty() { Stdio::null() } else { Stdio::piped() });
    let mut child = Running::spawn(command)?;
    let mut feed = Feed { to: child.take_stdin(), left: options.input };
    let mut stdout = Drain::new(child.take_stdout(), options.max_output);
    let mut stderr = Drain::new(child.take_stderr(), options.max_output);
    for fd in [feed.to.as_ref().map(AsFd::as_fd), stdout.fd(), stderr.fd()].into_iter().flatten() {
        rustix::io::ioctl_fionbio(fd, true)?;
    }

    loop {
        let ready = wait_any(
            &[
                (Some(child.as_fd()), PollFlags::IN),
                (feed.to.as_ref().map(AsFd::as_fd), PollFlags::OUT),
                (stdout.fd(), PollFlags::IN),
                (stderr.fd(), PollFlags::IN),
            ],
            deadline,
        )?;
        if !ready {
            let name = child.name().to_owned();
            child.stop(options.grace)?;
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("'{name}' did not end within {:?} and was ended", options.limit),
            ));
        }
        feed.step();
        stdout.step()?;
        stderr.step()?;
        if let Some(status) = child.wait(Duration::ZERO)? {
            // What it wrote between the last look and its end.
            stdout.step()?;
            stderr.step()?;
            let truncated = stdout.truncated || stderr.truncated;
            return Ok(Finished { status, stdout: stdout.kept, stderr: stderr.kept, truncated });
        }
    }
}

/// Waits until one descriptor is ready; `false` at the deadline.
fn wait_any(wanted: &[(Option<BorrowedFd<'_>>, PollFlags)], deadline: Option<Instant>) -> io::Result<bool> {
    let mut fds: Vec<PollFd<'_>> =
        wanted.iter().filter_map(|(fd, flags)| fd.map(|fd| PollFd::from_borrowed_fd(fd, *flags))).collect();
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let timeout = left.map(timespec);
        match rustix::event::poll(&mut fds, timeout.as_ref()) {
            Ok(0) if left.is_none_or(|left| !left.is_zero()) => continue,
            Ok(count) => return Ok(count > 0),
            Err(rustix::io::Errno::INTR) => continue,
            Err(errno) => return Err(errno.into()),
        }
    }
}

fn timespec(duration: Duration) -> Timespec {
    Timespec { tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX), tv_nsec: duration.subsec_nanos().into() }
}

/// The input of a child, written as far as its pipe takes it.
struct Feed<'a, W> {
    to: Option<W>,
    left: &'a [u8],
}

impl<W: Write> Feed<'_, W> {
    fn step(&mut self) {
        while let Some(to) = &mut self.to {
            if self.left.is_empty() {
                self.to = None;
                return;
            }
            match to.write(self.left) {
                Ok(count) => self.left = self.left.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // A child need not read all that it is given.
                Err(_) => self.to = None,
            }
        }
    }
}

/// One output of a child, read as far as there is any.
struct Drain<R> {
    from: Option<R>,
    kept: Vec<u8>,
    limit: usize,
    truncated: bool,
}

impl<R: Read + AsFd> Drain<R> {
    fn new(from: Option<R>, limit: usize) -> Self {
        Self { from, kept: Vec::new(), limit, truncated: false }
    }

    fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.from.as_ref().map(AsFd::as_fd)
    }

    /// Reads what there is, at most a bounded amount, so that a child that
    /// writes without end cannot keep the caller from its deadline.
    fn step(&mut self) -> io::Result<()> {
        let mut buffer = [0; 16 * 1024];
        for _ in 0..64 {
            let Some(from) = &mut self.from else { return Ok(()) };
            match from.read(&mut buffer) {
                Ok(0) => self.from = None,
                Ok(count) => {
                    let room = self.limit - self.kept.len();
                    self.truncated |= count > room;
                    self.kept.extend_from_slice(&buffer[..count.min(room)]);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn shell(script: &str, options: &RunOptions<'_>) -> io::Result<Finished> {
        run(Command::new("/bin/sh").arg("-c").arg(script), options)
    }

    #[test]
    fn run_feeds_input_and_collects_both_outputs() {
        let input = vec![b'x'; 300_000];
        let options = RunOptions { input: &input, ..RunOptions::default() };
        let done = shell("cat; echo bad >&2; exit 3", &options).unwrap();
        assert_eq!(done.status.code(), Some(3));
        assert_eq!(done.stdout, input);
        assert_eq!(done.complaint(), "bad");
        assert!(!done.truncated);
    }

    #[test]
    fn run_copes_with_a_child_that_reads_nothing() {
        let input = vec![b'x'; 300_000];
        let options = RunOptions { input: &input, ..RunOptions::default() };
        assert!(shell("exec true", &options).unwrap().status.success());
    }

    #[test]
    fn run_caps_output() {
        let options = RunOptions { max_output: 10, ..RunOptions::default() };
        let done = shell("head -c 100000 /dev/zero", &options).unwrap();
        assert_eq!(done.stdout.len(), 10);
        assert!(done.truncated && done.status.success());
    }

    #[test]
    fn run_ends_a_child_that_hangs_or_writes_without_end() {
        let options = RunOptions {
            limit: Duration::from_millis(100),
            grace: Duration::from_millis(50),
            max_output: 100,
            ..RunOptions::default()
        };
        for script in ["trap '' TERM; sleep 60 & wait; sleep 60", "exec cat /dev/zero"] {
            let begin = Instant::now();
            let error = shell(script, &options).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            assert!(error.to_string().contains("'/bin/sh' did not end within 100ms"), "{error}");
            assert!(begin.elapsed() < Duration::from_secs(20));
        }
    }

    #[test]
    fn run_returns_though_a_grandchild_keeps_the_pipes() {
        let begin = Instant::now();
        let done = shell("sleep 60 & echo $!", &RunOptions::default()).unwrap();
        assert!(begin.elapsed() < Duration::from_secs(20));
        let pid: u32 = String::from_utf8(done.stdout).unwrap().trim().parse().unwrap();
        assert!(is_alive(pid));
        assert!(terminate(pid, Duration::from_secs(5)).unwrap());
        assert!(!is_alive(pid));
    }

    #[test]
    fn run_names_the_missing_program() {
        let error = run(&mut Command::new("/no/such"), &RunOptions::default()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(error.to_string().contains("/no/such"), "{error}");
    }
}
