//! `demo`: everything from nothing to a running guest, under a private root.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use oxivirt_tests::console::Console;
use oxivirt_tests::sandbox::Sandbox;
use oxivirt_tests::{assets, fixture, process};

use crate::signals::watch_signals;
use crate::{Outcome, guest, packages, stage};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// End by itself, with success only if the guest came up
    #[arg(long)]
    once: bool,
}

pub(crate) fn command(arguments: &Arguments) -> Outcome {
    packages::install(packages::Purpose::Demo)?;
    let guest = guest::make()?;
    println!("building the daemon and its drivers");
    let mut build = stage::cargo();
    build.args(assets::build_arguments());
    process::show(&mut build, "building the daemon and its drivers", Duration::from_secs(3600))?;

    watch_signals()?;
    let mut sandbox = Sandbox::prepare()?.apart_from_terminal();
    let uri = sandbox.uri("qemu", "/system");
    let outcome = boot(&mut sandbox, &uri, &guest).and_then(|()| stay(&sandbox, &uri, arguments.once));
    process::INTERRUPTED.store(false, Ordering::Relaxed);
    let cleaned = clean_up(&mut sandbox, &uri);
    outcome.and(cleaned)
}

const NAME: &str = "demo";

/// How long the guest may take to come up when the processor is emulated.
const BOOT_LIMIT: Duration = Duration::from_secs(120);

/// Starts the daemon, defines and starts the guest, and waits until it is up.
fn boot(sandbox: &mut Sandbox, uri: &str, guest: &assets::Guest) -> Outcome {
    println!("starting the daemon under {}", sandbox.root().display());
    sandbox.launch()?;
    let definition = sandbox.root().join("demo.xml");
    std::fs::write(&definition, fixture::linux_guest(NAME, guest))
        .map_err(|e| format!("{}: {e}", definition.display()))?;
    let definition = definition.display().to_string();
    for step in [vec!["define", &definition], vec!["start", "--paused", NAME]] {
        println!("virsh {}", step.join(" "));
        sandbox.virsh_ok(uri, &step)?;
    }
    let terminal = sandbox.virsh_ok(uri, &["ttyconsole", NAME])?;
    let mut console = Console::open(Path::new(terminal.trim()))?;
    println!("virsh resume {NAME}");
    sandbox.virsh_ok(uri, &["resume", NAME])?;
    let result = console
        .until(assets::GUEST_BANNER, BOOT_LIMIT)
        .and_then(|()| console.until("guest# ", Duration::from_secs(30)))
        .and_then(|()| console.say("uname -srm\n"))
        .and_then(|()| console.until("x86_64", Duration::from_secs(30)));
    println!("--- console of the guest");
    for line in console.lines() {
        println!("  {line}");
    }
    println!("---");
    result.map_err(|message| sandbox.explain(&message))
}

/// Shows what runs and how to reach it, and waits for the user unless `once`.
fn stay(sandbox: &Sandbox, uri: &str, once: bool) -> Outcome {
    println!("virsh list");
    println!("{}", sandbox.virsh_ok(uri, &["list"])?.trim_end());
    if once {
        println!("the guest came up; URI was {uri}");
        return Ok(());
    }
    println!();
    println!("The guest is up. From another terminal:");
    println!("  export LIBVIRT_DEFAULT_URI='{uri}'");
    println!("  virsh list; virsh console {NAME}; virsh shutdown {NAME}");
    println!("Ctrl-C ends the guest and the daemon and removes everything.");
    while !process::INTERRUPTED.load(Ordering::Relaxed) {
        std::thread::sleep(process::POLL);
    }
    println!();
    Ok(())
}

/// Ends guest and daemon in order; the sandbox takes care of what is left.
fn clean_up(sandbox: &mut Sandbox, uri: &str) -> Outcome {
    if !sandbox.is_alive() {
        return Ok(());
    }
    println!("cleaning up");
    // The guest may be gone already, or never have been started.
    let _ = sandbox.virsh(uri, &["destroy", NAME]);
    let _ = sandbox.virsh(uri, &["undefine", NAME]);
    sandbox.stop()
}
