//! Frames: a length of four bytes, a header of 24, a payload.

use super::shape::Shape;
use super::xdr::{Reader, Writer, Xdr, encode_str};
use crate::constants::constants;
use crate::types::{Domain, Network};
use crate::{Error, ErrorCode, ErrorDomain, LEVEL_ERROR, Result};

/// Bytes of the length in front of a frame; the length counts itself.
pub const LENGTH_SIZE: usize = 4;
/// Bytes of the header.
pub const HEADER_SIZE: usize = 24;
/// Greatest size of a frame without its length.
pub const MESSAGE_MAX: usize = 33_554_432;
/// Most descriptors that may come with one message.
pub const FDS_MAX: usize = 32;

constants! {
    /// Which protocol a message belongs to.
    pub struct Program(u32) {
        REMOTE = 0x2000_8086,
        QEMU = 0x2000_8087,
        LXC = 0x0006_8000,
        ADMIN = 0x0690_0690,
        KEEPALIVE = 0x6b65_6570,
    }

    /// What a message is.
    pub struct MessageType(i32) {
        CALL = 0,
        REPLY = 1,
        MESSAGE = 2,
        STREAM = 3,
        CALL_WITH_FDS = 4,
        REPLY_WITH_FDS = 5,
        STREAM_HOLE = 6,
    }

    /// How a reply or a stream packet is to be read.
    pub struct Status(i32) {
        OK = 0,
        ERROR = 1,
        CONTINUE = 2,
    }
}

/// The header of every message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Which protocol.
    pub program: Program,
    /// Its version; 1 for all of them.
    pub version: u32,
    /// Which call or event.
    pub procedure: i32,
    /// Call, reply, event or stream packet.
    pub kind: MessageType,
    /// Chosen by the caller, repeated in the reply; 0 for events.
    pub serial: u32,
    /// Success, failure or more to come.
    pub status: Status,
}

impl Header {
    /// The header of the answer to this message.
    pub fn reply(self, status: Status) -> Self {
        Self { kind: MessageType::REPLY, status, ..self }
    }

    /// The header of an event.
    pub fn event(program: Program, procedure: i32) -> Self {
        Self { program, version: 1, procedure, kind: MessageType::MESSAGE, serial: 0, status: Status::OK }
    }
}

impl Xdr for Header {
    fn shape() -> Shape {
        Shape::Struct(vec![
            Shape::UnsignedInt,
            Shape::UnsignedInt,
            Shape::Int,
            Shape::Int,
            Shape::UnsignedInt,
            Shape::Int,
        ])
    }
    fn encode(&self, out: &mut Writer) -> Result<()> {
        out.put_u32(self.program.0);
        out.put_u32(self.version);
        self.procedure.encode(out)?;
        self.kind.0.encode(out)?;
        out.put_u32(self.serial);
        self.status.0.encode(out)
    }
    fn decode(input: &mut Reader<'_>) -> Result<Self> {
        Ok(Self {
            program: Program(input.get_u32()?),
            version: input.get_u32()?,
            procedure: i32::decode(input)?,
            kind: MessageType(i32::decode(input)?),
            serial: input.get_u32()?,
            status: Status(i32::decode(input)?),
        })
    }
}

/// Begins a frame in `bytes`: room for the length, then the header. The
/// payload is appended, then [`finish`] fills the length in.
pub fn begin(header: &Header) -> Result<Writer> {
    let mut out = Writer::append_to(Vec::with_capacity(256));
    out.put_u32(0);
    header.encode(&mut out)?;
    Ok(out)
}

/// Fills in the length of a frame made by [`begin`].
pub fn finish(out: Writer) -> Result<Vec<u8>> {
    let mut bytes = out.into_bytes();
    let len = bytes.len();
    match (u32::try_from(len), bytes.first_chunk_mut::<LENGTH_SIZE>()) {
        (Ok(short), Some(slot)) if len <= LENGTH_SIZE + MESSAGE_MAX => {
            *slot = short.to_be_bytes();
            Ok(bytes)
        }
        _ => Err(Error::new(ErrorCode::RPC, format!("message of {len} bytes is over the limit of {MESSAGE_MAX}"))),
    }
}

