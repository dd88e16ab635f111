//! Signs of life, and how a connection ends.

use std::time::Duration;

use oxivirt_core::constants::CloseReason;
use oxivirt_core::interface::Connect;
use oxivirt_core::plugin::OpenFlags;
use oxivirt_core::wire::message::{Header, Program};
use oxivirt_tests::process;
use rustix::process::Signal;

use super::Outcome;
use super::impostor::{HOSTNAME, Impostor, NAME};
use super::place::{Heard, SOON, ask, open, open_with, start, text, with_each, works};

const PING: i32 = 1;
const PONG: i32 = 2;

/// Lets the clients of a folder ask after one second of silence.
fn ask_soon(folder: &std::path::Path, count: u32) -> Outcome {
    let client = folder.join("client");
    std::fs::create_dir_all(&client).map_err(text)?;
    let lines = format!("keepalive_interval = 1\nkeepalive_count = {count}\n");
    std::fs::write(client.join("libvirt.conf"), lines).map_err(text)
}

#[test]
fn a_server_without_signs_of_life_is_given_up() -> Outcome {
    let impostor = Impostor::start(|peer| {
        peer.until(HOSTNAME)?;
        let mut asked = 0;
        while let Ok((header, _)) = peer.read() {
            asked += u32::from(header.program == Program::KEEPALIVE && header.procedure == PING);
        }
        match asked {
            2 => Ok(()),
            other => Err(std::io::Error::other(format!("it was asked {other} times"))),
        }
    })?;
    ask_soon(impostor.folder(), 2)?;
    let heard = Heard::default();
    let client = open_with(&impostor.uri(), impostor.folder(), OpenFlags::EMPTY, &heard).map_err(text)?;
    let error = ask("connect_get_hostname", |call| client.connect_get_hostname(call)).err().unwrap_or_default();
    assert!(error.contains("no sign of life for"), "{error}");
    assert_eq!(heard.closed()?, CloseReason::KEEPALIVE);
    assert!(!client.transport().is_alive());
    impostor.end()
}

#[test]
fn a_slow_answer_is_waited_for_as_long_as_the_server_lives() -> Outcome {
    let impostor = Impostor::start(|peer| {
        let question = peer.until(HOSTNAME)?;
        let mut signs = 0;
        while signs < 4 {
            let (header, _) = peer.read()?;
            if header.program == Program::KEEPALIVE && header.procedure == PING {
                signs += 1;
                peer.send(&Header::event(Program::KEEPALIVE, PONG), &[])?;
            }
        }
        peer.answer(&question, &[])?;
        peer.serve()
    })?;
    ask_soon(impostor.folder(), 30)?;
    let client = open(&impostor.uri(), impostor.folder()).map_err(text)?;
    assert_eq!(ask("connect_get_hostname", |call| client.connect_get_hostname(call))?, NAME);
    assert!(client.transport().is_alive());
    drop(client);
    impostor.end()
}

#[test]
fn a_server_that_asks_is_answered() -> Outcome {
    let impostor = Impostor::start(|peer| {
        let question = peer.until(HOSTNAME)?;
        for _ in 0..3 {
            peer.send(&Header::event(Program::KEEPALIVE, PING), &[])?;
            let (header, _) = peer.read()?;
            if (header.program, header.procedure) != (Program::KEEPALIVE, PONG) {
                return Err(std::io::Error::other(format!("an answer to a question for life: {header:?}")));
            }
        }
        peer.answer(&question, &[])?;
        peer.serve()
    })?;
    let client = open(&impostor.uri(), impostor.folder()).map_err(text)?;
    // Nothing is asked from here.
    assert!(client.transport().set_keep_alive(Duration::ZERO, 0), "the server says that it answers");
    assert_eq!(ask("connect_get_hostname", |call| client.connect_get_hostname(call))?, NAME);
    drop(client);
    impostor.end()
}

#[test]
fn a_stopped_daemon_is_given_up_and_a_new_connection_works() -> Outcome {
    with_each(|_, program| {
        let sandbox = start(program)?;
        ask_soon(sandbox.root(), 6)?;
        let heard = Heard::default();
        let uri = sandbox.uri("test", "/default");
        let client = open_with(&uri, sandbox.root(), OpenFlags::EMPTY, &heard).map_err(text)?;
        process::signal(sandbox.pid(), Signal::STOP);
        // Not every thread of it stops at once.
        let error = process::wait_for("a call to fail", SOON, || {
            ask("connect_get_hostname", |call| client.connect_get_hostname(call)).err()
        });
        process::signal(sandbox.pid(), Signal::CONT);
        let error = error?;
        assert!(error.contains("no sign of life"), "{error}");
        assert_eq!(heard.closed()?, CloseReason::KEEPALIVE);
        works(&open(&uri, sandbox.root()).map_err(text)?)
    })
}

#[test]
fn a_dead_daemon_is_noticed_and_its_successor_works() -> Outcome {
    with_each(|_, program| {
        let mut sandbox = start(program)?;
        let heard = Heard::default();
        let uri = sandbox.uri("test", "/default");
        let client = open_with(&uri, sandbox.root(), OpenFlags::EMPTY, &heard).map_err(text)?;
        works(&client)?;
        sandbox.kill();
        assert_eq!(heard.closed()?, CloseReason::EOF);
        let error = works(&client).err().unwrap_or_default();
        assert!(error.contains("connection to the daemon at") && error.contains("lost"), "{error}");
        assert!(!client.transport().is_alive());
        assert!(open(&uri, sandbox.root()).is_err(), "nobody is there");
        sandbox.launch()?;
        works(&open(&uri, sandbox.root()).map_err(text)?)
    })
}

#[test]
fn closing_it_here_is_told_as_wanted() -> Outcome {
    with_each(|_, program| {
        let sandbox = start(program)?;
        let heard = Heard::default();
        let uri = sandbox.uri("test", "/default");
        let client = open_with(&uri, sandbox.root(), OpenFlags::EMPTY, &heard).map_err(text)?;
        client.transport().close();
        assert_eq!(heard.closed()?, CloseReason::CLIENT);
        assert!(!client.transport().is_alive() && works(&client).is_err());
        Ok(())
    })
}
