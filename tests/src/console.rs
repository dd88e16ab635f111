//! A guest's console, opened through the terminal that the daemon names.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use rustix::fs::OFlags;

use crate::process;

/// One open console with everything it showed so far.
#[derive(Debug)]
pub struct Console {
    terminal: std::fs::File,
    seen: Vec<u8>,
    /// Up to where the output has been searched.
    searched: usize,
}

impl Console {
    /// Opens the terminal; a guest that is paused until now loses no output.
    ///
    /// Waits a little longer than the second after which QEMU notices that
    /// someone has opened the terminal: until then it drops all output.
    pub fn open(terminal: &Path) -> Result<Console, String> {
        let flags = (OFlags::NOCTTY | OFlags::NONBLOCK).bits().cast_signed();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(flags)
            .open(terminal)
            .map_err(|e| format!("the guest's console {}: {e}", terminal.display()))?;
        thread::sleep(Duration::from_millis(1200));
        Ok(Console { terminal: file, seen: Vec::new(), searched: 0 })
    }

    /// Types a text.
    pub fn say(&mut self, text: &str) -> Result<(), String> {
        self.terminal.write_all(text.as_bytes()).map_err(|e| format!("writing to the guest's console: {e}"))
    }

    /// Reads until `text` appears behind what was found before.
    ///
    /// Errors: it did not within `limit`, or the console is gone; with what the guest showed.
    pub fn until(&mut self, text: &str, limit: Duration) -> Result<(), String> {
        let found = process::wait_for(&format!("the guest to print \"{text}\""), limit, || self.step(text));
        found.and_then(|step| step).map_err(|e| format!("{e}; its console shows:\n{}", self.lines().join("\n")))
    }

    /// Everything seen so far as plain lines.
    pub fn lines(&self) -> Vec<String> {
        // The shell asks the terminal for its size; nobody wants to see the question.
        let text = String::from_utf8_lossy(&self.seen).replace("\u{1b}[6n", "").replace('\r', "");
        text.lines().map(str::trim_end).filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }

    fn step(&mut self, text: &str) -> Option<Result<(), String>> {
        let mut buffer = [0; 4096];
        loop {
            let fresh = self.seen.get(self.searched..).unwrap_or_default();
            if let Some(place) = fresh.windows(text.len()).position(|window| window == text.as_bytes()) {
                self.searched += place + text.len();
                return Some(Ok(()));
            }
            match self.terminal.read(&mut buffer) {
                Ok(0) => return Some(Err("the guest closed its console".into())),
                Ok(count) => self.seen.extend(buffer.iter().take(count)),
                Err(e) if e.kind() == ErrorKind::WouldBlock => return None,
                Err(e) => return Some(Err(format!("reading the guest's console: {e}"))),
            }
        }
    }
}
