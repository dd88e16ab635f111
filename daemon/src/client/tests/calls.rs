//! Calls that hang, panic, are refused or are too many.

use super::*;
use oxivirt_core::{ErrorCode, ErrorDomain};

const CONNECT_OPEN: i32 = 1;
const LIB_VERSION: i32 = 157;

#[test]
fn quick_and_slow_calls_are_answered() {
    let fixture = Fixture::new();
    let mut wire = fixture.client();
    assert_eq!(wire.call(TYPE, &[]).value::<String>(), "Fake");
    fixture.release();
    assert_eq!(wire.call(VERSION, &[]).value::<u64>(), 7);
    assert_eq!(wire.call(LIB_VERSION, &[]).value::<u64>(), 11_003_000);
}

#[test]
fn a_panic_is_an_error_of_the_call() {
    let fixture = Fixture::new();
    let mut wire = fixture.client();
    let error = wire.call(HOSTNAME, &[]).error();
    assert_eq!(error.code(), ErrorCode::INTERNAL_ERROR);
    assert!(error.message().contains("on purpose"), "{error}");
    assert_eq!(wire.call(TYPE, &[]).value::<String>(), "Fake");
}

#[test]
fn calls_that_hang_stop_nobody_else() {
    let fixture = Fixture::new();
    // All urgent and ordinary threads hang.
    let mut hanging: Vec<Wire> = (0..8).map(|_| fixture.client()).collect();
    for wire in &mut hanging {
        let header = wire.header(VERSION);
        wire.send(header, &[]);
    }
    let mut other = fixture.client();
    assert_eq!(other.call(TYPE, &[]).value::<String>(), "Fake");
    // This one needs a thread: it gets one in the place of those that hang.
    assert!(other.call(HOSTNAME, &[]).error().message().contains("on purpose"));
    fixture.release();
    for wire in &mut hanging {
        assert_eq!(wire.receive().expect("an answer").value::<u64>(), 7);
    }
}

#[test]
fn a_client_that_leaves_a_hanging_call_is_freed() {
    let fixture = Fixture::new();
    let mut wire = fixture.client();
    let header = wire.header(VERSION);
    wire.send(header, &[]);
    eventually("the call", || fixture.daemon.main.workers.gauge().urgent == 1);
    drop(wire);
    eventually("the end of the client", || fixture.daemon.main.count().0 == 0);
    fixture.release();
}

#[test]
fn too_many_calls_wait_and_a_client_that_leaves_meanwhile_is_freed() {
    let fixture = Fixture::new();
    let mut wire = fixture.client();
    for _ in 0..6 {
        let header = wire.header(VERSION);
        wire.send(header, &[]);
    }
    let quick = wire.header(TYPE);
    wire.send(quick, &[]);
    // Three calls run, the fourth is held back, and so is all behind it.
    wire.stream.set_read_timeout(Some(Duration::from_millis(300))).expect("settable");
    assert!(wire.receive().is_none());
    let mut other = fixture.client();
    assert_eq!(other.call(TYPE, &[]).value::<String>(), "Fake");
    drop(wire);
    eventually("the end of the client", || fixture.daemon.main.count().0 == 1);
    fixture.release();
}

#[test]
fn held_back_calls_are_answered_in_the_end() {
    let fixture = Fixture::new();
    let mut wire = fixture.client();
    for _ in 0..6 {
        let header = wire.header(VERSION);
        wire.send(header, &[]);
    }
    fixture.release();
    let mut serials: Vec<u32> = (0..6).map(|_| wire.receive().expect("an answer").header.serial).collect();
    serials.sort_unstable();
    assert_eq!(serials, [1, 2, 3, 4, 5, 6]);
}

#[test]
fn refusals_have_the_texts_that_clients_know() {
    let fixture = Fixture::new();
    let mut wire = fixture.client();
    let good = wire.header(LIB_VERSION);
    for (header, text) in [
        (Header { program: Program(0x1234_5678), ..good }, "Cannot find program 305419896 version 1"),
        (Header { version: 77, ..good }, "Cannot find program 536903814 version 77"),
        (Header { program: Program::ADMIN, ..good }, "Cannot find program 110102160 version 1"),
        (Header { procedure: 100_000, ..good }, "unknown procedure: 100000"),
        (Header { procedure: -1, ..good }, "unknown procedure: -1"),
        (Header { procedure: 107, ..good }, "unknown procedure: 107"),
        (Header { status: Status::CONTINUE, ..good }, "Unexpected message status 2"),
    ] {
        wire.send(header, &[]);
        let error = wire.receive().expect("an answer").error();
        assert_eq!((error.code(), error.domain(), error.message()), (ErrorCode::RPC, ErrorDomain::RPC, text));
    }
    let (mut stranger, _) = fixture.stranger(Door::ReadWrite);
    let error = stranger.call(TYPE, &[]).error();
    assert_eq!(error.message(), "internal error: hypervisor connection not open");
}

