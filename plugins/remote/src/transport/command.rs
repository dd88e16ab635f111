//! Programs that carry a connection over their standard input and output.

use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use oxivirt_core::plugin::OpenFlags;
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
    let command = uri.parameter("command");
    let command = command.ok_or_else(|| Error::invalid_arg("URI parameter 'command' is missing for transport ext"))?;
    start(Command::new(command))
}

/// Runs ssh, and on the other machine whatever reaches the daemon's socket.
pub(super) fn ssh(uri: &RemoteUri, flags: OpenFlags) -> Result<Carried> {
    let mut command = Command::new(uri.parameter("command").unwrap_or("ssh"));
    command.args(arguments(uri, flags.contains(OpenFlags::READ_ONLY))?);
    start(command)
}

fn arguments(uri: &RemoteUri, read_only: bool) -> Result<Vec<String>> {
    let mut all: Vec<String> = Vec::new();
    let mut add = |words: &[&str]| all.extend(words.iter().map(|word| (*word).to_owned()));
    if let Some(port) = uri.port {
        add(&["-p", &port.to_string()]);
    }
    if let Some(user) = &uri.user {
        add(&["-l", user]);
    }
    if let Some(keyfile) = uri.parameter("keyfile") {
        add(&["-i", keyfile]);
    }
    if uri.switch("no_verify")? {
        add(&["-o", "StrictHostKeyChecking=no"]);
    }
    if uri.switch("no_tty")? {
        add(&["-o", "BatchMode=yes"]);
    }
    add(&["-T", "-e", "none", "--", if uri.host.is_empty() { "localhost" } else { &uri.host }]);
    all.push(format!("sh -c {}", quoted(&script(uri, read_only)?)));
    Ok(all)
}

/// What runs on the other machine.
fn script(uri: &RemoteUri, read_only: bool) -> Result<String> {
    let helper = {
        let option = if read_only { "-r " } else { "" };
        format!("virt-ssh-helper {option}{}", quoted(&uri.name))
    };
    let end = if read_only && !uri.is_session() { "-sock-ro" } else { "-sock" };
    let socket = match uri.parameter("socket") {
        Some(socket) => quoted(socket),
        None if uri.is_session() => "\"$XDG_RUNTIME_DIR/libvirt/libvirt-sock\"".to_owned(),
        None => quoted(&format!("/run/libvirt/libvirt{end}")),
    };
    let program = quoted(uri.parameter("netcat").unwrap_or("nc"));
    // Some netcats end with their input only when told to.
    let netcat = format!(
        "if {program} -q 2>&1 | grep -q 'requires an argument'; then exec {program} -q 0 -U {socket}; \
         else exec {program} -U {socket}; fi"
    );
    // The helper looks for a socket itself, so it cannot be told one.
    let default =
        if uri.parameter("netcat").is_some() || uri.parameter("socket").is_some() { "netcat" } else { "auto" };
    match uri.parameter("proxy").unwrap_or(default) {
        "auto" => Ok(format!("if command -v virt-ssh-helper >/dev/null 2>&1; then exec {helper}; fi; {netcat}")),
        "native" => Ok(format!("exec {helper}")),
        "netcat" => Ok(netcat),
        other => Err(Error::invalid_arg(format!("URI parameter 'proxy' is '{other}', not auto, native or netcat"))),
    }
}

/// A word that a shell takes as it is.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

fn start(mut command: Command) -> Result<Carried> {
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

    fn command(text: &str) -> String {
        arguments(&RemoteUri::parse(text).unwrap(), false).unwrap().join(" ")
    }

    #[test]
    fn ssh_gets_what_the_uri_says() {
        let text = command("qemu+ssh://me@box:7/system?keyfile=/k&no_tty=1&no_verify=1&proxy=native");
        assert_eq!(
            text,
            "-p 7 -l me -i /k -o StrictHostKeyChecking=no -o BatchMode=yes -T -e none -- box \
             sh -c 'exec virt-ssh-helper '\\''qemu:///system'\\'''"
        );
        let text = command("qemu+ssh://box/system?socket=/a%20b");
        assert!(text.contains("/a b") && !text.contains("virt-ssh-helper"), "{text}");
    }

    #[test]
    fn a_quote_stays_inside_its_word() {
        let program = format!("printf %s {}", quoted("a'b; echo c"));
        let output = Command::new("sh").args(["-c", &program]).output().unwrap();
        assert_eq!(output.stdout, b"a'b; echo c");
    }

    #[test]
    fn a_program_that_is_missing_or_not_named_is_an_error() {
        assert!(ext(&RemoteUri::parse("test+ext:///default").unwrap()).is_err());
        let error = ext(&RemoteUri::parse("test+ext:///default?command=/no/such").unwrap()).err().unwrap();
        assert!(error.message().contains("/no/such"), "{error}");
    }
}
