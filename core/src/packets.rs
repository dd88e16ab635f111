//! Streams that say more than bytes can: holes, confirmations, failures.
//!
//! Both ends hold one end of a socket that keeps the boundaries of messages.
//! The kernel's buffer is the flow control, hanging up is an abort.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

use crate::wire::xdr::{Reader, Writer, Xdr};
use crate::{Error, ErrorCode, Result};

/// Most bytes of data in one packet.
pub const DATA_MAX: usize = 64 << 10;

/// Bytes that hold any packet.
pub const PACKET_MAX: usize = DATA_MAX + 1;

/// One packet of a stream.
#[derive(Clone, Debug)]
pub enum Packet {
    /// At most [`DATA_MAX`] bytes, at least one.
    Data(Vec<u8>),
    /// So many bytes are zeros that take no place.
    Hole(u64),
    /// No more data come this way. From the caller of a stream it asks for a
    /// confirmation.
    End,
    /// The caller wants no more of it.
    Abort,
    /// Everything that the caller sent has arrived for good.
    Confirmed,
    /// The stream broke; nothing follows.
    Failed(Error),
}

impl Packet {
    /// The packet as one message.
    ///
    /// * Errors: `INTERNAL_ERROR` for too many bytes of data.
    pub fn encode(&self) -> Result<Vec<u8>> {
        let tagged = |tag: u8, body: &[u8]| [&[tag][..], body].concat();
        Ok(match self {
            Self::Data(data) if data.len() <= DATA_MAX => tagged(0, data),
            Self::Data(data) => return Err(Error::internal(format!("a packet of {} bytes", data.len()))),
            Self::Hole(length) => tagged(1, &length.to_be_bytes()),
            Self::End => tagged(2, &[]),
            Self::Abort => tagged(3, &[]),
            Self::Confirmed => tagged(4, &[]),
            Self::Failed(error) => {
                let mut out = Writer::new();
                error.encode(&mut out)?;
                tagged(5, &out.into_bytes())
            }
        })
    }

    /// Reads a message.
    pub fn decode(message: &[u8]) -> Result<Self> {
        let unknown = || Error::new(ErrorCode::RPC, "malformed packet of a stream");
        let (tag, body) = message.split_first().ok_or_else(unknown)?;
        Ok(match tag {
            0 => Self::Data(body.to_vec()),
            1 => Self::Hole(u64::from_be_bytes(body.try_into().map_err(|_| unknown())?)),
            2 => Self::End,
            3 => Self::Abort,
            4 => Self::Confirmed,
            5 => Self::Failed(Error::decode(&mut Reader::new(body))?),
            _ => return Err(unknown()),
        })
    }
}

/// One end of a stream of packets.
#[derive(Debug)]
pub struct PacketEnd(OwnedFd);

impl PacketEnd {
    /// Both ends of a new stream; the second is for [`Call::open_packets`](crate::Call::open_packets).
    pub fn pair() -> Result<(Self, OwnedFd)> {
        let pair = rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None);
        let (near, far) = pair.map_err(|errno| Error::system("cannot make a stream", &errno.into()))?;
        Ok((Self(near), far))
    }

    /// Takes an end that was handed over.
    pub fn new(end: OwnedFd) -> Self {
        Self(end)
    }

    /// Sends one packet; waits while the other side does not read.
    ///
    /// * Errors: `EPIPE` when the other side hung up.
    pub fn send(&self, packet: &Packet) -> io::Result<()> {
        let message = packet.encode().map_err(io::Error::other)?;
        loop {
            match rustix::net::send(&self.0, &message, SendFlags::NOSIGNAL) {
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// Waits for the next packet; absent when the other side hung up.
    pub fn receive(&self) -> io::Result<Option<Packet>> {
        let mut buffer = vec![0; PACKET_MAX];
        loop {
            match rustix::net::recv(&self.0, &mut buffer[..], RecvFlags::empty()) {
                Ok((0, _)) => return Ok(None),
                Ok((count, _)) => {
                    return Packet::decode(buffer.get(..count).unwrap_or_default()).map(Some).map_err(io::Error::other);
                }
                // It hung up without reading everything; what it said before that is still here.
                Err(Errno::INTR | Errno::CONNRESET) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// Ends both directions and every wait for them.
    pub fn hang_up(&self) {
        let _ = rustix::net::shutdown(&self.0, rustix::net::Shutdown::Both);
    }
}

impl AsFd for PacketEnd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn last_words_are_heard_although_not_everything_was_read() {
        let (near, far) = PacketEnd::pair().unwrap();
        let far = PacketEnd::new(far);
        near.send(&Packet::Data(vec![1])).unwrap();
        far.send(&Packet::Failed(Error::operation_failed("no room"))).unwrap();
        drop(far);
        assert!(matches!(near.receive().unwrap(), Some(Packet::Failed(error)) if error.detail() == "no room"));
        assert!(near.receive().unwrap().is_none());
    }

    #[test]
    fn packets_pass_whole_and_in_order() {
        let (near, far) = PacketEnd::pair().unwrap();
        let far = PacketEnd::new(far);
        near.send(&Packet::Data(vec![7; DATA_MAX])).unwrap();
        near.send(&Packet::Hole(1 << 40)).unwrap();
        near.send(&Packet::Failed(Error::operation_failed("no room"))).unwrap();
        assert!(matches!(far.receive().unwrap(), Some(Packet::Data(data)) if data.len() == DATA_MAX));
        assert!(matches!(far.receive().unwrap(), Some(Packet::Hole(length)) if length == 1 << 40));
        assert!(matches!(far.receive().unwrap(), Some(Packet::Failed(error)) if error.detail() == "no room"));
        drop(near);
        assert!(far.receive().unwrap().is_none());
    }

    #[test]
    fn too_much_data_and_strange_bytes_are_refused() {
        assert!(Packet::Data(vec![0; DATA_MAX + 1]).encode().is_err());
        for bytes in [&[][..], &[9], &[1, 2, 3], &[5, 0]] {
            assert!(Packet::decode(bytes).is_err(), "{bytes:?}");
        }
    }
}