/// A whole frame around a payload that is already encoded.
pub fn frame(header: &Header, payload: &[u8]) -> Result<Vec<u8>> {
    let mut out = begin(header)?;
    out.put_raw(payload);
    finish(out)
}

/// Reads the length in front of a frame and returns how many bytes follow it:
/// at least a header, at most the limit.
pub fn body_length(length: [u8; LENGTH_SIZE]) -> Result<usize> {
    let len = u32::from_be_bytes(length) as usize;
    match len.checked_sub(LENGTH_SIZE) {
        Some(body) if (HEADER_SIZE..=MESSAGE_MAX).contains(&body) => Ok(body),
        _ => Err(Error::new(
            ErrorCode::RPC,
            format!(
                "packet of {len} bytes, allowed are {} to {}",
                LENGTH_SIZE + HEADER_SIZE,
                LENGTH_SIZE + MESSAGE_MAX
            ),
        )),
    }
}

impl Xdr for Error {
    fn shape() -> Shape {
        let text = || Option::<String>::shape();
        Shape::Struct(vec![
            Shape::Int,
            Shape::Int,
            text(),
            Shape::Int,
            Option::<Domain>::shape(),
            text(),
            text(),
            text(),
            Shape::Int,
            Shape::Int,
            Option::<Network>::shape(),
        ])
    }
    fn encode(&self, out: &mut Writer) -> Result<()> {
        let text = |text: Option<&str>, out: &mut Writer| match text {
            Some(text) => {
                out.put_u32(1);
                encode_str(text, out)
            }
            None => None::<String>.encode(out),
        };
        self.code().0.encode(out)?;
        self.domain().0.encode(out)?;
        text(Some(self.message()), out)?;
        LEVEL_ERROR.encode(out)?;
        None::<Domain>.encode(out)?;
        for string in self.strings() {
            text(string, out)?;
        }
        for int in self.ints() {
            int.encode(out)?;
        }
        None::<Network>.encode(out)
    }
    fn decode(input: &mut Reader<'_>) -> Result<Self> {
        let code = ErrorCode(i32::decode(input)?);
        let domain = ErrorDomain(i32::decode(input)?);
        let message = Option::<String>::decode(input)?.unwrap_or_default();
        let _level = i32::decode(input)?;
        Option::<Domain>::decode(input)?;
        let strings =
            [Option::<String>::decode(input)?, Option::<String>::decode(input)?, Option::<String>::decode(input)?];
        let ints = [i32::decode(input)?, i32::decode(input)?];
        Option::<Network>::decode(input)?;
        Ok(Error::from_wire(code, domain, message, strings, ints))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn frames_carry_their_length() {
        let header = Header::event(Program::REMOTE, 107);
        let bytes = frame(&header, &[1, 2, 3, 4]).expect("small");
        assert_eq!(bytes.len(), 32);
        assert_eq!(body_length([bytes[0], bytes[1], bytes[2], bytes[3]]).expect("in range"), 28);
        assert_eq!(Header::decode(&mut Reader::new(&bytes[4..])).expect("decodes"), header);
    }

    #[test]
    fn lengths_out_of_range_are_refused() {
        for len in [0u32, 3, 27, 33_554_437, u32::MAX] {
            assert!(body_length(len.to_be_bytes()).is_err(), "{len}");
        }
        assert!(body_length(28u32.to_be_bytes()).is_ok());
    }

    #[test]
    fn errors_survive_the_wire() {
        let error = Error::new(ErrorCode::NO_DOMAIN, "no 'x'").in_domain(ErrorDomain::QEMU);
        let mut out = Writer::new();
        error.encode(&mut out).expect("encodes");
        let bytes = out.into_bytes();
        let back = Error::decode(&mut Reader::new(&bytes)).expect("decodes");
        assert_eq!((back.code(), back.domain(), back.message()), (error.code(), error.domain(), error.message()));
        assert_eq!(back.strings(), error.strings());
    }

    proptest! {
        #[test]
        fn any_bytes_decode_or_fail(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Header::decode(&mut Reader::new(&bytes));
            let _ = Error::decode(&mut Reader::new(&bytes));
        }
    }
}
