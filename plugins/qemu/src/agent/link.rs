//! The channel: lines of JSON, with a byte that no JSON has where both sides
//! start afresh.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Makes the agent forget what it heard before, and stands in front of what it says after.
const FRESH: u8 = 0xff;

/// An answer of the agent may have so many bytes.
const MAX_LINE: usize = 10 << 20;

/// How often somebody who waits for something else than an answer looks.
const LOOK: Duration = Duration::from_millis(100);

/// Why nothing more comes.
#[derive(Debug)]
pub(super) enum Broken {
    /// Not in time.
    Late,
    /// QEMU or the agent closed it.
    Closed,
    /// The system says why.
    Failed(String),
    /// The agent says something else than JSON.
    Garbled(String),
}

#[derive(Debug)]
pub(super) struct Link {
    stream: UnixStream,
    /// Heard, and not yet looked at.
    heard: Vec<u8>,
}

impl Link {
    pub(super) fn open(socket: &Path) -> std::io::Result<Self> {
        UnixStream::connect(socket).map(Self::of)
    }

    pub(super) fn of(stream: UnixStream) -> Self {
        Self { stream, heard: Vec::new() }
    }

    /// Brings both sides to the same place: whatever the agent said before is thrown away.
    pub(super) fn synchronize(&mut self, number: u64, end: Instant) -> Result<(), Broken> {
        self.heard.clear();
        // Agents take any number that fits; a small one is kept whole by all of them.
        let number = number & 0x7fff_ffff;
        let question = json!({"execute": "guest-sync-delimited", "arguments": {"id": number}});
        let mut bytes = vec![FRESH];
        bytes.extend_from_slice(question.to_string().as_bytes());
        bytes.push(b'\n');
        self.write(&bytes, end)?;
        loop {
            let line = self.line(end, &|| false)?.unwrap_or_default();
            let Some(at) = line.iter().rposition(|byte| *byte == FRESH) else { continue };
            let Ok(value) = serde_json::from_slice::<Value>(line.get(at + 1..).unwrap_or_default()) else { continue };
            if value.get("return").and_then(Value::as_u64) == Some(number) {
                return Ok(());
            }
        }
    }

    pub(super) fn send(&mut self, object: &Value, end: Instant) -> Result<(), Broken> {
        let mut bytes = object.to_string().into_bytes();
        bytes.push(b'\n');
        self.write(&bytes, end)
    }

    /// The next answer; none once `done` says that there is nothing to wait for.
    pub(super) fn answer(&mut self, end: Instant, done: &dyn Fn() -> bool) -> Result<Option<Value>, Broken> {
        loop {
            let Some(line) = self.line(end, done)? else { return Ok(None) };
            let text = line.iter().position(|byte| *byte != FRESH && !byte.is_ascii_whitespace());
            let Some(text) = text.and_then(|at| line.get(at..)) else { continue };
            return serde_json::from_slice(text).map(Some).map_err(|e| {
                let shown = text.get(..80).unwrap_or(text);
                Broken::Garbled(format!("{e} in '{}'", shown.escape_ascii()))
            });
        }
    }

    fn line(&mut self, end: Instant, done: &dyn Fn() -> bool) -> Result<Option<Vec<u8>>, Broken> {
        let mut looked = 0;
        loop {
            let fresh = self.heard.get(looked..).unwrap_or_default();
            if let Some(at) = fresh.iter().position(|byte| *byte == b'\n') {
                let rest = self.heard.split_off(looked + at + 1);
                return Ok(Some(std::mem::replace(&mut self.heard, rest)));
            }
            looked = self.heard.len();
            if looked > MAX_LINE {
                return Err(Broken::Garbled(format!("more than {MAX_LINE} bytes without an end")));
            }
            if done() {
                return Ok(None);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Broken::Late);
            }
            self.stream.set_read_timeout(Some(left.min(LOOK))).map_err(failed)?;
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(Broken::Closed),
                Ok(n) => self.heard.extend(buffer.iter().take(n)),
                Err(e) if waits(e.kind()) => {}
                Err(e) if e.kind() == ErrorKind::ConnectionReset => return Err(Broken::Closed),
                Err(e) => return Err(failed(e)),
            }
        }
    }

    fn write(&mut self, mut bytes: &[u8], end: Instant) -> Result<(), Broken> {
        while !bytes.is_empty() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Broken::Late);
            }
            self.stream.set_write_timeout(Some(left)).map_err(failed)?;
            match self.stream.write(bytes) {
                Ok(0) => return Err(Broken::Closed),
                Ok(n) => bytes = bytes.get(n..).unwrap_or_default(),
                Err(e) if waits(e.kind()) => {}
                Err(e) if matches!(e.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {
                    return Err(Broken::Closed);
                }
                Err(e) => return Err(failed(e)),
            }
        }
        Ok(())
    }
}

fn waits(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

fn failed(error: std::io::Error) -> Broken {
    Broken::Failed(error.to_string())
}
