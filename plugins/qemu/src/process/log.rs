//! A guest's log file: this daemon's headings and QEMU's own words.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use oxivirt_core::{Error, Result};
use oxivirt_util::log_keeper::{self, LastWords, Rotating};

use crate::settings::LogRules;
use crate::sys;

/// A guest's log, and the way by which QEMU's words of this run get there.
///
/// The file is opened for each entry: it may be set aside at any time.
#[derive(Debug)]
pub struct GuestLog {
    path: PathBuf,
    output: Output,
}

#[derive(Debug)]
enum Output {
    /// QEMU was started by an earlier daemon, or is not started yet.
    Elsewhere,
    /// QEMU writes to the file itself; its words begin there.
    File { file: File, from: u64 },
    /// A process of its own writes down what comes through a pipe.
    Keeper { pipe: Option<OwnedFd>, words: LastWords, keeper: Option<Child> },
}

impl GuestLog {
    /// The log of a guest that runs already.
    pub fn of_running(path: &Path) -> Self {
        Self { path: path.to_owned(), output: Output::Elsewhere }
    }

    /// Opens a log for a guest that is about to start, with its first entry.
    ///
    /// Errors: `SYSTEM_ERROR` when QEMU is to write to the file itself, and it cannot be opened. With a keeper
    /// nothing about the file is an error.
    pub fn begin(path: &Path, rules: &LogRules, entry: &str) -> Result<Self> {
        let program = match rules.keeper {
            true => keeper_program(),
            false => None,
        };
        if rules.keeper && program.is_none() {
            let program = log_keeper::PROGRAM;
            tracing::warn!(program, "not installed beside the daemon: QEMU writes its log itself, without a limit");
        }
        let mut log = Self::of_running(path);
        match program {
            Some(program) => {
                let mut file = Rotating::new(path.to_owned(), rules.max_size, rules.max_backups);
                if let Err(error) = file.write(entry.as_bytes()) {
                    tracing::warn!(path = %path.display(), %error, "cannot write to a guest's log");
                }
                log.output = start_keeper(&program, path, rules)?;
            }
            None => {
                let what = |e| Error::system(format_args!("cannot open log '{}'", path.display()), &e);
                let file = open(path).map_err(what)?;
                log.raw(entry);
                let from = file.metadata().map_err(what)?.len();
                log.output = Output::File { file, from };
            }
        }
        Ok(log)
    }

    /// Writes a line with the time before it.
    pub fn heading(&mut self, text: &str) {
        self.raw(&entry(text));
    }

    /// Writes text as it is.
    fn raw(&mut self, text: &str) {
        // A full disk must not keep a guest from starting or ending.
        if let Err(error) = open(&self.path).and_then(|mut file| file.write_all(text.as_bytes())) {
            tracing::warn!(path = %self.path.display(), %error, "cannot write to a guest's log");
        }
    }

    /// A descriptor for QEMU's output.
    pub fn output(&self) -> Result<OwnedFd> {
        let copy = match &self.output {
            Output::File { file, .. } => file.try_clone().map(OwnedFd::from),
            Output::Keeper { pipe: Some(pipe), .. } => pipe.try_clone(),
            Output::Keeper { pipe: None, .. } | Output::Elsewhere => {
                return Err(Error::internal("a guest's log is not open for output"));
            }
        };
        copy.map_err(|e| Error::system("cannot share a guest's log", &e))
    }

    /// QEMU has its descriptors; ours would keep the keeper from seeing its end.
    pub fn handed_out(&mut self) {
        if let Output::Keeper { pipe, .. } = &mut self.output {
            *pipe = None;
        }
    }

    /// What QEMU wrote in this run, the last part if it was much; empty for one that an earlier daemon started.
    ///
    /// Waits a little until all that an ended QEMU wrote has arrived.
    pub fn words(&mut self) -> String {
        match &mut self.output {
            Output::Elsewhere => String::new(),
            Output::Keeper { words, .. } => {
                words.wait(ARRIVAL);
                words.read().trim().to_owned()
            }
            Output::File { file, from } => {
                let mut text = Vec::new();
                let length = file.metadata().map_or(0, |m| m.len());
                let from = (*from).max(length.saturating_sub(WORDS));
                let read = file.seek(SeekFrom::Start(from)).and_then(|_| file.take(WORDS).read_to_end(&mut text));
                if let Err(error) = read {
                    tracing::warn!(%error, "cannot read a guest's log");
                }
                String::from_utf8_lossy(&text).trim().to_owned()
            }
        }
    }
}

impl Drop for GuestLog {
    fn drop(&mut self) {
        if let Output::Keeper { pipe, keeper, .. } = &mut self.output {
            *pipe = None;
            collect(keeper.take());
        }
    }
}

/// Collects keepers that have ended, now or at the next turn: one may go on
/// for a while after its guest, and nobody waits for it.
fn collect(another: Option<Child>) {
    static LEFT: Mutex<Vec<Child>> = Mutex::new(Vec::new());
    let mut left = LEFT.lock().unwrap_or_else(PoisonError::into_inner);
    left.extend(another);
    left.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
}

fn start_keeper(program: &Path, path: &Path, rules: &LogRules) -> Result<Output> {
    collect(None);
    let what = |e| Error::system(format_args!("cannot start '{}'", program.display()), &e);
    let words = LastWords::new().map_err(what)?;
    let (reader, writer) = std::io::pipe().map_err(what)?;
    let mut command = Command::new(program);
    command
        .arg("--file")
        .arg(path)
        .args(["--max-size", &rules.max_size.to_string(), "--max-backups", &rules.max_backups.to_string()])
        .arg("--last-words")
        .env_clear()
        .current_dir("/")
        .stdin(reader)
        .stdout(words.descriptor().map_err(what)?)
        .stderr(Stdio::null());
    sys::own_session(&mut command);
    let keeper = command.spawn().map_err(what)?;
    Ok(Output::Keeper { pipe: Some(writer.into()), words, keeper: Some(keeper) })
}

/// The program beside the daemon; also found from a test's folder.
fn keeper_program() -> Option<PathBuf> {
    let own = std::env::current_exe().ok()?;
    let folder = own.parent()?;
    let places = [Some(folder), folder.parent().filter(|_| folder.ends_with("deps"))];
    places.into_iter().flatten().map(|place| place.join(log_keeper::PROGRAM)).find(|program| program.is_file())
}

/// Opens for reading and appending, creates if missing (readable by this user only).
fn open(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)
}

/// A line with the time before it.
pub(super) fn entry(text: &str) -> String {
    format!("{}: {text}\n", timestamp(SystemTime::now()))
}

/// `2026-01-31 12:00:00.123+0000`.
pub(crate) fn timestamp(at: SystemTime) -> String {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, rest) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    // Days to a date by eras of 400 years that begin on the first of March.
    let shifted = days + 719_468;
    let (era, day) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{:02} {:02}:{:02}:{:02}.{:03}+0000",
        day_of_year - (153 * march_month + 2) / 5 + 1,
        rest / 3600,
        rest / 60 % 60,
        rest % 60,
        since.subsec_millis()
    )
}

/// Enough for any reason, small enough for an error text.
const WORDS: u64 = 4096;

/// How long the words of an ended QEMU may be on their way.
const ARRIVAL: Duration = Duration::from_secs(2);
