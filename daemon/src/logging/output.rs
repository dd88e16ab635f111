//! Outputs: `LEVEL:stderr`, `LEVEL:file:PATH`, `LEVEL:syslog:NAME`,
//! `LEVEL:journald`, separated by blanks.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use oxivirt_core::host::LogRecord;

use super::{Level, Line};

/// One place for records, and the least important level that goes there.
#[derive(Debug)]
pub(crate) struct Output {
    level: Level,
    target: Target,
}

#[derive(Debug)]
enum Target {
    Stderr,
    File { path: PathBuf, file: File },
    Syslog { name: String, socket: UnixDatagram },
    Journald { socket: UnixDatagram },
    Other(Taker),
}

/// Somebody who takes whole records.
struct Taker(Box<dyn Fn(LogRecord) + Send + Sync>);

impl std::fmt::Debug for Taker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Taker")
    }
}

/// Where a record goes, before anything is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Standard error.
    Stderr,
    /// The end of a file.
    File(PathBuf),
    /// The system log under this name.
    Syslog(String),
    /// The journal.
    Journald,
}

impl Output {
    /// Reads a list such as `1:file:/var/log/x.log 3:syslog:oxivirtd`.
    ///
    /// Errors: what is wrong, naming the part.
    pub(crate) fn parse_list(text: &str) -> Result<Vec<(Level, Place)>, String> {
        text.split_whitespace().map(parse).collect()
    }

    /// Opens a place.
    ///
    /// Errors: the system's, naming the file or socket.
    pub(crate) fn open(level: Level, place: &Place) -> Result<Self, String> {
        let target = match place {
            Place::Stderr => Target::Stderr,
            Place::File(path) => {
                let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
                let file = file.map_err(|error| format!("cannot open log file '{}': {error}", path.display()))?;
                Target::File { path: path.clone(), file }
            }
            Place::Syslog(name) => Target::Syslog { name: name.clone(), socket: connect(SYSLOG)? },
            Place::Journald => Target::Journald { socket: connect(JOURNALD)? },
        };
        Ok(Self { level, target })
    }

    /// Gives every record to `taker`, which must not log.
    pub(crate) fn to(taker: impl Fn(LogRecord) + Send + Sync + 'static) -> Self {
        Self { level: Level::Debug, target: Target::Other(Taker(Box::new(taker))) }
    }

    /// Whether the journal listens on this system.
    pub(crate) fn journald_is_there() -> bool {
        Path::new(JOURNALD).exists()
    }

    /// The output as it is written.
    pub(crate) fn describe(&self) -> String {
        let level = self.level as u8;
        match &self.target {
            Target::Stderr => format!("{level}:stderr"),
            Target::File { path, .. } => format!("{level}:file:{}", path.display()),
            Target::Syslog { name, .. } => format!("{level}:syslog:{name}"),
            Target::Journald { .. } => format!("{level}:journald"),
            Target::Other(_) => format!("{level}:daemon"),
        }
    }

    /// Writes one record. A record that cannot be written is lost: there is
    /// nowhere left to complain.
    pub(super) fn write(&self, line: &Line<'_>) {
        if line.level < self.level {
            return;
        }
        let _ = match &self.target {
            Target::Stderr => std::io::stderr().write_all(text(line).as_bytes()),
            Target::File { file, .. } => (&mut &*file).write_all(text(line).as_bytes()),
            Target::Syslog { name, socket } => {
                let facility_daemon = 3 << 3;
                let record = format!(
                    "<{}>{name}[{}]: {}",
                    facility_daemon | priority(line.level),
                    std::process::id(),
                    line.message
                );
                socket.send(record.as_bytes()).map(drop)
            }
            Target::Journald { socket } => socket.send(&journal_record(line)).map(drop),
            Target::Other(taker) => {
                (taker.0)(LogRecord {
                    level: line.level.into(),
                    target: line.source.into(),
                    file: line.file.into(),
                    line: line.line,
                    message: line.message.into(),
                });
                Ok(())
            }
        };
    }
}

const SYSLOG: &str = "/dev/log";
const JOURNALD: &str = "/run/systemd/journal/socket";

