//! Clients that send garbage, stall, vanish or stop reading, in numbers: nothing leaks, and others are answered.
//!
//! `cargo xtask load` does the same on a release build with far larger numbers.

use std::time::{Duration, Instant};

use oxivirt_tests::load::{self, Nuisance, Sequence, Usage};
use oxivirt_tests::sandbox::Sandbox;
use oxivirt_tests::wire::{Client, Xdr, procedure};

use super::Outcome;

/// How long an honest client waits for an answer while others misbehave.
const PATIENCE: Duration = Duration::from_secs(30);

/// How much more memory the daemon may hold afterwards: what allocators keep.
const SLACK_KIB: u64 = 64 * 1024;

fn open(sandbox: &Sandbox) -> Result<Client, String> {
    Client::open(&sandbox.socket(), "test:///default", PATIENCE).map_err(|e| sandbox.explain(&e.to_string()))
}

fn version(client: &mut Client) -> Result<Duration, String> {
    let begun = Instant::now();
    client.call(procedure::CONNECT_GET_LIB_VERSION, &[]).map_err(|e| e.to_string())?;
    Ok(begun.elapsed())
}

fn bounded(sandbox: &Sandbox, before: Usage) -> Outcome {
    let after = before.settles(sandbox.pid(), PATIENCE)?;
    match after.rss_kib < before.rss_kib + SLACK_KIB {
        true => Ok(()),
        false => Err(sandbox.explain(&format!("memory grew: {before:?} to {after:?}"))),
    }
}

/// A daemon that takes many clients, its limits as `lines` say.
fn roomy(lines: &str) -> Result<Sandbox, String> {
    load::allow_descriptors(8_192)?;
    let mut sandbox = Sandbox::prepare()?;
    sandbox.configure("libvirtd.conf", &format!("auth_unix_rw = \"none\"\nauth_unix_ro = \"none\"\n{lines}"))?;
    sandbox.launch()?;
    Ok(sandbox)
}

/// The domain that is there from the start.
fn domain(client: &mut Client) -> Result<Vec<u8>, String> {
    client.call(procedure::DOMAIN_LOOKUP_BY_NAME, &Xdr::default().string("test").0).map_err(|e| e.to_string())
}

#[test]
fn tampered_frames_in_numbers_leak_nothing() -> Outcome {
    let mut sandbox = Sandbox::start()?;
    load::tampered_frames(&sandbox.socket(), 5_000, 4)?;
    load::tampered_bodies(&sandbox.socket(), 5_000, 4)?;
    let mut honest = open(&sandbox)?;
    version(&mut honest)?;
    let before = Usage::of(sandbox.pid())?;
    load::tampered_frames(&sandbox.socket(), 20_000, 4)?;
    let bodies = load::tampered_bodies(&sandbox.socket(), 20_000, 4)?;
    // Whole frames with arguments that make no sense are answered, each.
    assert!(bodies.answered > 10_000, "{bodies:?}");
    assert!(sandbox.is_alive(), "{}", sandbox.explain("the daemon is gone"));
    version(&mut honest)?;
    bounded(&sandbox, before)
}

#[test]
fn a_storm_of_connections_leaves_honest_clients_alone() -> Outcome {
    let mut sandbox = roomy("max_clients = 2000\nmax_anonymous_clients = 2000\n")?;
    let mut honest = open(&sandbox)?;
    version(&mut honest)?;
    let before = Usage::of(sandbox.pid())?;
    let mut sequence = Sequence::new(1);
    let mut crowd: Vec<Nuisance> = Vec::new();
    for number in 0..1_200 {
        crowd.push(load::nuisance(&sandbox.socket(), number, &mut sequence).map_err(|e| e.to_string())?);
        if number % 100 == 0 {
            let took = version(&mut honest)?;
            assert!(took < Duration::from_secs(5), "an answer took {took:?} with {number} others");
        }
    }
    let mut newcomer = open(&sandbox)?;
    version(&mut newcomer)?;
    drop((crowd, newcomer));
    assert!(sandbox.is_alive(), "{}", sandbox.explain("the daemon is gone"));
    version(&mut honest)?;
    bounded(&sandbox, before)
}

#[test]
fn a_subscriber_that_stops_reading_harms_nobody() -> Outcome {
    let sandbox = Sandbox::start()?;
    let every_domain = Xdr::default().unsigned(0).unsigned(0).0;
    let subscribe = || -> Result<Client, String> {
        let mut client = open(&sandbox)?;
        client.call(procedure::CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY, &every_domain).map_err(|e| e.to_string())?;
        Ok(client)
    };
    let (deaf, mut listening) = (subscribe()?, subscribe()?);
    let mut actor = open(&sandbox)?;
    let domain = domain(&mut actor)?;
    let before = Usage::of(sandbox.pid())?;
    for round in 0..5_000 {
        for (number, what) in [(procedure::DOMAIN_SUSPEND, "suspend"), (procedure::DOMAIN_RESUME, "resume")] {
            actor.call(number, &domain).map_err(|e| format!("{what} {round}: {e}"))?;
            listening.next_event().map_err(|e| format!("the event of {what} {round}: {e}"))?;
        }
    }
    let during = Usage::of(sandbox.pid())?;
    assert!(during.rss_kib < before.rss_kib + SLACK_KIB, "memory grew: {before:?} to {during:?}");
    drop(deaf);
    bounded(&sandbox, before)
}

