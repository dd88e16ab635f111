//! Hundreds of guests at once: what they cost the daemon, and how fast it stays.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use oxivirt_tests::load::{self, Usage};
use oxivirt_tests::sandbox::Sandbox;
use oxivirt_tests::wire::{Xdr, procedure};

use super::load::connect_to_guests;
use super::report::{Better, Report};
use super::starts::{create, end};
use super::workloads::millis;
use super::{Contestant, Outcome, work};

/// How many clients start and end guests side by side.
const CLIENTS: usize = 4;

/// `VIR_DOMAIN_START_PAUSED`: their processors use nothing.
const PAUSED: u32 = 1;

/// How long the daemon is left alone to see what it does by itself.
const IDLE: Duration = Duration::from_secs(10);

/// Each in turn has all the guests.
pub(super) fn run(rounds: u32, guests: u32, contestants: &[Contestant; 2]) -> Outcome {
    load::allow_descriptors(u64::from(guests) * 10 + 1_000)?;
    let mut report = Report::default();
    for (side, contestant) in contestants.iter().enumerate() {
        println!("{}: {guests} guests", contestant.name);
        let sandbox = contestant.start()?;
        one(&sandbox, side, rounds, guests, &mut report).map_err(|e| sandbox.explain(&e))?;
    }
    print!("{}", report.table(contestants[0].name, contestants[1].name));
    Ok(())
}

fn one(sandbox: &Sandbox, side: usize, rounds: u32, guests: u32, report: &mut Report) -> Outcome {
    let mut client = connect_to_guests(sandbox)?;
    // What is learned at the first start is not measured.
    let first = create(&mut client, 0, PAUSED)?;
    end(&mut client, &first)?;
    let before = Usage::of(sandbox.pid())?;
    let domains = Mutex::new(Vec::new());
    let next = AtomicU32::new(1);
    let (begun, used) = (Instant::now(), work::processor_time(sandbox)?);
    side_by_side(sandbox, &|client| {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number > guests {
                return Ok(());
            }
            let domain = create(client, number, PAUSED)?;
            domains.lock().map_err(|_| "a client panicked")?.push(domain);
        }
    })?;
    let domains = domains.into_inner().map_err(|_| "a client panicked")?;
    report.add(side, &format!("starting {guests} guests"), "s", Better::Less, begun.elapsed().as_secs_f64());
    let each = (work::processor_time(sandbox)? - used) * 1e3 / f64::from(guests);
    report.add(side, "daemon's time per start", "ms", Better::Less, each);

    let usage = Usage::of(sandbox.pid())?;
    report.add(side, "resident memory", "MiB", Better::Less, usage.rss_kib as f64 / 1024.0);
    let grown = usage.rss_kib.saturating_sub(before.rss_kib) as f64 / f64::from(guests);
    report.add(side, "resident memory per guest", "KiB", Better::Less, grown);
    report.add(side, "descriptors", "", Better::Less, usage.descriptors as f64);
    report.add(side, "threads", "", Better::Less, usage.threads as f64);
    let used = work::processor_time(sandbox)?;
    std::thread::sleep(IDLE);
    let idle = (work::processor_time(sandbox)? - used) / IDLE.as_secs_f64() * 100.0;
    report.add(side, "processor while idle (least 0.1)", "%", Better::Less, idle.max(0.1));

    let everything = Xdr::default().unsigned(1).unsigned(0).0;
    for _ in 0..rounds.max(3) * 3 {
        let begun = Instant::now();
        let listed = client
            .call(procedure::CONNECT_LIST_ALL_DOMAINS, &everything)
            .map_err(|e| format!("listing guests: {e}"))?;
        expect(&listed, guests, "a listing")?;
        report.add(side, "listing all", "ms", Better::Less, millis(begun.elapsed()));
        for domain in &domains {
            let payload = Xdr(domain.clone()).unsigned(0).0;
            client.call(procedure::DOMAIN_GET_STATE, &payload).map_err(|e| format!("the state of a guest: {e}"))?;
        }
        report.add(side, "listing all with states, as virsh does", "ms", Better::Less, millis(begun.elapsed()));
    }
    let statistics = Xdr::default().unsigned(0).unsigned(0).unsigned(0).0;
    for _ in 0..rounds.max(3) {
        let begun = Instant::now();
        let told = client
            .call(procedure::CONNECT_GET_ALL_DOMAIN_STATS, &statistics)
            .map_err(|e| format!("statistics of all: {e}"))?;
        expect(&told, guests, "statistics")?;
        report.add(side, "statistics of all", "ms", Better::Less, millis(begun.elapsed()));
    }
    for round in 1..=rounds.max(3) {
        let begun = Instant::now();
        let domain = create(&mut client, guests + round, PAUSED)?;
        report.add(side, "one more start", "ms", Better::Less, millis(begun.elapsed()));
        let begun = Instant::now();
        end(&mut client, &domain)?;
        report.add(side, "and its end", "ms", Better::Less, millis(begun.elapsed()));
    }
    let left = Mutex::new(domains);
    let begun = Instant::now();
    side_by_side(sandbox, &|client| {
        loop {
            let Some(domain) = left.lock().map_err(|_| "a client panicked")?.pop() else { return Ok(()) };
            end(client, &domain)?;
        }
    })?;
    report.add(side, "ending all", "s", Better::Less, begun.elapsed().as_secs_f64());
    let after = Usage::of(sandbox.pid())?;
    report.add(side, "descriptors afterwards", "", Better::Less, after.descriptors as f64);
    Ok(())
}

/// Does something with several clients at once.
fn side_by_side(
    sandbox: &Sandbox,
    act: &(dyn Fn(&mut oxivirt_tests::wire::Client) -> Result<(), String> + Sync),
) -> Outcome {
    let clients = (0..CLIENTS).map(|_| connect_to_guests(sandbox)).collect::<Result<Vec<_>, _>>()?;
    std::thread::scope(|scope| {
        let running: Vec<_> = clients.into_iter().map(|mut client| scope.spawn(move || act(&mut client))).collect();
        running.into_iter().try_for_each(|one| one.join().map_err(|_| "a client panicked".to_owned())?)
    })
}

fn expect(answer: &[u8], guests: u32, what: &str) -> Outcome {
    match answer.first_chunk().map_or(0, |word| u32::from_be_bytes(*word)) {
        count if count == guests => Ok(()),
        count => Err(format!("{what} has {count} guests instead of {guests}")),
    }
}