fn parse(text: &str) -> Result<(Level, Place), String> {
    let mut parts = text.splitn(3, ':');
    let number = parts.next().unwrap_or_default();
    let level = number.parse().ok().and_then(Level::from_number);
    let level = level.ok_or_else(|| format!("'{number}' in '{text}' is no level from 1 to 4"))?;
    let place = match (parts.next().unwrap_or_default(), parts.next()) {
        ("stderr", None) => Place::Stderr,
        ("journald", None) => Place::Journald,
        ("syslog", Some(name)) if !name.is_empty() => Place::Syslog(name.to_owned()),
        ("file", Some(path)) if path.starts_with('/') => Place::File(path.into()),
        ("file", _) => return Err(format!("'{text}' needs the absolute path of a file")),
        ("syslog", _) => return Err(format!("'{text}' needs a name for the system log")),
        _ => return Err(format!("'{text}' is none of stderr, file:PATH, syslog:NAME, journald")),
    };
    Ok((level, place))
}

fn connect(path: &str) -> Result<UnixDatagram, String> {
    let socket = UnixDatagram::unbound().and_then(|socket| {
        socket.connect(path)?;
        // A log that does not read must not stop anybody.
        socket.set_nonblocking(true)?;
        Ok(socket)
    });
    socket.map_err(|error| format!("cannot reach the log at '{path}': {error}"))
}

/// `2026-11-21 03:27:36.944+0000: 123: info : source:12 : message`
fn text(line: &Line<'_>) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (year, month, day) = date(now.as_secs() / 86_400);
    let second = now.as_secs() % 86_400;
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}.{:03}+0000: {}: {} : {}:{} : {}\n",
        second / 3600,
        second / 60 % 60,
        second % 60,
        now.subsec_millis(),
        std::process::id(),
        line.level.word(),
        line.source,
        line.line,
        line.message,
    )
}

/// Day of the common calendar from days since 1970, as civil dates go in
/// cycles of 400 years.
fn date(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

/// syslog's numbers: 3 error, 4 warning, 6 info, 7 debug.
fn priority(level: Level) -> u8 {
    match level {
        Level::Debug => 7,
        Level::Info => 6,
        Level::Warning => 4,
        Level::Error => 3,
    }
}

fn journal_record(line: &Line<'_>) -> Vec<u8> {
    let mut record = format!(
        "PRIORITY={}\nSYSLOG_IDENTIFIER=oxivirtd\nLIBVIRT_SOURCE={}\nCODE_FILE={}\nCODE_LINE={}\nMESSAGE\n",
        priority(line.level),
        line.source,
        line.file,
        line.line,
    )
    .into_bytes();
    // The form with a length lets the message hold line breaks.
    record.extend_from_slice(&(line.message.len() as u64).to_le_bytes());
    record.extend_from_slice(line.message.as_bytes());
    record.push(b'\n');
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_read_or_refused() {
        let outputs = Output::parse_list("1:file:/tmp/x 3:stderr 4:syslog:me 2:journald").expect("valid");
        assert_eq!(
            outputs,
            [
                (Level::Debug, Place::File("/tmp/x".into())),
                (Level::Warning, Place::Stderr),
                (Level::Error, Place::Syslog("me".into())),
                (Level::Info, Place::Journald),
            ]
        );
        for bad in ["stderr", "9:stderr", "1:file", "1:file:x", "1:syslog", "1:syslog:", "1:stderr:x", "1:pigeon"] {
            let error = Output::parse_list(bad).expect_err(bad);
            assert!(error.contains(bad), "{error}");
        }
    }

    #[test]
    fn dates_of_the_common_calendar() {
        assert_eq!(date(0), (1970, 1, 1));
        assert_eq!(date(11_016), (2000, 2, 29));
        assert_eq!(date(20_778), (2026, 11, 21));
    }

    #[test]
    fn records_reach_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        let output = Output::open(Level::Info, &Place::File(path.clone())).expect("opens");
        let line = |level, message| Line { level, source: "s", file: "f", line: 7, message };
        output.write(&line(Level::Debug, "unseen"));
        output.write(&line(Level::Error, "seen"));
        let written = std::fs::read_to_string(path).expect("readable");
        assert!(written.ends_with(": error : s:7 : seen\n") && !written.contains("unseen"), "{written}");
    }
}