#[test]
fn read_only_clients_may_not_write() {
    let fixture = Fixture::new();
    let (mut wire, client) = fixture.stranger(Door::ReadOnly);
    fixture.open(&client);
    let error = wire.call(CONSOLE, &encoded(&(domain(1), None, 0))).error();
    assert_eq!((error.code(), error.domain()), (ErrorCode::OPERATION_DENIED, ErrorDomain::DOMAIN));
    assert_eq!(error.message(), "operation forbidden: read only access prevents virDomainOpenConsole");
    assert_eq!(wire.call(TYPE, &[]).value::<String>(), "Fake");
}

#[test]
fn opening_needs_a_driver() {
    let fixture = Fixture::new();
    fixture.daemon.serve(Default::default());
    let (mut wire, _) = fixture.stranger(Door::ReadWrite);
    let mut out = Writer::new();
    Some("nosuch:///x".to_owned()).encode(&mut out).and_then(|()| 0u32.encode(&mut out)).expect("small");
    let error = wire.call(CONNECT_OPEN, &out.into_bytes()).error();
    assert_eq!(error.code(), ErrorCode::NO_CONNECT);
    assert!(error.message().contains("nosuch"), "{error}");
}

#[test]
fn silent_clients_are_asked_and_dropped() {
    let fixture = Fixture::with(|limits| limits.keepalive_interval = Some(1));
    let mut wire = fixture.client();
    let keepalive: i32 = 10;
    assert_eq!(wire.call(60, &keepalive.to_be_bytes()).value::<i32>(), 1);
    for _ in 0..2 {
        let ping = wire.receive().expect("a question").header;
        assert_eq!((ping.program, ping.procedure, ping.kind), (Program::KEEPALIVE, 1, MessageType::MESSAGE));
    }
    assert!(wire.receive().is_none(), "dropped after two questions");
    eventually("the end of the client", || fixture.daemon.main.count().0 == 0);
}

#[test]
fn questions_are_answered() {
    let fixture = Fixture::new();
    let (mut wire, _) = fixture.stranger(Door::ReadWrite);
    wire.send(Header::event(Program::KEEPALIVE, 1), &[]);
    let pong = wire.receive().expect("an answer").header;
    assert_eq!((pong.program, pong.procedure, pong.kind), (Program::KEEPALIVE, 2, MessageType::MESSAGE));
}

#[test]
fn a_client_that_asks_and_never_reads_is_not_read_either() {
    let fixture = Fixture::new();
    let mut wire = fixture.client();
    wire.stream.set_write_timeout(Some(Duration::from_millis(300))).expect("settable");
    let header = wire.header(TYPE);
    let call = frame(&header, &[]).expect("small");
    let many: Vec<u8> = call.iter().copied().cycle().take(call.len() * 4096).collect();
    let mut sent = 0;
    while sent < 64 << 20 {
        match wire.stream.write(&many) {
            Ok(count) => sent += count,
            Err(_) => break,
        }
    }
    assert!(sent < 8 << 20, "{sent} bytes of calls were taken");
    let mut other = fixture.client();
    assert_eq!(other.call(TYPE, &[]).value::<String>(), "Fake");
    drop(wire);
    eventually("the end of the client", || fixture.daemon.main.count().0 == 1);
}

#[test]
fn a_client_that_does_not_read_its_answers_is_not_read_from() {
    const CALLS: usize = 100;
    let fixture = Fixture::new();
    let mut wire = fixture.client();
    for _ in 0..CALLS {
        let header = wire.header(CAPABILITIES);
        wire.send(header, &[]);
    }
    let given = || fixture.switch.long_answers.load(Ordering::Relaxed);
    eventually("the first answers", || given() > 0);
    // Others are served, and when they are, the answers have come to a halt.
    let (mut last, mut calm) = (given(), 0);
    eventually("the halt", || {
        assert_eq!(fixture.client().call(TYPE, &[]).value::<String>(), "Fake");
        calm = if given() == last { calm + 1 } else { 0 };
        last = given();
        calm == 50
    });
    // As many as fill the queue, and those that were under way by then.
    assert!(last < 10, "{last} long answers wait for a client that reads none");
    for _ in 0..CALLS {
        assert_eq!(wire.receive().expect("an answer").value::<String>().len(), LONG);
    }
}
