//! oxivirtd, the daemon.
//!
//! This file is the list of what happens at the start; every step is a module.
//! Nothing here knows a driver. It is a library for the fuzz targets only, which
//! reach what reads bytes from outside through [`fuzz`].

mod access;
mod activation;
mod admin;
mod background;
mod check;
mod client;
mod daemon;
#[doc(hidden)]
pub mod fuzz;
mod globs;
mod hooks;
mod hosting;
mod life;
mod logging;
mod loops;
mod network;
mod options;
mod pace;
mod plugins;
mod polkit;
mod sasl;
mod server;
mod settings;
mod sockets;
mod subscriptions;
mod tls;
mod workers;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use oxivirt_core::host::Host;
use oxivirt_util::paths::Root;

use access::Access;
use daemon::Daemon;
use hosting::Hoster;
use logging::{Output, Place};
use loops::Loops;
use options::Options;
use server::{Admission, Door, Server};
use settings::Settings;
use sockets::Listeners;

/// The program.
pub fn main() -> ExitCode {
    let options = Options::parse();
    if options.daemon && !background::is_child() {
        return background::start();
    }
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // The log may go elsewhere; whoever started the program looks here.
            eprintln!("oxivirtd: {message}");
            tracing::error!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    if let Some(plugin) = &options.host_plugin {
        return hosting::inside::run(options, plugin);
    }
    if options.plugins {
        print!("{}", plugins::report(options)?);
        return Ok(());
    }
    let root = root(options)?;
    if options.check {
        return check::check(options, &root);
    }
    let settings = read_settings(options, &root).map_err(lines)?;
    let users = sasl::users_file(&root, &settings.sasl);
    match options {
        Options { sasl_add: Some(name), .. } => return sasl::command::add(&users, name),
        Options { sasl_remove: Some(name), .. } => return sasl::command::remove(&users, name),
        Options { sasl_list: true, .. } => return sasl::command::list(&users),
        _ => {}
    }
    if options.daemon {
        background::detach();
    }
    let fallback = fallback_output(options, &root);
    start_log(options, &settings, &fallback)?;

    let pid_file = sockets::claim(&pid_path(options, &root))?;
    let runtime = life::runtime()?;
    // Whoever can connect may well tell us to end.
    let mut signals = life::Signals::catch(&runtime)?;
    // Nobody can connect before it is known who may do what.
    let access = Access::open(&settings.access, root.config(), runtime.handle()).map_err(lines)?;
    let listeners = Listeners::open(&root, &settings, options.listen)?;
    let admission = sockets::admission(&root, &settings, listeners.has(Door::Tls)).map_err(lines)?;
    if listeners.has(Door::Tcp) && settings.network.tcp_auth == settings::Auth::Sasl {
        tracing::warn!("auth_tcp = \"sasl\" lets nobody in over plain TCP: no mechanism here encrypts");
    }
    let main = Server::new("libvirtd", settings.main, admission);
    let admin = Server::new("admin", settings.admin, Admission::default());
    let host_uuid = settings.identity.uuid()?;
    let daemon = Daemon::new(runtime.handle().clone(), Loops::start()?, root, main, admin, settings.hooks.clone());
    let _ = daemon.host_uuid.set(host_uuid);
    daemon.set_access(access);
    let hoster = Hoster::new(daemon, &settings, options);
    let fallback = daemon.default_output.get_or_init(|| fallback);
    let folder = plugins::folder(options);
    let drivers = signals.unless_told_to_end(move || {
        daemon.hooks.event(["daemon", "-", "start", "before", "-"]).map_err(|error| error.to_string())?;
        plugins::start(&folder, Host::new(daemon), &hoster)
    });
    match runtime.block_on(drivers) {
        Some(drivers) => daemon.serve(drivers??),
        None => {
            runtime.shutdown_background();
            return Ok(());
        }
    }

    let again = options.clone();
    let reload = move || {
        let new = read_settings(&again, &daemon.root).map_err(lines)?;
        let access = Access::open(&new.access, daemon.root.config(), &daemon.runtime).map_err(lines)?;
        start_log(&again, &new, fallback)?;
        daemon.set_access(access);
        daemon.hosting.change(&new);
        daemon.hooks.change(new.hooks);
        Ok(())
    };
    let ended = runtime.block_on(async {
        let ended = life::live(daemon, &listeners, options, &mut signals, reload).await;
        // Events and answers still leave meanwhile.
        let stopped = tokio::task::spawn_blocking(|| life::stop(daemon)).await;
        ended.and(stopped.map_err(|error| format!("stopping: {error}")))
    });
    drop(listeners);
    drop(pid_file);
    // Threads that hang in a driver must not keep the program.
    runtime.shutdown_background();
    ended
}

fn root(options: &Options) -> Result<Root, String> {
    let root = match &options.root {
        Some(folder) => std::path::absolute(folder).and_then(Root::at),
        None if rustix::process::geteuid().is_root() => Ok(Root::system()),
        None => Root::session(),
    };
    root.map_err(|error| error.to_string())
}

/// Several complaints as one text.
fn lines(all: Vec<String>) -> String {
    all.join("\noxivirtd: ")
}

fn read_settings(options: &Options, root: &Root) -> Result<Settings, Vec<String>> {
    match &options.config {
        Some(file) => Settings::read(file, true),
        None => Settings::read(&root.config().join("libvirtd.conf"), false),
    }
}

/// Where the log goes when the configuration does not say.
fn fallback_output(options: &Options, root: &Root) -> Place {
    match options.daemon {
        false => Place::Stderr,
        true if root.is_session() => Place::File(root.log().join("libvirtd.log")),
        true if Output::journald_is_there() => Place::Journald,
        true => Place::Syslog("oxivirtd".to_owned()),
    }
}

/// Sets up the log, for the first time or again.
fn start_log(options: &Options, settings: &Settings, fallback: &Place) -> Result<(), String> {
    logging::apply(settings.log.open(options.verbose, fallback)?);
    logging::start();
    for key in &settings.idle_keys {
        tracing::debug!(key, "this setting is understood and has no effect yet");
    }
    Ok(())
}

fn pid_path(options: &Options, root: &Root) -> PathBuf {
    match &options.pid_file {
        Some(file) => file.clone(),
        None if root.is_session() => root.run().join("libvirtd.pid"),
        None => root.resolve("/run/libvirtd.pid"),
    }
}
