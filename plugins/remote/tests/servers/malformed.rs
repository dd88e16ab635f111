//! Servers that say what no honest one says: a clear error, no hang, no crash.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use oxivirt_core::client::{self, Limits, Opening, connect_unix};
use oxivirt_core::constants::CloseReason;
use oxivirt_core::interface::Connect;
use oxivirt_core::wire::message::{Header, MessageType, Program, Status};

use super::Outcome;
use super::impostor::{HOSTNAME, Impostor, NAME, Peer};
use super::place::{Heard, SOON, ask, open_with, refused, text};
use oxivirt_core::plugin::OpenFlags;

/// What becomes of the call and of the connection.
enum End {
    /// The call fails with these words and the connection is over.
    Lost(&'static str, CloseReason),
    /// The call fails with these words; others work.
    Fails(&'static str),
    /// Nothing is amiss.
    Works,
}

/// A server answers the question for its name as `behaviour` says.
fn judge(what: &str, behaviour: fn(&mut Peer, Header) -> io::Result<()>, end: End) -> Outcome {
    let impostor = Impostor::start(move |peer| {
        let header = peer.until(HOSTNAME)?;
        // The client may be gone before everything is said.
        let _ = behaviour(peer, header);
        let _ = peer.serve();
        Ok(())
    })?;
    let heard = Heard::default();
    let client = open_with(&impostor.uri(), impostor.folder(), OpenFlags::EMPTY, &heard).map_err(text)?;
    let began = Instant::now();
    let answer = ask("connect_get_hostname", |call| client.connect_get_hostname(call));
    assert!(began.elapsed() < SOON, "{what}: it took {:?}", began.elapsed());
    let again = || ask("connect_get_hostname", |call| client.connect_get_hostname(call));
    match end {
        End::Lost(words, reason) => {
            let error = answer.err().ok_or_else(|| format!("{what}: it worked"))?;
            assert!(error.contains(words), "{what}: {error}");
            assert_eq!(heard.closed().map_err(|e| format!("{what}: {e}"))?, reason, "{what}");
            assert!(!client.transport().is_alive(), "{what}");
            let later = again().err().ok_or_else(|| format!("{what}: a lost connection works"))?;
            assert!(later.contains(words), "{what}: later it is said: {later}");
        }
        End::Fails(words) => {
            let error = answer.err().ok_or_else(|| format!("{what}: it worked"))?;
            assert!(error.contains(words), "{what}: {error}");
            assert_eq!(again().map_err(|e| format!("{what}: {e}"))?, NAME);
        }
        End::Works => {
            assert_eq!(answer.map_err(|e| format!("{what}: {e}"))?, NAME);
            assert_eq!(again().map_err(|e| format!("{what}: {e}"))?, NAME);
        }
    }
    drop(client);
    impostor.end()
}

#[test]
fn frames_that_cannot_be() -> Outcome {
    let lost = |words| End::Lost(words, CloseReason::ERROR);
    judge("a length without end", |peer, _| peer.stream.write_all(&[0x7f, 0xff, 0xff, 0xff]), lost("packet of"))?;
    judge("a length of three", |peer, _| peer.stream.write_all(&[0, 0, 0, 3]), lost("packet of"))?;
    judge("a text", |peer, _| peer.stream.write_all(b"HTTP/1.0 400 Bad Request\r\n\r\n"), lost("packet of"))?;
    judge(
        "half a message",
        |peer, header| {
            peer.stream.write_all(&[0, 0, 0, 200])?;
            peer.stream.write_all(&header.serial.to_be_bytes())?;
            peer.stream.shutdown(std::net::Shutdown::Both)
        },
        End::Lost("in a message", CloseReason::EOF),
    )?;
    judge("no answer", |peer, _| peer.stream.shutdown(std::net::Shutdown::Both), End::Lost("hung up", CloseReason::EOF))
}

#[test]
fn answers_to_something_else() -> Outcome {
    let lost = |words| End::Lost(words, CloseReason::ERROR);
    judge(
        "another number",
        |peer, header| peer.send(&Header { serial: header.serial + 7, ..header }.reply(Status::OK), &[]),
        lost("which nobody made"),
    )?;
    judge(
        "no number",
        |peer, header| peer.send(&Header { serial: 0, ..header }.reply(Status::OK), &[]),
        lost("nobody"),
    )?;
    judge(
        "another procedure",
        |peer, header| peer.send(&Header { procedure: 4, ..header }.reply(Status::OK), &[]),
        lost("the answer is from 4"),
    )?;
    judge(
        "another program",
        |peer, header| peer.send(&Header { program: Program::QEMU, ..header }.reply(Status::OK), &[]),
        lost("the answer is from"),
    )?;
    judge("a call", |peer, header| peer.send(&header, &[]), lost("message of type 0"))?;
    judge("an unknown type", |peer, header| peer.send_as(&header, MessageType(77), &[]), lost("message of type 77"))
}

#[test]
fn answers_that_make_no_sense() -> Outcome {
    judge("a status that is none", |peer, header| peer.send(&header.reply(Status(9)), &[]), End::Fails("status 9"))?;
    judge("more to come", |peer, header| peer.send(&header.reply(Status::CONTINUE), &[]), End::Fails("status 2"))?;
    judge(
        "an empty error",
        |peer, header| peer.send(&header.reply(Status::ERROR), &[]),
        End::Fails("malformed error"),
    )?;
    judge(
        "a broken error",
        |peer, header| peer.send(&header.reply(Status::ERROR), &[0xff; 64]),
        End::Fails("malformed error"),
    )?;
    judge("an empty answer", |peer, header| peer.send(&header.reply(Status::OK), &[]), End::Fails(""))?;
    judge(
        "a name longer than its message",
        |peer, header| peer.send(&header.reply(Status::OK), &[0, 0, 1, 0, b'x', 0, 0, 0]),
        End::Fails(""),
    )?;
    judge(
        "a name of four gigabytes",
        |peer, header| peer.send(&header.reply(Status::OK), &[0xff, 0xff, 0xff, 0xff]),
        End::Fails(""),
    )
}

#[test]
fn descriptors_that_do_not_come() -> Outcome {
    let lost = |words| End::Lost(words, CloseReason::ERROR);
    judge(
        "one announced, none sent",
        |peer, header| {
            peer.send_as(&header, MessageType::REPLY_WITH_FDS, &[0, 0, 0, 1])?;
            peer.stream.write_all(&[0])
        },
        lost("file descriptors"),
    )?;
    judge(
        "a million announced",
        |peer, header| peer.send_as(&header, MessageType::REPLY_WITH_FDS, &[0, 0x10, 0, 0]),
        lost(""),
    )
}

#[test]
fn messages_that_nobody_asked_for_do_no_harm() -> Outcome {
    judge(
        "events of nothing",
        |peer, header| {
            for procedure in [318, 107, 0, -1, 100_000] {
                peer.send(&Header::event(Program::REMOTE, procedure), &[0xff; 12])?;
                peer.send(&Header::event(Program::QEMU, procedure), &[])?;
                peer.send(&Header::event(Program(0x1234), procedure), &[])?;
                peer.send(&Header::event(Program::KEEPALIVE, procedure), &[1])?;
            }
            peer.answer(&header, &[])
        },
        End::Works,
    )?;
    judge(
        "packets of streams that are not there",
        |peer, header| {
            for serial in [0, header.serial, 4711, u32::MAX] {
                for (kind, status) in [
                    (MessageType::STREAM, Status::CONTINUE),
                    (MessageType::STREAM, Status::OK),
                    (MessageType::STREAM, Status::ERROR),
                    (MessageType::STREAM_HOLE, Status::CONTINUE),
                ] {
                    peer.send(&Header { kind, status, serial, ..header }, &[0xff; 9])?;
                }
            }
            peer.answer(&header, &[])
        },
        End::Works,
    )
}

#[test]
fn a_second_answer_ends_the_connection() -> Outcome {
    let impostor = Impostor::start(|peer| {
        let header = peer.until(HOSTNAME)?;
        peer.answer(&header, &[])?;
        let _ = peer.answer(&header, &[]);
        let _ = peer.serve();
        Ok(())
    })?;
    let heard = Heard::default();
    let client = open_with(&impostor.uri(), impostor.folder(), OpenFlags::EMPTY, &heard).map_err(text)?;
    assert_eq!(ask("connect_get_hostname", |call| client.connect_get_hostname(call))?, NAME);
    assert_eq!(heard.closed()?, CloseReason::ERROR);
    let later = ask("connect_get_hostname", |call| client.connect_get_hostname(call)).err().unwrap_or_default();
    assert!(later.contains("nobody made"), "{later}");
    impostor.end()
}

#[test]
fn servers_that_say_nothing_are_not_waited_for_for_ever() -> Outcome {
    let impostor = Impostor::start(|peer| {
        // Nothing is said until the client goes.
        while peer.read().is_ok() {}
        Ok(())
    })?;
    let limits = Limits { opening: Duration::from_millis(300), ..Limits::default() };
    let socket = connect_unix(&impostor.folder().join("s")).map_err(text)?;
    let opened = client::open(socket, Opening { limits, ..Opening::new("test:///default") }, Box::new(|_| {}));
    refused(opened.map(drop), &["no answer", "auth_list"])?;
    impostor.end()
}

#[test]
fn any_bytes_end_in_an_error_or_an_answer() -> Outcome {
    // A fixed sequence, so that a failure can be repeated.
    for seed in 1..60_u64 {
        let impostor = Impostor::start(move |peer| {
            let header = peer.until(HOSTNAME)?;
            let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mut next = move || {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state
            };
            for _ in 0..20 {
                let kind = MessageType((next() % 8) as i32);
                let serial = if next() % 2 == 0 { header.serial } else { next() as u32 % 16 };
                let status = Status((next() % 4) as i32);
                let payload: Vec<u8> = (0..next() % 96).map(|_| next() as u8).collect();
                let sent = peer.send(&Header { kind, serial, status, ..header }, &payload);
                if sent.is_err() {
                    break;
                }
            }
            let _ = peer.stream.shutdown(std::net::Shutdown::Both);
            Ok(())
        })?;
        let heard = Heard::default();
        let client = open_with(&impostor.uri(), impostor.folder(), OpenFlags::EMPTY, &heard).map_err(text)?;
        let began = Instant::now();
        let _ = ask("connect_get_hostname", |call| client.connect_get_hostname(call));
        assert!(began.elapsed() < SOON, "seed {seed} took {:?}", began.elapsed());
        heard.closed().map_err(|e| format!("seed {seed}: {e}"))?;
        impostor.end()?;
    }
    Ok(())
}
