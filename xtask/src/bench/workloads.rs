//! What is measured, in the order of the table.

use std::time::{Duration, Instant};

use oxivirt_tests::fixture;
use oxivirt_tests::sandbox::Sandbox;
use oxivirt_tests::wire::{Client, Xdr, procedure};

use super::load::{self, Server};
use super::report::{Better, Report};
use super::{Contestant, Outcome, work};

/// How much is measured.
pub(super) struct Plan {
    pub(super) rounds: u32,
    pub(super) span: Duration,
    pub(super) domains: u32,
}

/// How many clients call at once.
const CLIENTS: [usize; 5] = [1, 2, 8, 32, 128];

pub(super) fn run(plan: &Plan, contestants: &[Contestant; 2], report: &mut Report) -> Outcome {
    start_up(plan, contestants, report)?;
    let sandboxes = [contestants[0].start()?, contestants[1].start()?];
    let servers = [Server::new(&sandboxes[0])?, Server::new(&sandboxes[1])?];
    memory(&sandboxes, "resident memory, idle", report)?;
    work::connections(plan, &servers, report)?;
    calls(plan, &servers, &sandboxes, report)?;
    work::events(plan, &servers, report)?;
    documents(plan, &servers, report)?;
    domains(plan, &servers, report)?;
    memory(&sandboxes, &format!("resident memory, {} domains", plan.domains), report)?;
    work::statistics(plan, &servers, report)
}

/// From starting the program to its first answer.
fn start_up(plan: &Plan, contestants: &[Contestant; 2], report: &mut Report) -> Outcome {
    for _ in 0..plan.rounds {
        for (side, contestant) in contestants.iter().enumerate() {
            let mut sandbox = Sandbox::with(contestant.program.clone())?;
            let begun = Instant::now();
            sandbox.launch()?;
            Server::new(&sandbox)?;
            report.add(side, "start-up to first answer", "ms", Better::Less, millis(begun.elapsed()));
            sandbox.stop()?;
        }
    }
    Ok(())
}

/// Round trips of a call that looks one domain up in memory.
fn calls(plan: &Plan, servers: &[Server; 2], sandboxes: &[Sandbox; 2], report: &mut Report) -> Outcome {
    for clients in CLIENTS {
        for _ in 0..plan.rounds {
            for (side, server) in servers.iter().enumerate() {
                let payload = server.domain("test")?;
                let before = work::processor_time(&sandboxes[side])?;
                let measured = load::hammer(server, clients, plan.span, procedure::DOMAIN_GET_INFO, &payload)?;
                let spent = work::processor_time(&sandboxes[side])? - before;
                let name = format!("information, {clients} client{}", if clients == 1 { "" } else { "s" });
                report.add(side, &name, "calls/s", Better::More, measured.rate);
                let each = spent * 1e6 / measured.calls as f64;
                report.add(side, &format!("{name}, daemon's time"), "us", Better::Less, each);
                report.add(side, &format!("{name}, median"), "us", Better::Less, measured.median_us);
                report.add(side, &format!("{name}, 99 %"), "us", Better::Less, measured.slow_us);
            }
        }
    }
    for _ in 0..plan.rounds {
        for (side, server) in servers.iter().enumerate() {
            let payload = Xdr(server.domain("test")?).unsigned(0).0;
            let measured = load::hammer(server, 1, plan.span, procedure::DOMAIN_GET_XML_DESC, &payload)?;
            report.add(side, "XML of a domain, 1 client", "calls/s", Better::More, measured.rate);
        }
    }
    Ok(())
}

/// Defining one domain again and again, and reading it back: mostly the work on its document.
fn documents(plan: &Plan, servers: &[Server; 2], report: &mut Report) -> Outcome {
    for lines in [100, 1_000] {
        let xml = fixture::guest_of_lines("test", "document", u32::MAX, lines);
        let define = Xdr::default().string(&xml).unsigned(0).0;
        for _ in 0..plan.rounds {
            for (side, server) in servers.iter().enumerate() {
                let measured = load::hammer(server, 1, plan.span, procedure::DOMAIN_DEFINE_XML_FLAGS, &define)?;
                report.add(side, &format!("defining {lines} lines"), "calls/s", Better::More, measured.rate);
                let read = Xdr(server.domain("document")?).unsigned(0).0;
                let measured = load::hammer(server, 1, plan.span, procedure::DOMAIN_GET_XML_DESC, &read)?;
                report.add(side, &format!("XML of {lines} lines"), "calls/s", Better::More, measured.rate);
            }
        }
    }
    for server in servers {
        let name = server.domain("document")?;
        server.connect()?.call(procedure::DOMAIN_UNDEFINE, &name).map_err(|e| format!("undefining: {e}"))?;
    }
    Ok(())
}

