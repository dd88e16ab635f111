//! Starting and ending one guest, beside the same QEMU without any daemon.

use std::time::{Duration, Instant};

use oxivirt_tests::fixture::DOMAIN_TYPE;
use oxivirt_tests::sandbox::Sandbox;
use oxivirt_tests::wire::{Client, Xdr, procedure};

use super::bare::Bare;
use super::load::connect_to_guests;
use super::report::median;
use super::workloads::millis;
use super::{Contestant, Outcome};

/// How long a guest runs before it is ended.
const SETTLE: Duration = Duration::from_millis(300);

/// What was measured of one way of running a guest, in milliseconds.
#[derive(Default)]
struct Samples {
    start: Vec<f64>,
    end: Vec<f64>,
}

/// Takes turns: bare, ours, the other.
pub(super) fn run(rounds: u32, contestants: &[Contestant; 2]) -> Outcome {
    let sandboxes = [contestants[0].start()?, contestants[1].start()?];
    let mut clients = [connect_to_guests(&sandboxes[0])?, connect_to_guests(&sandboxes[1])?];
    // What is learned at the first start is not measured; ours tells the command line.
    let bare = {
        let domain = start(&mut clients[0], &sandboxes[0], 0)?;
        let bare = Bare::of_process(sandboxes[0].guest_pid(&name(0))?)?;
        end(&mut clients[0], &domain)?;
        let domain = start(&mut clients[1], &sandboxes[1], 0)?;
        end(&mut clients[1], &domain)?;
        bare.run(sandboxes[0].root(), SETTLE)?;
        bare
    };
    let (mut answers, mut floor) = (Vec::new(), Samples::default());
    let mut sides = [Samples::default(), Samples::default()];
    for round in 1..=rounds {
        let times = bare.run(sandboxes[0].root(), SETTLE)?;
        answers.push(millis(times.answers));
        floor.start.push(millis(times.runs));
        floor.end.push(millis(times.ends));
        for (side, samples) in sides.iter_mut().enumerate() {
            let (client, sandbox) = (&mut clients[side], &sandboxes[side]);
            let begun = Instant::now();
            let domain = start(client, sandbox, round)?;
            samples.start.push(millis(begun.elapsed()));
            std::thread::sleep(SETTLE);
            let begun = Instant::now();
            end(client, &domain)?;
            samples.end.push(millis(begun.elapsed()));
        }
    }
    println!("{rounds} rounds, milliseconds: median (least); the guest has 16 MiB, no disk, emulated processors");
    println!("{:<34} {:>16} {:>16} {:>10} {:>10}", "", "start", "end", "start / *", "end / *");
    println!("{:<34} {:>16}", "bare QEMU until it answers", told(&answers));
    println!("{:<34} {:>16} {:>16}", "* bare QEMU until it runs; SIGTERM", told(&floor.start), told(&floor.end));
    for (contestant, samples) in contestants.iter().zip(&sides) {
        let ratio = |ours: &[f64], floor: &[f64]| median(ours) / median(floor);
        println!(
            "{:<34} {:>16} {:>16} {:>9.2}x {:>9.2}x",
            contestant.name,
            told(&samples.start),
            told(&samples.end),
            ratio(&samples.start, &floor.start),
            ratio(&samples.end, &floor.end)
        );
    }
    Ok(())
}

fn told(samples: &[f64]) -> String {
    let least = samples.iter().copied().fold(f64::INFINITY, f64::min);
    format!("{:.1} ({least:.1})", median(samples))
}

pub(super) fn name(number: u32) -> String {
    format!("bench-{number}")
}

/// A guest as small as they get.
pub(super) fn tiny(number: u32) -> String {
    format!(
        "<domain type='{DOMAIN_TYPE}'><name>{}</name><memory unit='MiB'>16</memory><vcpu>1</vcpu>\
         <os><type arch='x86_64' machine='pc'>hvm</type></os>\
         <devices><controller type='usb' model='none'/><memballoon model='none'/></devices></domain>",
        name(number)
    )
}

/// Starts a guest; gives what names it in calls.
fn start(client: &mut Client, sandbox: &Sandbox, number: u32) -> Result<Vec<u8>, String> {
    create(client, number, 0).map_err(|e| sandbox.explain(&e))
}

/// Starts a guest with flags of the public API.
pub(super) fn create(client: &mut Client, number: u32, flags: u32) -> Result<Vec<u8>, String> {
    let payload = Xdr::default().string(&tiny(number)).unsigned(flags).0;
    client.call(procedure::DOMAIN_CREATE_XML, &payload).map_err(|e| format!("starting guest {number}: {e}"))
}

pub(super) fn end(client: &mut Client, domain: &[u8]) -> Outcome {
    client.call(procedure::DOMAIN_DESTROY, domain).map(drop).map_err(|e| format!("ending a guest: {e}"))
}
