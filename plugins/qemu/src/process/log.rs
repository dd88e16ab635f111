//! A guest's log file: this daemon's headings and QEMU's own words.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use oxivirt_core::{Error, Result};

/// An open log, and where QEMU's words of this run begin.
#[derive(Debug)]
pub struct GuestLog {
    file: File,
    words_from: u64,
}

impl GuestLog {
    /// Opens for appending, creates if missing (readable by this user only).
    pub fn open(path: &Path) -> Result<Self> {
        use std::os::unix::fs::OpenOptionsExt;
        let what = |e| Error::system(format_args!("cannot open log '{}'", path.display()), &e);
        let file = std::fs::OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .custom_flags(0)
            .open(path)
            .map_err(what)?;
        let words_from = file.metadata().map_err(what)?.len();
        Ok(Self { file, words_from })
    }

    /// Writes a line with the time before it.
    pub fn heading(&mut self, text: &str) {
        self.raw(&format!("{}: {text}\n", timestamp(SystemTime::now())));
    }

    /// Writes text as it is; QEMU's words begin after it.
    pub fn raw(&mut self, text: &str) {
        // A full disk must not keep a guest from starting or ending.
        if let Err(error) = self.file.write_all(text.as_bytes()) {
            tracing::warn!(%error, "cannot write to a guest's log");
        }
        if let Ok(meta) = self.file.metadata() {
            self.words_from = meta.len();
        }
    }

    /// A descriptor for QEMU's output.
    pub fn output(&self) -> Result<File> {
        self.file.try_clone().map_err(|e| Error::system("cannot share a guest's log", &e))
    }

    /// What QEMU wrote in this run, the last part if it was much.
    pub fn words(&mut self) -> String {
        let mut text = Vec::new();
        let length = self.file.metadata().map_or(0, |m| m.len());
        let from = self.words_from.max(length.saturating_sub(WORDS));
        let read =
            self.file.seek(SeekFrom::Start(from)).and_then(|_| (&mut self.file).take(WORDS).read_to_end(&mut text));
        if let Err(error) = read {
            tracing::warn!(%error, "cannot read a guest's log");
        }
        String::from_utf8_lossy(&text).trim().to_owned()
    }
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
