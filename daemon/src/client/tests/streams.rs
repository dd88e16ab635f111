//! Streams: both ways, to the end, broken off, and slower than the other side.

use super::*;

fn receive_all(wire: &mut Wire, count: usize) -> Vec<u8> {
    let mut all = Vec::new();
    while all.len() < count {
        let packet = wire.receive().expect("a packet");
        assert_eq!((packet.header.kind, packet.header.status), (MessageType::STREAM, Status::CONTINUE));
        assert!(packet.payload.len() <= 262_144, "{} bytes", packet.payload.len());
        all.extend(packet.payload);
    }
    all
}

#[test]
fn bytes_go_both_ways_and_the_end_is_confirmed() {
    let fixture = Fixture::new();
    let mut wire = fixture.client();
    let mut guest = fixture.console();
    let stream = wire.open_console();
    guest.write_all(b"login: ").expect("taken");
    assert_eq!(receive_all(&mut wire, 7), b"login: ");
    wire.send(stream, b"root\n");
    let mut typed = [0; 5];
    guest.read_exact(&mut typed).expect("arrives");
    assert_eq!(&typed, b"root\n");
    // Calls go on meanwhile.
    assert_eq!(wire.call(TYPE, &[]).value::<String>(), "Fake");

    wire.send(stream, b"bye");
    wire.send(Header { status: Status::OK, ..stream }, &[]);
    let end = wire.receive().expect("confirmed");
    assert_eq!((end.header.kind, end.header.status, end.payload.len()), (MessageType::STREAM, Status::OK, 0));
    let mut rest = Vec::new();
    guest.read_to_end(&mut rest).expect("ends");
    assert_eq!(rest, b"bye");
    // Late packets are nobody's.
    wire.send(stream, b"late");
    assert_eq!(wire.call(TYPE, &[]).value::<String>(), "Fake");
}

#[test]
fn the_drivers_end_is_an_empty_packet() {
    let fixture = Fixture::new();
    let mut wire = fixture.client();
    let mut guest = fixture.console();
    let stream = wire.open_console();
    guest.write_all(b"x").expect("taken");
    drop(guest);
    assert_eq!(receive_all(&mut wire, 1), b"x");
    let empty = wire.receive().expect("a packet");
    assert_eq!((empty.header.status, empty.payload.len()), (Status::CONTINUE, 0));
    wire.send(Header { status: Status::OK, ..stream }, &[]);
    assert_eq!(wire.receive().expect("confirmed").header.status, Status::OK);
}

#[test]
fn an_abort_is_confirmed_and_ends_the_driver() {
    let fixture = Fixture::new();
    let mut wire = fixture.client();
    let mut guest = fixture.console();
    let stream = wire.open_console();
    wire.send(Header { status: Status::ERROR, ..stream }, &[]);
    assert_eq!(wire.receive().expect("confirmed").header.status, Status::OK);
    assert_eq!(guest.read(&mut [0; 8]).expect("ends"), 0);
    // The same serial may have a new stream.
    wire.serial -= 1;
    let _guest = fixture.console();
    wire.open_console();
}

#[test]
fn holes_and_odd_packets_are_refused() {
    let fixture = Fixture::new();
    let mut wire = fixture.client();
    for (odd, text) in [
        (Header { kind: MessageType::STREAM_HOLE, ..Header::event(Program::REMOTE, CONSOLE) }, "holes"),
        (
            Header { kind: MessageType::STREAM, status: Status(7), ..Header::event(Program::REMOTE, CONSOLE) },
            "status 7",
        ),
    ] {
        let _guest = fixture.console();
        let stream = wire.open_console();
        wire.send(Header { serial: stream.serial, ..odd }, &[0; 12]);
        let error = wire.receive().expect("an answer");
        assert_eq!(error.header.kind, MessageType::STREAM);
        assert!(error.error().message().contains(text), "{error:?}");
    }
}

#[test]
fn a_client_that_does_not_read_stops_the_driver_not_the_memory() {
    let fixture = Fixture::new();
    let mut wire = fixture.client();
    let mut guest = fixture.console();
    wire.open_console();
    guest.set_write_timeout(Some(Duration::from_millis(500))).expect("settable");
    let chunk = vec![b'a'; 64 << 10];
    let mut taken = 0;
    while taken < 64 << 20 {
        match guest.write(&chunk) {
            Ok(count) => taken += count,
            Err(_) => break,
        }
    }
    assert!(taken < 4 << 20, "{taken} bytes were taken from the driver");
    assert_eq!(receive_all(&mut wire, taken).len(), taken);
}

/// Memory of this process in bytes.
fn memory() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("there");
    let resident = pages.split(' ').nth(1).and_then(|count| count.parse::<usize>().ok()).expect("a number");
    resident * rustix::param::page_size()
}

#[test]
fn a_client_that_does_not_read_a_file_leaves_it_on_the_disk() {
    const SIZE: u64 = 1 << 30;
    let fixture = Fixture::new();
    let mut wire = fixture.client();
    let file = tempfile::tempfile().expect("a file");
    file.set_len(SIZE).expect("settable");
    let range = FileRange { offset: 0, length: 0, sparse: false };
    *fixture.switch.file.lock().expect("sound") = Some((file.into(), range));
    let before = memory();
    wire.open_console();
    let client = fixture.daemon.main.list().pop().expect("there");
    eventually("a full queue", || client.outgoing.is_full());
    for _ in 0..100 {
        std::thread::sleep(Duration::from_millis(10));
        let grown = memory().saturating_sub(before);
        // Other tests go on in this process meanwhile.
        assert!(grown < 256 << 20, "{grown} bytes wait for a client that reads none");
    }
    assert!(receive_all(&mut wire, 16 << 20).len() >= 16 << 20, "it goes on when the client reads");
    drop((wire, client));
    eventually("the end of the client", || fixture.daemon.main.count().0 == 0);
}

#[test]
fn a_driver_that_does_not_read_stops_the_client_not_the_memory() {
    let fixture = Fixture::new();
    let mut wire = fixture.client();
    let mut guest = fixture.console();
    let stream = wire.open_console();
    wire.stream.set_write_timeout(Some(Duration::from_millis(500))).expect("settable");
    let packet = frame(&stream, &[b'b'; 65_536]).expect("small");
    let mut sent = 0;
    while sent < 1024 && wire.stream.write_all(&packet).is_ok() {
        sent += 1;
    }
    assert!(sent < 64, "{sent} packets were taken from the client");
    let mut arrived = 0;
    let mut buffer = vec![0; 1 << 20];
    while arrived < sent * 65_536 {
        arrived += guest.read(&mut buffer).expect("goes on");
    }
}

#[test]
fn a_stream_ends_with_its_client() {
    let fixture = Fixture::new();
    let mut wire = fixture.client();
    let mut guest = fixture.console();
    wire.open_console();
    drop(wire);
    assert_eq!(guest.read(&mut [0; 8]).expect("ends"), 0);
    eventually("the end of the client", || fixture.daemon.main.count().0 == 0);
}

#[test]
fn a_client_that_leaves_a_full_stream_is_freed() {
    let fixture = Fixture::new();
    let mut wire = fixture.client();
    let _guest = fixture.console();
    let stream = wire.open_console();
    wire.stream.set_write_timeout(Some(Duration::from_millis(300))).expect("settable");
    let packet = frame(&stream, &[b'b'; 65_536]).expect("small");
    while wire.stream.write_all(&packet).is_ok() {}
    drop(wire);
    eventually("the end of the client", || fixture.daemon.main.count().0 == 0);
}
