//! What the daemon and a hosting process say to each other.
//!
//! Both are the same program, so there are no versions. Numbers and texts are
//! in XDR. Everything is checked all the same: a driver that went wild may
//! have written anywhere in its process.

use oxivirt_core::host::{LogLevel, LogRecord};
use oxivirt_core::wire::message::{MESSAGE_MAX, Program};
use oxivirt_core::wire::xdr::{Reader, Writer, Xdr, encode_str};
use oxivirt_core::{Error, ErrorCode, Result};

/// Bytes of the longest message.
pub(super) const SIZE_MAX: usize = MESSAGE_MAX + 1024;

/// Drivers of one plugin.
const DRIVERS_MAX: usize = 256;

/// Patterns of events.
const PATTERNS_MAX: usize = 4096;

/// Bytes of one record for the log.
const RECORD_MAX: usize = 64 << 10;

/// What a hosting process takes from the daemon's configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Orders {
    /// The event script.
    pub(super) script: Option<String>,
    /// The events it wants, as patterns of object and event.
    pub(super) events: Vec<(String, String)>,
    /// Seconds that one script may take.
    pub(super) script_limit: u64,
    /// Threads: that stay without work, at a time, for urgent calls.
    pub(super) workers: [u64; 3],
}

/// How far a driver got in its process.
#[derive(Clone, Debug)]
pub(super) enum Start {
    /// It serves.
    Ready,
    /// It has nothing to drive here.
    Declined(String),
    /// It could not start.
    Failed(Error),
}

/// One message. Those marked with `+` come with a descriptor.
#[derive(Clone, Debug)]
pub(super) enum Message {
    /// To the process: where to look, and which level it may log at. First of all.
    Orders(Orders),
    /// To the process, `+` a socket: serve a client. `client` is its number in the daemon.
    Client { tag: u64, client: u64 },
    /// To the process: a driver, by name, is to read its configuration again.
    Reload { tag: u64, driver: String },
    /// To the process: say that you live; and log so much.
    Ping(LogLevel),
    /// To the process: end.
    Stop,
    /// To the daemon: how the drivers started, in their order.
    Started(Vec<Start>),
    /// To the daemon: the plugin cannot be loaded.
    Refused(Error),
    /// To the daemon: a client opened a connection whose events come on this channel.
    Opened { tag: u64, channel: u64 },
    /// To the daemon: an event, as the message that carries it.
    Event { channel: u64, program: Program, procedure: i32, payload: Vec<u8> },
    /// To the daemon: a line for the log.
    Log(LogRecord),
    /// To the daemon: stay while the holder is busy, or go.
    Inhibit { holder: String, inhibit: bool },
    /// To the daemon, `+` a socket: a driver wants to open a connection.
    Connect,
    /// To the daemon: what came of reading configuration again.
    Reloaded { tag: u64, error: Option<Error> },
    /// To the daemon: it lives.
    Pong,
}

impl Message {
    /// Whether a descriptor comes with it.
    pub(super) fn brings_descriptor(&self) -> bool {
        matches!(self, Self::Client { .. } | Self::Connect)
    }

