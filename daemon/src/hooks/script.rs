//! One run of one script.

use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use oxivirt_core::{Error, ErrorCode, ErrorDomain, Result};
use oxivirt_util::process::{RunOptions, run};

/// Bytes that a script may print; a document may be as long as a string on the wire.
const OUTPUT_MAX: usize = 4 << 20;

/// Bytes of a script's complaint that become part of an error.
const COMPLAINT_MAX: usize = 4 << 10;

/// How long a script may take to end when its time is up.
const GRACE: Duration = Duration::from_secs(2);

/// What of the daemon's surroundings a script sees.
const ENVIRONMENT: &[&str] = &["PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "LD_LIBRARY_PATH", "LD_PRELOAD"];

/// A script and what it is called with.
pub(super) struct Script<'a> {
    pub(super) path: &'a Path,
    pub(super) arguments: &'a [&'a str],
    pub(super) input: &'a str,
    pub(super) limit: Duration,
}

impl Script<'_> {
    /// Runs it to its end; returns what it printed.
    ///
    /// * Errors: `HOOK_SCRIPT_FAILED` naming the script and its arguments, with
    ///   its standard error. One that does not end in time is killed with its
    ///   process group.
    pub(super) fn run(&self) -> Result<String> {
        let mut command = Command::new(self.path);
        command.args(self.arguments).env_clear().env("LC_ALL", "C").current_dir("/");
        command.envs(ENVIRONMENT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        let options =
            RunOptions { input: self.input.as_bytes(), limit: self.limit, grace: GRACE, max_output: OUTPUT_MAX };
        tracing::debug!(script = %self.path.display(), arguments = ?self.arguments, "running");
        let finished = match run(&mut command, &options) {
            Ok(finished) => finished,
            Err(error) if error.kind() == ErrorKind::TimedOut => {
                return Err(self.failed(&format!("it did not end within {} s and was killed", self.limit.as_secs())));
            }
            Err(error) => return Err(self.failed(&error.to_string())),
        };
        if !finished.status.success() {
            let said = String::from_utf8_lossy(&finished.stderr);
            let said = said.trim();
            let end = said.floor_char_boundary(COMPLAINT_MAX);
            return Err(match said.get(..end).unwrap_or_default() {
                "" => self.failed(&finished.status.to_string()),
                said => self.failed(&format!("{}: {said}", finished.status)),
            });
        }
        if finished.stdout.len() >= OUTPUT_MAX {
            return Err(self.failed(&format!("it printed more than {OUTPUT_MAX} bytes")));
        }
        String::from_utf8(finished.stdout).map_err(|_| self.failed("it printed text that is not UTF-8"))
    }

    fn failed(&self, why: &str) -> Error {
        let detail = format!("'{} {}': {why}", self.path.display(), self.arguments.join(" "));
        Error::new(ErrorCode::HOOK_SCRIPT_FAILED, detail).in_domain(ErrorDomain::HOOK)
    }
}
