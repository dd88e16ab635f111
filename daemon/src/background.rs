//! Going to the background: the program starts itself again, detached, and
//! ends once the new one is ready.

use std::fs::OpenOptions;
use std::io::Read;
use std::process::{Command, ExitCode, Stdio};

/// Set for the program in the background.
const MARK: &str = "OXIVIRTD_IN_BACKGROUND";
const READY: &[u8] = b"ready\n";

/// Whether this is the program in the background.
pub(crate) fn is_child() -> bool {
    std::env::var_os(MARK).is_some()
}

/// Starts the program in the background and waits until it is ready or ended.
pub(crate) fn start() -> ExitCode {
    let child = std::env::current_exe().and_then(|program| {
        let arguments = std::env::args_os().skip(1);
        Command::new(program).args(arguments).env(MARK, "1").stdin(Stdio::null()).stdout(Stdio::piped()).spawn()
    });
    let mut child = match child {
        Ok(child) => child,
        Err(error) => {
            eprintln!("oxivirtd: cannot go to the background: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut said = Vec::new();
    // Ends with the word or with the child, whichever is first.
    let heard = child.stdout.take().map(|mut pipe| pipe.read_to_end(&mut said));
    match heard {
        Some(Ok(_)) if said == READY => ExitCode::SUCCESS,
        _ => {
            let status = child.wait().map_or_else(|error| error.to_string(), |status| status.to_string());
            eprintln!("oxivirtd: the daemon ended while it started: {status}");
            ExitCode::FAILURE
        }
    }
}

/// Leaves the terminal's session; first thing in the background.
pub(crate) fn detach() {
    let _ = rustix::process::setsid();
    let _ = rustix::process::chdir("/");
}

/// Tells the waiting program that all is well and lets go of the terminal.
pub(crate) fn ready() {
    let _ = rustix::io::write(rustix::stdio::stdout(), READY);
    let nothing = OpenOptions::new().read(true).write(true).open("/dev/null");
    if let Ok(nothing) = nothing {
        let _ = rustix::stdio::dup2_stdin(&nothing);
        let _ = rustix::stdio::dup2_stdout(&nothing);
        let _ = rustix::stdio::dup2_stderr(&nothing);
    }
}