    /// The message with its length in front.
    pub(super) fn encode(&self) -> Result<Vec<u8>> {
        let mut out = Writer::new();
        out.put_u32(0);
        match self {
            Self::Orders(orders) => {
                out.put_u32(1);
                orders.script.encode(&mut out)?;
                out.put_len(orders.events.len(), PATTERNS_MAX, "patterns of events")?;
                for (object, event) in &orders.events {
                    encode_str(object, &mut out)?;
                    encode_str(event, &mut out)?;
                }
                out.put_u64(orders.script_limit);
                orders.workers.iter().for_each(|number| out.put_u64(*number));
            }
            Self::Client { tag, client } => {
                out.put_u32(2);
                out.put_u64(*tag);
                out.put_u64(*client);
            }
            Self::Reload { tag, driver } => {
                out.put_u32(3);
                out.put_u64(*tag);
                encode_str(driver, &mut out)?;
            }
            Self::Ping(level) => {
                out.put_u32(4);
                level.0.encode(&mut out)?;
            }
            Self::Stop => out.put_u32(5),
            Self::Started(drivers) => {
                out.put_u32(6);
                out.put_len(drivers.len(), DRIVERS_MAX, "drivers")?;
                drivers.iter().try_for_each(|start| encode_start(start, &mut out))?;
            }
            Self::Refused(error) => {
                out.put_u32(7);
                error.encode(&mut out)?;
            }
            Self::Opened { tag, channel } => {
                out.put_u32(8);
                out.put_u64(*tag);
                out.put_u64(*channel);
            }
            Self::Event { channel, program, procedure, payload } => {
                out.put_u32(9);
                out.put_u64(*channel);
                out.put_u32(program.0);
                procedure.encode(&mut out)?;
                out.put_raw(payload);
            }
            Self::Log(record) => {
                out.put_u32(10);
                record.level.0.encode(&mut out)?;
                encode_str(&record.target, &mut out)?;
                encode_str(&record.file, &mut out)?;
                out.put_u32(record.line);
                encode_str(shortened(&record.message), &mut out)?;
            }
            Self::Inhibit { holder, inhibit } => {
                out.put_u32(11);
                encode_str(holder, &mut out)?;
                out.put_u32(u32::from(*inhibit));
            }
            Self::Connect => out.put_u32(12),
            Self::Reloaded { tag, error } => {
                out.put_u32(13);
                out.put_u64(*tag);
                out.put_u32(u32::from(error.is_some()));
                if let Some(error) = error {
                    error.encode(&mut out)?;
                }
            }
            Self::Pong => out.put_u32(14),
        }
        let mut bytes = out.into_bytes();
        let length = bytes.len().saturating_sub(4);
        match (u32::try_from(length), bytes.first_chunk_mut::<4>()) {
            (Ok(short), Some(slot)) if length <= SIZE_MAX => *slot = short.to_be_bytes(),
            _ => return Err(Error::new(ErrorCode::RPC, format!("message of {length} bytes, allowed are {SIZE_MAX}"))),
        }
        Ok(bytes)
    }

    /// Reads a message without its length.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self> {
        let mut input = Reader::new(bytes);
        let input = &mut input;
        Ok(match input.get_u32()? {
            1 => {
                let script = Option::<String>::decode(input)?;
                let count = input.get_len(PATTERNS_MAX, "patterns of events")?;
                let mut events = Vec::new();
                for _ in 0..count {
                    events.push((String::decode(input)?, String::decode(input)?));
                }
                let script_limit = input.get_u64()?;
                let workers = [input.get_u64()?, input.get_u64()?, input.get_u64()?];
                Self::Orders(Orders { script, events, script_limit, workers })
            }
            2 => Self::Client { tag: input.get_u64()?, client: input.get_u64()? },
            3 => Self::Reload { tag: input.get_u64()?, driver: String::decode(input)? },
            4 => Self::Ping(LogLevel(i32::decode(input)?)),
            5 => Self::Stop,
            6 => {
                let count = input.get_len(DRIVERS_MAX, "drivers")?;
                let mut drivers = Vec::new();
                for _ in 0..count {
                    drivers.push(decode_start(input)?);
                }
                Self::Started(drivers)
            }
            7 => Self::Refused(Error::decode(input)?),
            8 => Self::Opened { tag: input.get_u64()?, channel: input.get_u64()? },
            9 => Self::Event {
                channel: input.get_u64()?,
                program: Program(input.get_u32()?),
                procedure: i32::decode(input)?,
                payload: input.rest().to_vec(),
            },
            10 => {
                let level = LogLevel(i32::decode(input)?);
                let (target, file) = (text(input)?.into(), text(input)?.into());
                let line = input.get_u32()?;
                Self::Log(LogRecord { level, target, file, line, message: text(input)?.into() })
            }
            11 => Self::Inhibit { holder: text(input)?, inhibit: input.get_u32()? != 0 },
            12 => Self::Connect,
            13 => {
                let tag = input.get_u64()?;
                let failed = input.get_u32()? != 0;
                Self::Reloaded { tag, error: if failed { Some(Error::decode(input)?) } else { None } }
            }
            14 => Self::Pong,
            other => return Err(Error::new(ErrorCode::RPC, format!("message of unknown kind {other}"))),
        })
    }
}

