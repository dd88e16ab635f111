//! `load`: what dishonest clients do to the daemon, in large numbers and on a release build.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use oxivirt_tests::load::{self, Sequence, Usage};
use oxivirt_tests::sandbox::{Program, Sandbox};
use oxivirt_tests::wire::{Client, procedure};
use oxivirt_tests::{assets, process};

use crate::{Outcome, stage};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many tampered frames are sent
    #[arg(long, default_value_t = 10_000_000)]
    frames: u64,
    /// How many connections the storm has
    #[arg(long, default_value_t = 5_000)]
    connections: usize,
    /// Leave the build as it is and use this staged folder
    #[arg(long)]
    staged: Option<PathBuf>,
}

/// No answer to an honest client may take longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// How much more memory the daemon may hold afterwards, in KiB: what allocators keep.
const SLACK_KIB: u64 = 64 * 1024;

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
            "auth_unix_rw = \"none\"\nauth_unix_ro = \"none\"\nmax_clients = {most}\nmax_anonymous_clients = {most}\n"
        ),
    )?;
    sandbox.launch()?;
    frames(arguments, &mut sandbox)?;
    storm(arguments, &mut sandbox)
}

/// Tampered frames, while an honest client measures how long its answers take.
fn frames(arguments: &Arguments, sandbox: &mut Sandbox) -> Outcome {
    let socket = sandbox.socket();
    load::tampered_frames(&socket, 50_000.min(arguments.frames), CONNECTIONS)?;
    let mut honest = open(sandbox)?;
    let before = Usage::of(sandbox.pid())?;
    println!("tampered frames: {} from {CONNECTIONS} connections at a time; before: {before:?}", arguments.frames);
    let begun = Instant::now();
    let mut slowest = Duration::ZERO;
    let part = arguments.frames.div_ceil(20).max(1);
    for number in 1..=20_u32 {
        load::tampered_frames(&socket, part, CONNECTIONS).map_err(|e| sandbox.explain(&e))?;
        slowest = slowest.max(version(&mut honest)?);
        if !sandbox.is_alive() {
            return Err(sandbox.explain("the daemon is gone"));
        }
        if number % 5 == 0 {
            println!("  {} %: {:?}", number * 5, Usage::of(sandbox.pid())?);
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    let after = judge(sandbox, before)?;
    println!("  after {seconds:.0} s: {after:?}; slowest honest answer in between {slowest:?}");
    Ok(())
}

/// Connections that send garbage, stall or vanish, while an honest client measures how long its answers take.
fn storm(arguments: &Arguments, sandbox: &mut Sandbox) -> Outcome {
    let mut honest = open(sandbox)?;
    let before = Usage::of(sandbox.pid())?;
    println!("a storm of {} connections; before: {before:?}", arguments.connections);
    let mut sequence = Sequence::new(1);
    let mut crowd = Vec::with_capacity(arguments.connections);
    let mut slowest = Duration::ZERO;
    for number in 0..arguments.connections {
        let one = load::nuisance(&sandbox.socket(), number, &mut sequence);
        crowd.push(one.map_err(|e| sandbox.explain(&format!("connection {number}: {e}")))?);
        if number % 50 == 0 {
            slowest = slowest.max(version(&mut honest)?);
        }
    }
    let during = Usage::of(sandbox.pid())?;
    slowest = slowest.max(version(&mut open(sandbox)?)?);
    drop(crowd);
    version(&mut honest)?;
    if !sandbox.is_alive() {
        return Err(sandbox.explain("the daemon is gone"));
    }
    let after = judge(sandbox, before)?;
    println!("  at its height: {during:?}\n  after: {after:?}; slowest honest answer {slowest:?}");
    Ok(())
}

/// How many connections send tampered frames at a time.
const CONNECTIONS: usize = 8;

/// Every descriptor is given back and memory is about what it was.
fn judge(sandbox: &Sandbox, before: Usage) -> Result<Usage, String> {
    let after = before.settles(sandbox.pid(), PATIENCE)?;
    match after.rss_kib < before.rss_kib + SLACK_KIB {
        true => Ok(after),
        false => Err(sandbox.explain(&format!("memory grew: {before:?} to {after:?}"))),
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