#[test]
fn a_subscriber_that_stops_reading_is_sent_away() -> Outcome {
    const METADATA_CHANGE: u32 = 23;
    // More than a socket and the daemon together may hold for one client.
    const LONG: usize = 256 << 10;
    const ROUNDS: usize = 100;
    if oxivirt_tests::stock::chosen() {
        oxivirt_tests::skip::skip("the stock daemon keeps events without a bound");
        return Ok(());
    }
    let sandbox = Sandbox::start()?;
    let changes = Xdr::default().unsigned(METADATA_CHANGE).unsigned(0).0;
    let subscribe = || -> Result<Client, String> {
        let mut client = open(&sandbox)?;
        client.call(procedure::CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY, &changes).map_err(|e| e.to_string())?;
        Ok(client)
    };
    let (mut deaf, mut listening) = (subscribe()?, subscribe()?);
    let mut actor = open(&sandbox)?;
    let domain = domain(&mut actor)?;
    let before = Usage::of(sandbox.pid())?;
    // An element of a name space whose name is in every event.
    let space = format!("urn:{}", "x".repeat(LONG));
    let change = Xdr(domain).unsigned(2).some_string("<a/>").some_string("k").some_string(&space).unsigned(0).0;
    for round in 0..ROUNDS {
        actor.call(procedure::DOMAIN_SET_METADATA, &change).map_err(|e| format!("change {round}: {e}"))?;
        listening.next_event().map_err(|e| format!("the event of change {round}: {e}"))?;
    }
    let during = Usage::of(sandbox.pid())?;
    assert!(during.rss_kib < before.rss_kib + SLACK_KIB, "memory grew: {before:?} to {during:?}");
    let heard = (0..=ROUNDS).take_while(|_| deaf.next_event().is_ok()).count();
    assert!(heard < ROUNDS, "all {heard} events were kept for a client that did not read");
    drop(deaf);
    bounded(&sandbox, before)
}

#[test]
fn a_caller_that_stops_reading_harms_nobody() -> Outcome {
    let sandbox = Sandbox::start()?;
    let mut honest = open(&sandbox)?;
    version(&mut honest)?;
    let before = Usage::of(sandbox.pid())?;
    let mut deaf =
        Client::open(&sandbox.socket(), "test:///default", Duration::from_millis(500)).map_err(|e| e.to_string())?;
    let payload = Xdr(domain(&mut deaf)?).unsigned(0).0;
    let call = oxivirt_tests::wire::Header::call(procedure::DOMAIN_GET_XML_DESC, 9).frame(&payload);
    // The daemon must stop reading at some point; were it to take all of these, it would owe 100 MB.
    let taken = (0..60_000).take_while(|_| deaf.send(&call).is_ok()).count();
    assert!(taken < 60_000, "the daemon took every call of a client that reads no answer");
    let during = Usage::of(sandbox.pid())?;
    assert!(during.rss_kib < before.rss_kib + SLACK_KIB, "memory grew: {before:?} to {during:?}, {taken} calls taken");
    let took = version(&mut honest)?;
    assert!(took < Duration::from_secs(5), "an answer took {took:?}");
    drop(deaf);
    bounded(&sandbox, before)
}

#[test]
fn a_stream_that_nobody_reads_harms_nobody() -> Outcome {
    let sandbox = Sandbox::start()?;
    let mut honest = open(&sandbox)?;
    version(&mut honest)?;
    let before = Usage::of(sandbox.pid())?;
    let mut deaf = Vec::new();
    for _ in 0..16 {
        let mut client = open(&sandbox)?;
        let payload = Xdr(domain(&mut client)?).unsigned(0).unsigned(0).0;
        match client.ask(procedure::DOMAIN_SCREENSHOT, &payload).map_err(|e| e.to_string())?.header.status {
            0 => deaf.push(client),
            _ => {
                oxivirt_tests::skip::skip("this test driver has no screenshots");
                return Ok(());
            }
        }
    }
    let took = version(&mut honest)?;
    assert!(took < Duration::from_secs(5), "an answer took {took:?}");
    let during = Usage::of(sandbox.pid())?;
    assert!(during.rss_kib < before.rss_kib + SLACK_KIB, "memory grew: {before:?} to {during:?}");
    drop(deaf);
    bounded(&sandbox, before)
}
