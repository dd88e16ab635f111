//! A log file that makes room for itself.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::PathBuf;

/// A file that is written at its end, and set aside when it is full.
///
/// Older files are `PATH.0` (the newest of them), `PATH.1` and so on. Several
/// writers may share a path: each looks at what is really there.
#[derive(Debug)]
pub struct Rotating {
    path: PathBuf,
    max_size: u64,
    backups: u32,
    file: Option<File>,
}

impl Rotating {
    /// Nothing is opened before the first write.
    ///
    /// * `max_size` – bytes of one file, at least 1.
    /// * `backups` – how many older files are kept; with 0 a full file is emptied.
    pub fn new(path: PathBuf, max_size: u64, backups: u32) -> Self {
        Self { path, max_size: max_size.max(1), backups, file: None }
    }

    /// Writes all of it, lines whole where they fit.
    ///
    /// Errors: the file cannot be opened, set aside or written. Part of it may
    /// have been written then; the next call begins anew.
    pub fn write(&mut self, mut data: &[u8]) -> io::Result<()> {
        let outcome = loop {
            if data.is_empty() {
                return Ok(());
            }
            match self.write_some(data) {
                Ok(written) => data = data.get(written..).unwrap_or_default(),
                Err(error) => break Err(error),
            }
        };
        self.file = None;
        outcome
    }

    fn write_some(&mut self, data: &[u8]) -> io::Result<usize> {
        let (mut file, size) = self.open()?;
        let room = usize::try_from(self.max_size.saturating_sub(size)).unwrap_or(usize::MAX);
        if room == 0 {
            self.rotate(&file)?;
            return Ok(0);
        }
        let part = match data.get(..room) {
            // It all fits.
            None => data,
            Some(part) => match part.iter().rposition(|byte| *byte == b'\n') {
                Some(at) => part.get(..=at).unwrap_or(part),
                // The line goes whole into the next file, unless none is large enough.
                None if size > 0 && (data.len() as u64) <= self.max_size => {
                    self.rotate(&file)?;
                    return Ok(0);
                }
                None => part,
            },
        };
        let written = file.write(part)?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.file = Some(file);
        Ok(written)
    }

    /// The file that has the path now, and its size.
    fn open(&mut self) -> io::Result<(File, u64)> {
        if let Some(file) = self.file.take() {
            let own = file.metadata()?;
            // Somebody else may have set it aside.
            if std::fs::metadata(&self.path).is_ok_and(|there| (there.dev(), there.ino()) == (own.dev(), own.ino())) {
                return Ok((file, own.len()));
            }
        }
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)?;
        let size = file.metadata()?.len();
        Ok((file, size))
    }

    fn rotate(&mut self, file: &File) -> io::Result<()> {
        if self.backups == 0 {
            return file.set_len(0);
        }
        let name = |number: u32| {
            let mut name = self.path.clone().into_os_string();
            name.push(format!(".{number}"));
            PathBuf::from(name)
        };
        for number in (1..self.backups).rev() {
            match std::fs::rename(name(number - 1), name(number)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        std::fs::rename(&self.path, name(0))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn sizes(path: &std::path::Path) -> Vec<Option<String>> {
        let name = |suffix: &str| format!("{}{suffix}", path.display());
        ["", ".0", ".1", ".2"].iter().map(|suffix| std::fs::read_to_string(name(suffix)).ok()).collect()
    }

    #[test]
    fn full_files_are_set_aside_at_ends_of_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("g.log");
        std::fs::write(&path, "old\n").unwrap();
        let mut log = Rotating::new(path.clone(), 10, 2);
        log.write(b"abc\ndefg\n").unwrap();
        assert_eq!(sizes(&path), [Some("defg\n".into()), Some("old\nabc\n".into()), None, None]);
        log.write(b"hij\nklmnopqrs\n").unwrap();
        assert_eq!(
            sizes(&path),
            [Some("klmnopqrs\n".into()), Some("defg\nhij\n".into()), Some("old\nabc\n".into()), None]
        );
        // The oldest goes.
        log.write(b"t\n").unwrap();
        assert_eq!(sizes(&path), [Some("t\n".into()), Some("klmnopqrs\n".into()), Some("defg\nhij\n".into()), None]);
    }

    #[test]
    fn a_line_longer_than_a_file_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("g.log");
        let mut log = Rotating::new(path.clone(), 4, 3);
        log.write(b"0123456789\n").unwrap();
        assert_eq!(sizes(&path), [Some("89\n".into()), Some("4567".into()), Some("0123".into()), None]);
    }

    #[test]
    fn without_backups_the_file_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("g.log");
        let mut log = Rotating::new(path.clone(), 4, 0);
        log.write(b"abc\ndef\n").unwrap();
        assert_eq!(sizes(&path), [Some("def\n".into()), None, None, None]);
    }

    #[test]
    fn a_file_that_went_away_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("g.log");
        let mut log = Rotating::new(path.clone(), 100, 3);
        log.write(b"a\n").unwrap();
        std::fs::rename(&path, folder.path().join("elsewhere")).unwrap();
        log.write(b"b\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "b\n");
    }
}
