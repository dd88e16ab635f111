//! Who gets which events.

use super::*;
use oxivirt_core::Event;
use oxivirt_core::constants::{DomainEventId, DomainEventType};
use oxivirt_core::host::HostServices;

const REGISTER: i32 = 316;
const DEREGISTER: i32 = 317;
const REGISTER_OLDEST: i32 = 105;
const LIFECYCLE_CALLBACK: i32 = 318;
const LIFECYCLE_PLAIN: i32 = 107;

fn register(wire: &mut Wire, id: DomainEventId, of: Option<Domain>) -> i32 {
    let mut out = Writer::new();
    id.encode(&mut out).and_then(|()| of.encode(&mut out)).expect("small");
    wire.call(REGISTER, &out.into_bytes()).value()
}

fn started(number: u8) -> Event {
    Event::lifecycle(&domain(number), DomainEventType::STARTED, 0).expect("small")
}

#[test]
fn every_registration_gets_its_events_with_its_id() {
    let fixture = Fixture::new();
    let mut wire = fixture.client();
    let first = register(&mut wire, DomainEventId::LIFECYCLE, None);
    let second = register(&mut wire, DomainEventId::LIFECYCLE, None);
    let of_two = register(&mut wire, DomainEventId::LIFECYCLE, Some(domain(2)));
    let reboot = register(&mut wire, DomainEventId::REBOOT, None);
    assert_eq!([first, second, of_two, reboot], [0, 1, 2, 3]);

    fixture.daemon.emit(CHANNEL, &started(1));
    fixture.daemon.emit(CHANNEL + 1, &started(9));
    fixture.daemon.emit(CHANNEL, &started(2));
    let mut seen = Vec::new();
    for _ in 0..5 {
        let event = wire.receive().expect("an event");
        assert_eq!(
            (event.header.kind, event.header.procedure, event.header.serial),
            (MessageType::MESSAGE, LIFECYCLE_CALLBACK, 0)
        );
        let mut input = Reader::new(&event.payload);
        let id = i32::decode(&mut input).expect("an id");
        seen.push((Domain::decode(&mut input).expect("a domain").name.to_string(), id));
    }
    let wanted = [("d1", 0), ("d1", 1), ("d2", 0), ("d2", 1), ("d2", 2)];
    assert_eq!(seen, wanted.map(|(name, id)| (name.to_owned(), id)));

    assert!(wire.call(DEREGISTER, &second.to_be_bytes()).payload.is_empty());
    let error = wire.call(DEREGISTER, &second.to_be_bytes()).error();
    assert_eq!(error.message(), "internal error: domain event callback 1 not registered");
    // Its id is free again.
    assert_eq!(register(&mut wire, DomainEventId::REBOOT, None), 1);
}

#[test]
fn the_oldest_form_has_no_id() {
    let fixture = Fixture::new();
    let mut wire = fixture.client();
    assert_eq!(wire.call(REGISTER_OLDEST, &[]).value::<i32>(), 1);
    let event = started(3);
    fixture.daemon.emit(CHANNEL, &event);
    let got = wire.receive().expect("an event");
    assert_eq!((got.header.procedure, got.payload.as_slice()), (LIFECYCLE_PLAIN, event.body()));
}

#[test]
fn unknown_events_cannot_be_wanted() {
    let fixture = Fixture::new();
    let mut wire = fixture.client();
    let mut out = Writer::new();
    DomainEventId(99).encode(&mut out).and_then(|()| None::<Domain>.encode(&mut out)).expect("small");
    let error = wire.call(REGISTER, &out.into_bytes()).error();
    assert_eq!(error.message(), "internal error: unsupported event ID 99");
}

#[test]
fn all_of_many_subscribers_get_all_events_in_order() {
    const SUBSCRIBERS: usize = 64;
    const EVENTS: u8 = 200;
    let fixture = Fixture::new();
    let mut wires: Vec<Wire> = (0..SUBSCRIBERS).map(|_| fixture.client()).collect();
    for wire in &mut wires {
        register(wire, DomainEventId::LIFECYCLE, None);
    }
    for number in 0..EVENTS {
        fixture.daemon.emit(CHANNEL, &started(number));
    }
    for wire in &mut wires {
        for number in 0..EVENTS {
            let event = wire.receive().expect("an event");
            let got = Domain::decode(&mut Reader::new(&event.payload[4..])).expect("a domain");
            assert_eq!(got.name, format!("d{number}"));
        }
    }
}

#[test]
fn a_client_that_does_not_read_is_dropped_and_the_others_are_served() {
    let fixture = Fixture::new();
    let mut deaf = fixture.client();
    register(&mut deaf, DomainEventId::METADATA_CHANGE, None);
    let mut good = fixture.client();
    register(&mut good, DomainEventId::REBOOT, None);
    let long = "x".repeat(1 << 20);
    let large = Event::metadata_change(&domain(1), 0, Some(&long)).expect("within limits");
    for _ in 0..20 {
        fixture.daemon.emit(CHANNEL, &large);
    }
    eventually("the end of the client", || fixture.daemon.main.count().0 == 1);
    fixture.daemon.emit(CHANNEL, &Event::reboot(&domain(1)).expect("small"));
    assert!(good.receive().is_some());
    drop(deaf);
}
