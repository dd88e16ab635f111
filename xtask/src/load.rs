//! `load`: what dishonest clients do to the daemon, in large numbers and on a release build.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use oxivirt_tests::load::{self, Flood, Pulse, Sequence, Usage};
use oxivirt_tests::sandbox::{Program, Sandbox};
use oxivirt_tests::wire::{Client, procedure};
use oxivirt_tests::{assets, process};

use crate::{Outcome, stage};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many tampered frames are sent
    #[arg(long, default_value_t = 10_000_000)]
    frames: u64,
    /// How many calls with tampered arguments are sent
    #[arg(long, default_value_t = 10_000_000)]
    bodies: u64,
    /// How many connections the storm has
    #[arg(long, default_value_t = 5_000)]
    connections: usize,
    /// How long all of it may take
    #[arg(long, default_value_t = 240)]
    minutes: u64,
    /// Leave the build as it is and use this staged folder
    #[arg(long)]
    staged: Option<PathBuf>,
}

/// No answer to an honest client may take longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long an honest client measures while nothing else goes on.
const QUIET: Duration = Duration::from_secs(5);

/// How much more memory the daemon may hold afterwards, in KiB: what allocators keep.
const SLACK_KIB: u64 = 64 * 1024;

/// How many connections send tampered frames at a time.
const CONNECTIONS: usize = 8;

/// In how many parts frames are sent, with a look at the daemon after each.
const PARTS: u64 = 100;

pub(crate) fn command(arguments: &Arguments) -> Outcome {
    let staged = match &arguments.staged {
        Some(folder) => folder.clone(),
        None => {
            let folder = assets::target_folder()?.join("bench");
            stage::lay_out(&folder, &["test".to_owned()])?;
            folder
        }
    };
    let descriptors = u64::try_from(arguments.connections).unwrap_or(u64::MAX).saturating_add(500);
    load::allow_descriptors(descriptors)?;
    let program = Program::Oxivirt { daemon: staged.join("bin/oxivirtd"), plugins: staged.join("lib/oxivirt/plugins") };
    let mut sandbox = Sandbox::with(program)?;
    let most = arguments.connections + 100;
    sandbox.configure(
        "libvirtd.conf",
        &format!(
            "auth_unix_rw = \"none\"\nauth_unix_ro = \"none\"\nmax_clients = {most}\nmax_anonymous_clients = {most}\n\
             log_outputs = \"4:stderr\"\n"
        ),
    )?;
    sandbox.launch()?;
    let end = Instant::now() + Duration::from_secs(60 * arguments.minutes);
    // What one client can make the daemon set up is set up before anything is compared.
    load::tampered_frames(&sandbox.socket(), 100_000.min(arguments.frames), CONNECTIONS)?;
    load::tampered_bodies(&sandbox.socket(), 100_000.min(arguments.bodies), CONNECTIONS)?;
    flood(&mut sandbox, "tampered frames", arguments.frames, end, &load::tampered_frames)?;
    flood(&mut sandbox, "calls with tampered arguments", arguments.bodies, end, &load::tampered_bodies)?;
    storm(&mut sandbox, arguments.connections, end)
}

/// Sends so many of something to a socket from several connections.
type Send = dyn Fn(&Path, u64, usize) -> Result<Flood, String>;

