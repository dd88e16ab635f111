//! Frames that no honest client sends: a protocol error or a closed connection
//! for the one who sent them, and nothing for anybody else.

use std::io::ErrorKind;
use std::time::Duration;

use oxivirt_tests::sandbox::Sandbox;
use oxivirt_tests::wire::{Answer, Client, Header, LONGEST, Xdr, procedure};

use super::Outcome;

const LIMIT: Duration = Duration::from_secs(10);

/// What the daemon did about a frame.
#[derive(Debug)]
enum Reaction {
    Error(Answer),
    Closed,
}

/// Sends bytes on a fresh connection that has opened the test driver, and tells what came back.
fn provoke(sandbox: &Sandbox, bytes: &[u8]) -> Result<Reaction, String> {
    let mut client = Client::open(&sandbox.socket(), "test:///default", LIMIT).map_err(|e| e.to_string())?;
    react(&mut client, bytes)
}

fn react(client: &mut Client, bytes: &[u8]) -> Result<Reaction, String> {
    // The daemon may close before it has read everything.
    let _ = client.send(bytes);
    match client.receive() {
        Ok(answer) if answer.header.status == 1 => Ok(Reaction::Error(answer)),
        Ok(answer) => Err(format!("an ordinary answer: {answer:?}")),
        Err(e) if matches!(e.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => {
            Ok(Reaction::Closed)
        }
        Err(e) => Err(format!("neither an error nor a closed connection: {e}")),
    }
}

/// A new client is served.
fn still_serves(sandbox: &mut Sandbox) -> Outcome {
    assert!(sandbox.is_alive(), "{}", sandbox.explain("the daemon is gone"));
    let mut client = Client::open(&sandbox.socket(), "test:///default", LIMIT).map_err(|e| e.to_string())?;
    client.call(procedure::CONNECT_GET_LIB_VERSION, &[]).map(drop).map_err(|e| e.to_string())
}

#[test]
fn lengths_that_cannot_be_are_not_waited_for() -> Outcome {
    let mut sandbox = Sandbox::start()?;
    for length in [0, 1, 4, 27, LONGEST + 5, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
        let mut frame = Header::call(procedure::CONNECT_GET_LIB_VERSION, 9).frame(&[]);
        frame[..4].copy_from_slice(&length.to_be_bytes());
        let reaction = provoke(&sandbox, &frame)?;
        assert!(matches!(reaction, Reaction::Closed), "length {length}: {reaction:?}");
        still_serves(&mut sandbox)?;
    }
    Ok(())
}

#[test]
fn unknown_programs_versions_and_procedures_are_errors() -> Outcome {
    let mut sandbox = Sandbox::start()?;
    let good = Header::call(procedure::CONNECT_GET_LIB_VERSION, 9);
    for header in [
        Header { program: 0x1234_5678, ..good },
        Header { version: 77, ..good },
        Header { procedure: 100_000, ..good },
        Header { procedure: 0, ..good },
        Header { procedure: -1, ..good },
    ] {
        let reaction = provoke(&sandbox, &header.frame(&[]))?;
        let Reaction::Error(answer) = reaction else {
            return Err(format!("{header:?}: the connection was closed"));
        };
        assert_eq!((answer.header.serial, answer.header.kind), (9, 1), "{header:?}");
        still_serves(&mut sandbox)?;
    }
    Ok(())
}

#[test]
fn frames_that_are_no_calls_are_not_answered_as_calls() -> Outcome {
    let mut sandbox = Sandbox::start()?;
    let good = Header::call(procedure::CONNECT_GET_LIB_VERSION, 9);
    for header in [
        Header { kind: 1, ..good },
        Header { kind: 2, ..good },
        Header { kind: 99, ..good },
        Header { status: 1, ..good },
    ] {
        let mut client =
            Client::open(&sandbox.socket(), "test:///default", Duration::from_secs(2)).map_err(|e| e.to_string())?;
        let _ = client.send(&header.frame(&[]));
        if let Ok(answer) = client.receive() {
            assert_eq!(answer.header.status, 1, "{header:?} was answered: {answer:?}");
        }
        still_serves(&mut sandbox)?;
    }
    Ok(())
}

#[test]
fn arguments_that_end_early_are_errors() -> Outcome {
    let mut sandbox = Sandbox::start()?;
    let whole = Xdr::default().string("test").0;
    for length in 0..whole.len() {
        let part = whole.get(..length).unwrap_or_default();
        let reaction = provoke(&sandbox, &Header::call(procedure::DOMAIN_LOOKUP_BY_NAME, 9).frame(part))?;
        assert!(matches!(reaction, Reaction::Error(_)), "{length} bytes: {reaction:?}");
    }
    still_serves(&mut sandbox)
}

#[test]
fn strings_longer_than_their_frame_or_the_limit_are_errors() -> Outcome {
    let mut sandbox = Sandbox::start()?;
    for claimed in [5, 4_194_304, 4_194_305, 0x7fff_ffff, u32::MAX] {
        let payload = Xdr::default().unsigned(claimed).bytes(b"test").0;
        let reaction = provoke(&sandbox, &Header::call(procedure::DOMAIN_LOOKUP_BY_NAME, 9).frame(&payload))?;
        assert!(matches!(reaction, Reaction::Error(_)), "claimed {claimed}: {reaction:?}");
    }
    still_serves(&mut sandbox)
}

#[test]
fn calls_before_a_driver_is_opened_are_errors() -> Outcome {
    let mut sandbox = Sandbox::start()?;
    let mut client = Client::connect(&sandbox.socket(), LIMIT).map_err(|e| e.to_string())?;
    client.call(procedure::AUTH_LIST, &[]).map_err(|e| e.to_string())?;
    let payload = Xdr::default().string("test").0;
    let answer = client.ask(procedure::DOMAIN_LOOKUP_BY_NAME, &payload).map_err(|e| e.to_string())?;
    assert_eq!(answer.header.status, 1);
    still_serves(&mut sandbox)
}

#[test]
fn a_client_that_stops_in_the_middle_holds_up_nobody() -> Outcome {
    let mut sandbox = Sandbox::start()?;
    let frame = Header::call(procedure::CONNECT_GET_LIB_VERSION, 9).frame(&[]);
    let mut waiting = Vec::new();
    for length in [1, 3, 4, 10, 27] {
        let mut client = Client::open(&sandbox.socket(), "test:///default", LIMIT).map_err(|e| e.to_string())?;
        client.send(frame.get(..length).unwrap_or_default()).map_err(|e| e.to_string())?;
        waiting.push(client);
    }
    still_serves(&mut sandbox)?;
    for mut client in waiting {
        client.finish().map_err(|e| e.to_string())?;
        let end = client.receive().map(drop).map_err(|e| e.kind());
        assert!(end.is_err(), "half a frame was answered");
    }
    still_serves(&mut sandbox)
}

#[test]
fn a_frame_may_come_byte_by_byte() -> Outcome {
    let sandbox = Sandbox::start()?;
    let mut client = Client::open(&sandbox.socket(), "test:///default", LIMIT).map_err(|e| e.to_string())?;
    for byte in Header::call(procedure::CONNECT_GET_LIB_VERSION, 9).frame(&[]) {
        client.send(&[byte]).map_err(|e| e.to_string())?;
    }
    let answer = client.receive().map_err(|e| e.to_string())?;
    assert_eq!((answer.header.serial, answer.header.status), (9, 0));
    Ok(())
}

#[test]
fn random_bytes_do_no_harm() -> Outcome {
    let mut sandbox = Sandbox::start()?;
    // A fixed sequence, so that a failure can be repeated.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..200 {
        let mut client = Client::connect(&sandbox.socket(), LIMIT).map_err(|e| e.to_string())?;
        let mut bytes = Vec::new();
        for _ in 0..32 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            bytes.extend_from_slice(&state.to_be_bytes());
        }
        // A length that fits, so that what follows is looked at.
        bytes[..4].copy_from_slice(&256_u32.to_be_bytes());
        let _ = client.send(&bytes);
    }
    still_serves(&mut sandbox)
}