/// Defining ever more domains, and listing them on the way.
fn domains(plan: &Plan, servers: &[Server; 2], report: &mut Report) -> Outcome {
    // Each server has one domain from the start, and one was defined for the events.
    let mut defined = [2, 2];
    for count in [10, 1_000, plan.domains] {
        for (side, server) in servers.iter().enumerate() {
            let begun = Instant::now();
            let more = count - defined[side];
            define(server, defined[side], count)?;
            let rate = f64::from(more) / begun.elapsed().as_secs_f64();
            if count > 10 && more > 0 {
                report.add(side, &format!("defining up to {count} domains"), "calls/s", Better::More, rate);
            }
            defined[side] = count;
        }
        for _ in 0..plan.rounds.max(3) {
            for (side, server) in servers.iter().enumerate() {
                let elapsed = list(server, count)?;
                report.add(side, &format!("listing {count} domains"), "ms", Better::Less, millis(elapsed));
            }
        }
    }
    for _ in 0..plan.rounds {
        for (side, server) in servers.iter().enumerate() {
            let domain = server.domain("bench-1")?;
            // The uuid stands behind the name, in front of the id.
            let uuid = domain.len().checked_sub(20).and_then(|at| domain.get(at..at + 16)).unwrap_or_default();
            let measured = load::hammer(server, 1, plan.span, procedure::DOMAIN_LOOKUP_BY_UUID, uuid)?;
            let name = format!("lookup by uuid among {}", plan.domains);
            report.add(side, &name, "calls/s", Better::More, measured.rate);
            let payload = Xdr::default().string("bench-1").0;
            let measured = load::hammer(server, 1, plan.span, procedure::DOMAIN_LOOKUP_BY_NAME, &payload)?;
            let name = format!("lookup by name among {}", plan.domains);
            report.add(side, &name, "calls/s", Better::More, measured.rate);
        }
    }
    Ok(())
}

pub(super) fn define(server: &Server, from: u32, to: u32) -> Outcome {
    let mut client = server.connect()?;
    for number in from..to {
        let xml = fixture::server_guest("test", &format!("bench-{number}"), number);
        let payload = Xdr::default().string(&xml).unsigned(0).0;
        client
            .call(procedure::DOMAIN_DEFINE_XML_FLAGS, &payload)
            .map_err(|e| format!("defining domain {number}: {e}"))?;
    }
    Ok(())
}

/// Lists every domain once, and makes sure that every one came.
fn list(server: &Server, expected: u32) -> Result<Duration, String> {
    let mut client: Client = server.connect()?;
    let payload = Xdr::default().unsigned(1).unsigned(0).0;
    let begun = Instant::now();
    let answer = client
        .call(procedure::CONNECT_LIST_ALL_DOMAINS, &payload)
        .map_err(|e| format!("listing {expected} domains: {e}"))?;
    let elapsed = begun.elapsed();
    let count = answer.first_chunk().map_or(0, |word| u32::from_be_bytes(*word));
    match count == expected {
        true => Ok(elapsed),
        false => Err(format!("a listing has {count} domains instead of {expected}")),
    }
}

fn memory(sandboxes: &[Sandbox; 2], name: &str, report: &mut Report) -> Outcome {
    for (side, sandbox) in sandboxes.iter().enumerate() {
        let file = format!("/proc/{}/status", sandbox.pid());
        let status = std::fs::read_to_string(&file).map_err(|e| format!("{file}: {e}"))?;
        let kib: f64 = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
            .ok_or_else(|| format!("{file} has no VmRSS"))?;
        report.add(side, name, "MiB", Better::Less, kib / 1024.0);
    }
    Ok(())
}

pub(super) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
