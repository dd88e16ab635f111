//! File descriptors, both ways.

use std::io::{IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use oxivirt_core::client::Request;
use oxivirt_core::interface::DomainConsole;
use oxivirt_core::types::Domain;
use oxivirt_core::wire::message::{self, Header, MessageType, Status};
use oxivirt_core::{Call, Result as Answer};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};

use super::Outcome;
use super::impostor::{Impostor, Peer};
use super::place::{open, ours, start, text};

const FD_ASSOCIATE: i32 = 443;
const OPEN_GRAPHICS_FD: i32 = 343;

/// Takes the descriptor that follows a message, with its one byte.
fn take(peer: &Peer) -> std::io::Result<OwnedFd> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    recvmsg(&peer.stream, &mut [IoSliceMut::new(&mut byte)], &mut control, RecvFlags::empty())?;
    control
        .drain()
        .find_map(|part| match part {
            RecvAncillaryMessage::ScmRights(mut came) => came.next(),
            _ => None,
        })
        .ok_or_else(|| std::io::Error::other("no descriptor came"))
}

/// An impostor that writes into the two descriptors of one call and answers another with one.
fn generous() -> Result<Impostor, String> {
    Impostor::start(|peer| {
        // The call with descriptors comes as another type of message.
        let header = peer.until(FD_ASSOCIATE)?;
        if header.kind != MessageType::CALL_WITH_FDS {
            return Err(std::io::Error::other(format!("{header:?}")));
        }
        for number in 0..2_u8 {
            std::fs::File::from(take(peer)?).write_all(&[b'a' + number])?;
        }
        peer.send(&Header { kind: MessageType::CALL, ..header }.reply(Status::OK), &[])?;
        let header = peer.until(OPEN_GRAPHICS_FD)?;
        let (ours, theirs) = std::io::pipe()?;
        let reply = Header { kind: MessageType::REPLY_WITH_FDS, ..header.reply(Status::OK) };
        let frame = message::frame(&reply, &[0, 0, 0, 1]).map_err(std::io::Error::other)?;
        peer.stream.write_all(&frame)?;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let one = [ours.as_fd()];
        control.push(SendAncillaryMessage::ScmRights(&one));
        sendmsg(&peer.stream, &[IoSlice::new(&[0])], &mut control, SendFlags::empty())?;
        let mut theirs = theirs;
        theirs.write_all(b"picture")?;
        drop(theirs);
        peer.serve()
    })
}

/// Sends two descriptors and takes one back.
fn both_ways(client: &impl DomainConsole) -> Outcome {
    let domain = Domain { name: "test".into(), uuid: Default::default(), id: 1 };
    let (mut first, one) = std::io::pipe().map_err(text)?;
    let (mut second, two) = std::io::pipe().map_err(text)?;
    let request = Request::new("domain_fd_associate").with_descriptors(vec![one.into(), two.into()]);
    let answer: Answer<()> =
        Call::with(&request, |call| client.domain_fd_associate(call, &domain, "disk", Default::default()));
    answer.map_err(text)?;
    drop(request);
    let (mut a, mut b) = (String::new(), String::new());
    first.read_to_string(&mut a).map_err(text)?;
    second.read_to_string(&mut b).map_err(text)?;
    assert_eq!((a.as_str(), b.as_str()), ("a", "b"), "in order, and nobody keeps a copy");

    let request = Request::new("domain_open_graphics_fd");
    Call::with(&request, |call| client.domain_open_graphics_fd(call, &domain, 0, 0)).map_err(text)?;
    let came = request.take_descriptors().pop().ok_or("no descriptor came back")?;
    let mut picture = String::new();
    std::fs::File::from(came).read_to_string(&mut picture).map_err(text)?;
    assert_eq!(picture, "picture");
    Ok(())
}

#[test]
fn they_pass_over_a_unix_socket() -> Outcome {
    let impostor = generous()?;
    let client = open(&impostor.uri(), impostor.folder()).map_err(text)?;
    both_ways(&client)?;
    drop(client);
    impostor.end()
}

#[test]
fn they_pass_through_our_daemon_to_another_one() -> Outcome {
    let (impostor, outer) = (generous()?, start(ours()?)?);
    let inner = format!("test%2Bunix:///default?socket={}/s", impostor.folder().display());
    let uri = format!("{}&name={}", outer.uri("x", "/"), inner.replace('&', "%26").replace('?', "%3F"));
    let client = open(&uri, outer.root()).map_err(|e| outer.explain(&text(e)))?;
    both_ways(&client)?;
    drop(client);
    drop(outer);
    impostor.end()
}