fn encode_start(start: &Start, out: &mut Writer) -> Result<()> {
    match start {
        Start::Ready => out.put_u32(0),
        Start::Declined(reason) => {
            out.put_u32(1);
            encode_str(reason, out)?;
        }
        Start::Failed(error) => {
            out.put_u32(2);
            error.encode(out)?;
        }
    }
    Ok(())
}

fn decode_start(input: &mut Reader<'_>) -> Result<Start> {
    Ok(match input.get_u32()? {
        0 => Start::Ready,
        1 => Start::Declined(text(input)?),
        2 => Start::Failed(Error::decode(input)?),
        other => return Err(Error::new(ErrorCode::RPC, format!("a driver in unknown state {other}"))),
    })
}

/// A text for people, in which anything may stand.
fn text(input: &mut Reader<'_>) -> Result<String> {
    let bytes = input.get_opaque(SIZE_MAX)?;
    Ok(String::from_utf8_lossy(bytes).into_owned())
}

fn shortened(text: &str) -> &str {
    let end = text.floor_char_boundary(RECORD_MAX);
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn there_and_back(message: &Message) -> Message {
        let bytes = message.encode().expect("short");
        assert_eq!(u32::from_be_bytes(*bytes.first_chunk().expect("a length")) as usize, bytes.len() - 4);
        Message::decode(&bytes[4..]).expect("whole")
    }

    #[test]
    fn every_message_arrives_as_it_was() {
        let error = Error::new(ErrorCode::NO_CONNECT, "no way");
        let orders = Orders {
            script: Some("/a".to_owned()),
            events: vec![("domain".to_owned(), "*".to_owned())],
            script_limit: 7,
            workers: [1, 2, 3],
        };
        let record =
            LogRecord { level: LogLevel::WARN, target: "t".into(), file: "f".into(), line: 9, message: "a\0b".into() };
        for message in [
            Message::Orders(orders),
            Message::Client { tag: 1, client: 2 },
            Message::Reload { tag: 3, driver: "QEMU".to_owned() },
            Message::Ping(LogLevel::INFO),
            Message::Stop,
            Message::Started(vec![Start::Ready, Start::Declined("no".to_owned()), Start::Failed(error.clone())]),
            Message::Refused(error.clone()),
            Message::Opened { tag: 4, channel: 5 },
            Message::Event { channel: 6, program: Program::REMOTE, procedure: 318, payload: vec![1, 2, 3] },
            Message::Log(record),
            Message::Inhibit { holder: "guest".to_owned(), inhibit: true },
            Message::Connect,
            Message::Reloaded { tag: 8, error: Some(error) },
            Message::Pong,
        ] {
            assert_eq!(format!("{:?}", there_and_back(&message)), format!("{message:?}"));
        }
    }

    #[test]
    fn long_records_are_cut() {
        let message = "ä".repeat(RECORD_MAX);
        let record = LogRecord {
            level: LogLevel::INFO,
            target: "".into(),
            file: "".into(),
            line: 0,
            message: message.as_str().into(),
        };
        match there_and_back(&Message::Log(record)) {
            Message::Log(record) => assert_eq!(record.message.len(), RECORD_MAX),
            other => panic!("{other:?}"),
        }
    }

    proptest! {
        #[test]
        fn any_bytes_decode_or_fail(bytes in proptest::collection::vec(any::<u8>(), 0..200), tag in 0u32..16) {
            let _ = Message::decode(&bytes);
            let _ = Message::decode(&[&tag.to_be_bytes()[..], &bytes].concat());
        }
    }
}
