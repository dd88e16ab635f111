//! `virt-ssh-helper`: the other end of a connection through ssh. It joins its
//! standard input and output to the daemon's socket that a URI means.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use oxivirt_core::client::connect_unix;
use oxivirt_core::{Error, Result};
use oxivirt_util::paths::Root;

use crate::connection::Places;
use crate::defaults::Defaults;
use crate::transport::unix;
use crate::uri::{RemoteUri, TransportKind};

/// How long one user's daemon may take to start.
const START_LIMIT: Duration = Duration::from_secs(30);

/// Seconds after which one user's daemon ends when nobody needs it.
const IDLE_SECONDS: &str = "120";

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
enum Wish {
    Help,
    Version,
    Connect { uri: String, read_only: bool },
}

/// Runs the helper with its arguments; returns what it ends with.
///
/// * A message for people goes to standard error.
pub fn run(arguments: impl Iterator<Item = String>) -> u8 {
    let done = match wish(arguments) {
        Ok(Wish::Help) => {
            println!("{USAGE}");
            Ok(())
        }
        Ok(Wish::Version) => {
            println!("virt-ssh-helper (oxivirt) {}", env!("CARGO_PKG_VERSION"));
            Ok(())
        }
        Ok(Wish::Connect { uri, read_only }) => join(&uri, read_only).map_err(|error| error.to_string()),
        Err(message) => Err(message),
    };
    match done {
        Ok(()) => 0,
        Err(message) => {
            eprintln!("virt-ssh-helper: {message}");
            1
        }
    }
}

const USAGE: &str = "Usage: virt-ssh-helper [OPTION]... URI

Joins standard input and output to the socket of the daemon that URI means,
for clients that come through ssh. URI is one of this machine, such as
qemu:///system; its parameters 'mode' and 'socket' count.

  -r, --readonly  use the socket for those who only look
  -h, --help      show this text
  -V, --version   show the version";

fn wish(arguments: impl Iterator<Item = String>) -> std::result::Result<Wish, String> {
    let (mut uri, mut read_only, mut options) = (None, false, true);
    for argument in arguments {
        match argument.as_str() {
            "-h" | "--help" if options => return Ok(Wish::Help),
            "-V" | "--version" if options => return Ok(Wish::Version),
            "-r" | "--readonly" if options => read_only = true,
            "--" if options => options = false,
            other if options && other.starts_with('-') => return Err(format!("unknown option '{other}'\n{USAGE}")),
            _ if uri.is_some() => return Err(format!("more than one URI\n{USAGE}")),
            _ => uri = Some(argument),
        }
    }
    let uri = uri.ok_or_else(|| format!("no URI\n{USAGE}"))?;
    Ok(Wish::Connect { uri, read_only })
}

fn join(uri: &str, read_only: bool) -> Result<()> {
    let uri = RemoteUri::parse(uri)?;
    if uri.transport != TransportKind::Unix || !uri.host.is_empty() {
        return Err(Error::invalid_arg("the URI is to be one of this machine"));
    }
    let places = Places::default();
    let defaults = Defaults::read(&places.config)?;
    let path = unix::path(&uri, read_only, &places, &defaults)?;
    let socket = match connect_unix(&path) {
        Err(error) if uri.is_session() && uri.parameters.socket.is_none() => start(&path, error)?,
        other => other?,
    };
    pump(&UnixStream::from(socket)).map_err(|source| Error::system("cannot go on", &source))
}

/// Starts one user's daemon and waits until it answers.
fn start(socket: &Path, not_there: Error) -> Result<OwnedFd> {
    if rustix::process::geteuid().is_root() || Root::session().is_err() {
        return Err(not_there);
    }
    // Beside us, else wherever it is found.
    let beside = std::env::current_exe().ok().map(|own| own.with_file_name("oxivirtd")).filter(|file| file.exists());
    let program = beside.unwrap_or_else(|| PathBuf::from("oxivirtd"));
    let mut command = Command::new(&program);
    command.args(["--daemon", "--timeout", IDLE_SECONDS]).stdin(Stdio::null()).stdout(Stdio::null());
    let child = command.spawn();
    let mut child = child.map_err(|source| Error::system(format!("cannot run '{}'", program.display()), &source))?;
    let until = Instant::now() + START_LIMIT;
    loop {
        match connect_unix(socket) {
            Ok(socket) => return Ok(socket),
            Err(error) if Instant::now() >= until => {
                let text = format!("'{}' did not answer within {} seconds", program.display(), START_LIMIT.as_secs());
                let _ = child.kill();
                let _ = child.wait();
                return Err(error.context(text));
            }
            Err(error) => match child.try_wait() {
                Ok(Some(status)) if !status.success() => {
                    return Err(error.context(format!("'{}' ended with {status}", program.display())));
                }
                _ => std::thread::sleep(Duration::from_millis(50)),
            },
        }
    }
}

/// Copies both ways until the daemon hangs up.
fn pump(socket: &UnixStream) -> io::Result<()> {
    let up = socket.try_clone()?;
    // Without the library's buffers: packets go on at once.
    let mut input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let send = move || {
        let copied = copy(&mut input, &mut &up);
        let _ = up.shutdown(match copied {
            Ok(()) => Shutdown::Write,
            Err(_) => Shutdown::Both,
        });
    };
    std::thread::Builder::new().name("up".to_owned()).spawn(send)?;
    match copy(&mut &*socket, &mut output) {
        // Whoever called has gone.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

fn copy(from: &mut dyn Read, to: &mut dyn Write) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => to.write_all(buffer.get(..count).unwrap_or_default())?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn wish_of(arguments: &[&str]) -> std::result::Result<Wish, String> {
        wish(arguments.iter().map(|argument| (*argument).to_owned()))
    }

    #[test]
    fn arguments_are_those_of_the_stock_helper() {
        let connect = |uri: &str, read_only| Wish::Connect { uri: uri.to_owned(), read_only };
        assert_eq!(wish_of(&["qemu:///system"]).unwrap(), connect("qemu:///system", false));
        assert_eq!(wish_of(&["-r", "--", "x:///"]).unwrap(), connect("x:///", true));
        assert_eq!(wish_of(&["x:///", "--readonly"]).unwrap(), connect("x:///", true));
        assert_eq!(wish_of(&["-V"]).unwrap(), Wish::Version);
        for wrong in [&[][..], &["-x", "x:///"], &["x:///", "y:///"]] {
            assert!(wish_of(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn only_this_machine_is_reached() {
        for uri in ["qemu+tcp://box/system", "qemu://box/system", "nonsense", "qemu:///system?socket=/no/such"] {
            assert!(join(uri, false).is_err(), "{uri}");
        }
    }
}
