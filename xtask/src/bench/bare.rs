//! QEMU without any daemon: what starting and ending it takes at least.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use oxivirt_tests::process;
use rustix::io::FdFlags;
use rustix::process::Signal;

/// QEMU answers within this time, or something is wrong.
const LIMIT: Duration = Duration::from_secs(60);

/// The command line of a guest, to be run without a daemon.
pub(super) struct Bare(Vec<String>);

/// How long a bare QEMU took.
pub(super) struct Times {
    /// Until its monitor had agreed on what it can do.
    pub(super) answers: Duration,
    /// Until its processors ran.
    pub(super) runs: Duration,
    /// From the request to end until it was gone.
    pub(super) ends: Duration,
}

impl Bare {
    /// The command line with which a daemon started a guest, but for what only a daemon needs.
    ///
    /// Errors: it has descriptors beside the monitor's.
    pub(super) fn of_process(pid: i32) -> Result<Bare, String> {
        let file = format!("/proc/{pid}/cmdline");
        let line = std::fs::read(&file).map_err(|e| format!("{file}: {e}"))?;
        let words = line.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned());
        let words: Vec<String> = words.filter(|word| !word.is_empty()).collect();
        let mut kept = Vec::new();
        let mut rest = words.into_iter().peekable();
        while let Some(word) = rest.next() {
            // The key for secrets, of which there are none.
            if word == "-object" && rest.peek().is_some_and(|value| value.contains("masterKey")) {
                rest.next();
                continue;
            }
            kept.push(word);
        }
        match kept.iter().filter(|word| word.contains("fd=")).count() {
            1 => Ok(Bare(kept)),
            count => Err(format!("the guest has {count} descriptors instead of its monitor's alone: {kept:?}")),
        }
    }

    /// Runs it once, and leaves it running for `settle`.
    pub(super) fn run(&self, folder: &Path, settle: Duration) -> Result<Times, String> {
        let path = folder.join("bare-monitor");
        let _ = std::fs::remove_file(&path);
        let listener: OwnedFd = UnixListener::bind(&path).map_err(|e| format!("{}: {e}", path.display()))?.into();
        rustix::io::fcntl_setfd(&listener, FdFlags::empty()).map_err(|e| format!("a descriptor for QEMU: {e}"))?;
        let monitor = format!("socket,id=charmonitor,fd={},server=on,wait=off", listener.as_raw_fd());
        let words = self.0.iter().map(|word| if word.contains("id=charmonitor") { &monitor } else { word });
        let words: Vec<&String> = words.collect();
        let log = File::create(folder.join("bare.log")).map_err(|e| format!("bare.log: {e}"))?;
        let (program, arguments) = words.split_first().ok_or("an empty command line")?;
        let begun = Instant::now();
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let mut child = Running(command.spawn().map_err(|e| format!("{program}: {e}"))?);
        drop(listener);
        let mut talk = Talk::open(&path).map_err(|e| format!("a bare QEMU: {e}"))?;
        talk.order("qmp_capabilities")?;
        let answers = begun.elapsed();
        talk.order("cont")?;
        let runs = begun.elapsed();
        std::thread::sleep(settle);
        let asked = Instant::now();
        process::signal(i32::try_from(child.0.id()).unwrap_or(0), Signal::TERM);
        child.0.wait().map_err(|e| format!("a bare QEMU: {e}"))?;
        Ok(Times { answers, runs, ends: asked.elapsed() })
    }
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Talk(BufReader<UnixStream>);

impl Talk {
    fn open(path: &Path) -> std::io::Result<Talk> {
        let stream = UnixStream::connect(path)?;
        stream.set_read_timeout(Some(LIMIT))?;
        let mut talk = Talk(BufReader::new(stream));
        // The greeting.
        talk.0.read_line(&mut String::new())?;
        Ok(talk)
    }

    fn order(&mut self, command: &str) -> Result<(), String> {
        let fail = |e: std::io::Error| format!("{command} to a bare QEMU: {e}");
        self.0.get_mut().write_all(format!("{{\"execute\":\"{command}\"}}\n").as_bytes()).map_err(fail)?;
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).map_err(fail)? == 0 {
                return Err(format!("a bare QEMU ended at {command}"));
            }
            if line.starts_with("{\"return\"") {
                return Ok(());
            }
            if line.starts_with("{\"error\"") {
                return Err(format!("{command} to a bare QEMU: {line}"));
            }
        }
    }
}
