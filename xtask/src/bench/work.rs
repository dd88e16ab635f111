//! Workloads that change something: connections, starts, events, statistics.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use oxivirt_tests::sandbox::Sandbox;
use oxivirt_tests::wire::{Client, Xdr, procedure};

use super::Outcome;
use super::load::Server;
use super::report::{Better, Report};
use super::workloads::{Plan, define, millis};

/// How many clients wait for events at once.
const SUBSCRIBERS: [usize; 3] = [1, 16, 64];

/// How many domains run while statistics are asked for.
const RUNNING: u32 = 1_000;

/// Ticks of processor time in a second, as Linux counts them for programs.
const TICKS: f64 = 100.0;

/// Processor seconds that a daemon has used.
pub(super) fn processor_time(sandbox: &Sandbox) -> Result<f64, String> {
    let file = format!("/proc/{}/stat", sandbox.pid());
    let stat = std::fs::read_to_string(&file).map_err(|e| format!("{file}: {e}"))?;
    // The name in parentheses may hold blanks.
    let fields = stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace());
    let times: Vec<f64> = fields.into_iter().flatten().skip(11).take(2).filter_map(|n| n.parse().ok()).collect();
    match times[..] {
        [user, system] => Ok((user + system) / TICKS),
        _ => Err(format!("{file} has no times")),
    }
}

/// Connecting, opening, closing.
pub(super) fn connections(plan: &Plan, servers: &[Server; 2], report: &mut Report) -> Outcome {
    for _ in 0..plan.rounds {
        for (side, server) in servers.iter().enumerate() {
            let (begun, mut done) = (Instant::now(), 0);
            while begun.elapsed() < plan.span {
                let mut client = server.connect()?;
                client.call(procedure::CONNECT_CLOSE, &[]).map_err(|e| format!("closing: {e}"))?;
                done += 1;
            }
            let rate = f64::from(done) / begun.elapsed().as_secs_f64();
            report.add(side, "connect and close", "conns/s", Better::More, rate);
        }
    }
    Ok(())
}

/// Starting a thousand domains, then asking for the statistics of all.
pub(super) fn statistics(plan: &Plan, servers: &[Server; 2], report: &mut Report) -> Outcome {
    for (side, server) in servers.iter().enumerate() {
        let mut client = server.connect()?;
        let domains: Vec<_> =
            (1..RUNNING).map(|number| server.domain(&format!("bench-{number}"))).collect::<Result<_, _>>()?;
        let begun = Instant::now();
        for domain in &domains {
            client.call(procedure::DOMAIN_CREATE, domain).map_err(|e| format!("starting a domain: {e}"))?;
        }
        let rate = domains.len() as f64 / begun.elapsed().as_secs_f64();
        report.add(side, "starting domains", "calls/s", Better::More, rate);
    }
    // Of all that run, everything there is.
    const ACTIVE: u32 = 1;
    let payload = Xdr::default().unsigned(0).unsigned(0).unsigned(ACTIVE).0;
    for _ in 0..plan.rounds.max(3) * 3 {
        for (side, server) in servers.iter().enumerate() {
            let mut client = server.connect()?;
            let begun = Instant::now();
            let answer = client
                .call(procedure::CONNECT_GET_ALL_DOMAIN_STATS, &payload)
                .map_err(|e| format!("asking for statistics: {e}"))?;
            let elapsed = begun.elapsed();
            let count = answer.first_chunk().map_or(0, |word| u32::from_be_bytes(*word));
            if count < RUNNING - 1 {
                return Err(format!("there are statistics of {count} domains instead of {RUNNING}"));
            }
            report.add(side, "statistics of 1000 domains", "ms", Better::Less, millis(elapsed));
        }
    }
    for server in servers {
        let mut client = server.connect()?;
        for number in 1..RUNNING {
            let domain = server.domain(&format!("bench-{number}"))?;
            client.call(procedure::DOMAIN_DESTROY, &domain).map_err(|e| format!("stopping a domain: {e}"))?;
        }
    }
    Ok(())
}

/// One client starts and stops a domain; others hear of it.
pub(super) fn events(plan: &Plan, servers: &[Server; 2], report: &mut Report) -> Outcome {
    for server in servers {
        define(server, 1, 2)?;
    }
    for subscribers in SUBSCRIBERS {
        for _ in 0..plan.rounds {
            for (side, server) in servers.iter().enumerate() {
                let name = format!("events, {subscribers} subscriber{}", if subscribers == 1 { "" } else { "s" });
                report.add(side, &name, "events/s", Better::More, deliver(plan, server, subscribers)?);
            }
        }
    }
    Ok(())
}

/// Events that arrived per second, at all subscribers together.
fn deliver(plan: &Plan, server: &Server, subscribers: usize) -> Result<f64, String> {
    const LIFECYCLE: u32 = 0;
    let subscribe = || -> Result<Client, String> {
        let mut client = server.connect()?;
        // No domain in particular.
        let wish = Xdr::default().unsigned(LIFECYCLE).unsigned(0).0;
        client
            .call(procedure::CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY, &wish)
            .map_err(|e| format!("registering for events: {e}"))?;
        Ok(client)
    };
    let listeners = (0..subscribers).map(|_| subscribe()).collect::<Result<Vec<_>, _>>()?;
    let domain = server.domain("bench-1")?;
    let mut actor = server.connect()?;
    // The first turn goes unmeasured: threads start.
    let mut turn = || -> Outcome {
        actor.call(procedure::DOMAIN_CREATE, &domain).map_err(|e| format!("starting a domain: {e}"))?;
        actor.call(procedure::DOMAIN_DESTROY, &domain).map_err(|e| format!("stopping a domain: {e}"))?;
        Ok(())
    };
    turn()?;
    let begun = Instant::now();
    let mut turns = 0_usize;
    // How many events there are in the end.
    let wanted = AtomicUsize::new(usize::MAX);
    thread::scope(|scope| {
        let listening: Vec<_> = listeners
            .into_iter()
            .map(|mut client| {
                let wanted = &wanted;
                scope.spawn(move || -> Result<(), String> {
                    let mut heard = 0_usize;
                    // Both events of the first turn and of those that are counted.
                    while heard < wanted.load(Ordering::Acquire) {
                        client.next_event().map_err(|e| format!("an event did not arrive: {e}"))?;
                        heard += 1;
                    }
                    Ok(())
                })
            })
            .collect();
        while begun.elapsed() < plan.span {
            turn()?;
            turns += 1;
        }
        // One more, so that whoever has heard all so far looks again.
        wanted.store(2 * (turns + 2), Ordering::Release);
        turn()?;
        listening.into_iter().try_for_each(|listener| listener.join().map_err(|_| "a listener panicked".to_owned())?)
    })?;
    Ok((2 * turns * subscribers) as f64 / begun.elapsed().as_secs_f64())
}
