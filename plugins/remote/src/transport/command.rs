//! Programs that carry a connection over their standard input and output.

use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use oxivirt_core::{Error, Result};

use super::Carried;
use crate::uri::RemoteUri;

/// How long a program may live on without its input.
const END_LIMIT: Duration = Duration::from_secs(2);

/// Bytes that are kept of what a program complains about.
const COMPLAINT_MAX: usize = 4096;

/// A running program; it is ended when this is dropped.
pub(crate) struct Helper {
    child: Option<Child>,
    said: Arc<Mutex<Vec<u8>>>,
}

impl Helper {
    /// What it wrote to its standard error, in one line.
    pub(crate) fn complaint(&self) -> String {
        // The last words may still be on their way.
        std::thread::sleep(Duration::from_millis(100));
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&said).split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let end = move || {
            let until = Instant::now() + END_LIMIT;
            while Instant::now() < until {
                if !matches!(child.try_wait(), Ok(None)) {
                    return;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            let _ = child.kill();
            let _ = child.wait();
        };
        // Whoever closes a connection does not wait for a program.
        let _ = std::thread::Builder::new().name("helper-end".to_owned()).spawn(end);
    }
}

/// Runs the program of `command`.
pub(super) fn ext(uri: &RemoteUri) -> Result<Carried> {
    let command = uri.parameters.command.as_deref();
    let command = command.ok_or_else(|| Error::invalid_arg("URI parameter 'command' is missing for transport ext"))?;
    start(Command::new(command))
}

/// Runs a program that carries a connection over its standard input and output.
pub(super) fn start(mut command: Command) -> Result<Carried> {
    let failed = |what: &str, source: std::io::Error| Error::system(what, &source);
    let (near, far) = UnixStream::pair().map_err(|source| failed("cannot make a socket", source))?;
    let input = far.try_clone().map_err(|source| failed("cannot copy a socket", source))?;
    command.stdin(OwnedFd::from(input)).stdout(OwnedFd::from(far)).stderr(Stdio::piped());
    let program = command.get_program().display().to_string();
    let child = command.spawn();
    // The command keeps the far end open as long as it lives.
    drop(command);
    let mut child = child.map_err(|source| failed(&format!("cannot run '{program}'"), source))?;
    let said = Arc::new(Mutex::new(Vec::new()));
    if let Some(mut errors) = child.stderr.take() {
        let said = said.clone();
        let listen = move || {
            let mut buffer = [0; 512];
            while let Ok(count @ 1..) = errors.read(&mut buffer) {
                let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
                let room = COMPLAINT_MAX.saturating_sub(said.len()).min(count);
                said.extend_from_slice(buffer.get(..room).unwrap_or_default());
            }
        };
        let _ = std::thread::Builder::new().name("helper-errors".to_owned()).spawn(listen);
    }
    Ok(Carried { socket: near.into(), helper: Some(Helper { child: Some(child), said }) })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_program_that_is_missing_or_not_named_is_an_error() {
        assert!(ext(&RemoteUri::parse("test+ext:///default").unwrap()).is_err());
        let error = ext(&RemoteUri::parse("test+ext:///default?command=/no/such").unwrap()).err().unwrap();
        assert!(error.message().contains("/no/such"), "{error}");
    }
}