/// Sends in parts, while an honest client measures how long its answers take.
fn flood(sandbox: &mut Sandbox, what: &str, count: u64, end: Instant, send: &Send) -> Outcome {
    let socket = sandbox.socket();
    let quiet = Pulse::measure(&socket, QUIET)?;
    let before = Usage::of(sandbox.pid())?;
    println!("{count} {what} from {CONNECTIONS} connections at a time\n  before: {before}; {quiet}");
    let begun = Instant::now();
    let pulse = Pulse::begin(&socket)?;
    let (mut sent, mut total) = (0, Flood::default());
    let mut highest = before;
    while sent < count {
        let part = count.div_ceil(PARTS).min(count - sent);
        let came = send(&socket, part, CONNECTIONS).map_err(|e| sandbox.explain(&e))?;
        total.connections += came.connections;
        total.answered += came.answered;
        sent += part;
        if !sandbox.is_alive() {
            return Err(sandbox.explain(&format!("the daemon is gone after {sent} {what}")));
        }
        in_time(sandbox, end, &format!("{sent} of {count} {what}"))?;
        let now = Usage::of(sandbox.pid())?;
        if now.rss_kib > highest.rss_kib {
            highest = now;
        }
        if sent / count.div_ceil(10) != (sent - part) / count.div_ceil(10) {
            println!("  {} %, {:.0} s: {now}", sent * 100 / count, begun.elapsed().as_secs_f64());
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    let during = pulse.end().map_err(|e| sandbox.explain(&e))?;
    let Flood { connections, answered } = total;
    println!("  during: at most {highest}; {during}\n  {seconds:.0} s, {connections} connections, {answered} answered");
    let after = judge(sandbox, before)?;
    println!("  after: {after}; {}", Pulse::measure(&socket, QUIET)?);
    Ok(())
}

/// Connections that send garbage, stall or vanish, while an honest client measures how long its answers take.
fn storm(sandbox: &mut Sandbox, connections: usize, end: Instant) -> Outcome {
    let socket = sandbox.socket();
    let quiet = Pulse::measure(&socket, QUIET)?;
    let before = Usage::of(sandbox.pid())?;
    println!("a storm of {connections} connections\n  before: {before}; {quiet}");
    let pulse = Pulse::begin(&socket)?;
    let begun = Instant::now();
    let mut sequence = Sequence::new(1);
    let mut crowd = Vec::with_capacity(connections);
    for number in 0..connections {
        let one = load::nuisance(&socket, number, &mut sequence);
        crowd.push(one.map_err(|e| sandbox.explain(&format!("connection {number}: {e}")))?);
        if number % 100 == 0 {
            in_time(sandbox, end, &format!("{number} of {connections} connections"))?;
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    let height = Usage::of(sandbox.pid())?;
    // The crowd is still there: whoever comes now is served as well.
    let newcomer = Pulse::measure(&socket, QUIET).map_err(|e| sandbox.explain(&e))?;
    let during = pulse.end().map_err(|e| sandbox.explain(&e))?;
    println!("  during: {height}; {during}; connected within {seconds:.1} s\n  a newcomer at its height: {newcomer}");
    drop(crowd);
    if !sandbox.is_alive() {
        return Err(sandbox.explain("the daemon is gone"));
    }
    version(&mut open(sandbox)?)?;
    let after = judge(sandbox, before)?;
    println!("  after: {after}; {}", Pulse::measure(&socket, QUIET)?);
    Ok(())
}

/// An error once all of it has taken too long.
fn in_time(sandbox: &Sandbox, end: Instant, reached: &str) -> Outcome {
    match Instant::now() < end {
        true => Ok(()),
        false => Err(sandbox.explain(&format!("the time is over after {reached}: give more --minutes"))),
    }
}

/// Every descriptor is given back and memory is about what it was.
fn judge(sandbox: &Sandbox, before: Usage) -> Result<Usage, String> {
    let after = before.settles(sandbox.pid(), PATIENCE)?;
    match after.rss_kib < before.rss_kib + SLACK_KIB {
        true => Ok(after),
        false => Err(sandbox.explain(&format!("memory grew: {before} to {after}"))),
    }
}

fn open(sandbox: &Sandbox) -> Result<Client, String> {
    let mut last = String::new();
    process::wait_for("an honest client to be let in", PATIENCE, || {
        Client::open(&sandbox.socket(), "test:///default", PATIENCE).map_err(|e| last = e.to_string()).ok()
    })
    .map_err(|e| sandbox.explain(&format!("{e}: {last}")))
}

fn version(client: &mut Client) -> Result<Duration, String> {
    let begun = Instant::now();
    client.call(procedure::CONNECT_GET_LIB_VERSION, &[]).map_err(|e| format!("an honest client: {e}"))?;
    Ok(begun.elapsed())
}
