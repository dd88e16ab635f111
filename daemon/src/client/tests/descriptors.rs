//! Descriptors that come with calls and go with answers.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::AsFd;

use super::*;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};

const OPEN_GRAPHICS_FD: i32 = 343;

impl Wire {
    fn send_descriptor(&self, descriptor: impl AsFd) {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let all = [descriptor.as_fd()];
        control.push(SendAncillaryMessage::ScmRights(&all));
        sendmsg(&self.stream, &[IoSlice::new(b"x")], &mut control, SendFlags::empty()).expect("sent");
    }

    fn receive_descriptor(&self) -> OwnedFd {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut byte = [0];
        let mut into = [IoSliceMut::new(&mut byte)];
        let message = recvmsg(&self.stream, &mut into, &mut control, RecvFlags::empty()).expect("received");
        assert_eq!(message.bytes, 1);
        let part = control.drain().next().expect("a descriptor");
        match part {
            RecvAncillaryMessage::ScmRights(mut all) => all.next().expect("one"),
            _ => panic!("something else came"),
        }
    }

    fn call_with(&mut self, announced: u32, wanted: u32) -> Header {
        let header = Header { kind: MessageType::CALL_WITH_FDS, ..self.header(OPEN_GRAPHICS_FD) };
        let mut out = Writer::new();
        out.put_u32(announced);
        domain(1).encode(&mut out).expect("small");
        out.put_u32(wanted);
        out.put_u32(0);
        self.send(header, &out.into_bytes());
        header
    }
}

#[test]
fn descriptors_come_and_go_in_order() {
    let fixture = Fixture::new();
    let mut wire = fixture.client();
    for _ in 0..3 {
        let (mut first, first_far) = UnixStream::pair().expect("a pair");
        let (mut second, second_far) = UnixStream::pair().expect("a pair");
        let header = wire.call_with(2, 2);
        wire.send_descriptor(first_far);
        wire.send_descriptor(second_far);
        let answer = wire.receive().expect("an answer");
        assert_eq!((answer.header.kind, answer.header.status), (MessageType::REPLY_WITH_FDS, Status::OK), "{answer:?}");
        assert_eq!((answer.header.serial, answer.payload.as_slice()), (header.serial, [0, 0, 0, 2].as_slice()));
        for (near, word) in [(&mut first, b"one"), (&mut second, b"two")] {
            UnixStream::from(wire.receive_descriptor()).write_all(word).expect("connected");
            let mut got = [0; 3];
            near.read_exact(&mut got).expect("connected");
            assert_eq!(&got, word);
            // The daemon keeps no copy.
            assert_eq!(near.read(&mut got).expect("ended"), 0);
        }
    }
    assert_eq!(wire.call(TYPE, &[]).value::<String>(), "Fake");
}

#[test]
fn a_descriptor_that_did_not_come_is_an_error() {
    let fixture = Fixture::new();
    let mut wire = fixture.client();
    wire.call_with(0, 1);
    let error = wire.receive().expect("an answer").error();
    assert!(error.message().contains("no file descriptor 0"), "{error}");
}

#[test]
fn too_many_or_missing_descriptors_end_the_connection() {
    let fixture = Fixture::new();
    for announced in [33, u32::MAX] {
        let mut wire = fixture.client();
        wire.call_with(announced, 0);
        assert!(wire.receive().is_none(), "{announced}");
    }
    let mut wire = fixture.client();
    wire.call_with(2, 0);
    wire.stream.write_all(b"xx").expect("taken");
    assert!(wire.receive().is_none());
}
