//! The program of a hosting process.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use oxivirt_core::host::Host;
use oxivirt_core::plugin::loader;
use oxivirt_core::plugin::registry::{DriverState, Registry, Starting};
use oxivirt_util::process::Signal;
use rustix::net::AddressFamily;
use rustix::net::sockopt::{socket_domain, socket_peercred};

use super::line::{Line, LineReader};
use super::message::{Message, Orders, Start};
use super::services::Services;
use super::{serve, unlimited};
use crate::client::Proxy;
use crate::daemon::Daemon;
use crate::hooks::Wishes;
use crate::life::{self, Signals};
use crate::logging::{self, Output, Plan};
use crate::loops::Loops;
use crate::options::Options;
use crate::server::{Admission, Server};
use crate::settings::Limits;

/// How long a driver may take to start: the daemon has a limit of its own,
/// and ends the whole process.
const START_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

/// Runs one plugin until the daemon says to end, or ends.
///
/// Errors: it was not started by a daemon.
pub(crate) fn run(options: &Options, plugin: &Path) -> Result<(), String> {
    let socket = front()?;
    let line = Line::new(socket, None).and_then(|line| Ok((line.reader()?, Arc::new(line))));
    let (mut reader, line) = line.map_err(|error| format!("cannot speak with the daemon: {error}"))?;
    let orders = match reader.next() {
        Ok(Some((Message::Orders(orders), None))) => orders,
        other => return Err(format!("the daemon says something else than what to do: {other:?}")),
    };
    let log = line.clone();
    let output = Output::to(move |record| drop(log.send(&Message::Log(record), None)));
    logging::apply(Plan { outputs: vec![output], ..Plan::default() });
    logging::start();
    name_process(plugin);

    let root = crate::root(options)?;
    let runtime = life::runtime()?;
    let mut signals = Signals::catch(&runtime)?;
    let limits = limits(&orders);
    let main = Server::new("libvirtd", limits, Admission::default());
    let admin = Server::new("admin", limits, Admission::default());
    let daemon = Daemon::new(runtime.handle().clone(), Loops::start()?, root, main, admin, wishes(orders));
    let _ = daemon.hosting.front.set(line.clone());
    runtime.spawn(daemon.main.look_after());
    let (speaker, file) = (line.clone(), plugin.to_owned());
    let listening = std::thread::Builder::new().name("line".to_owned()).spawn(move || listen(daemon, reader, &speaker));
    listening.map_err(|error| format!("no thread to listen to the daemon: {error}"))?;
    let starting = runtime.block_on(signals.unless_told_to_end(move || start(daemon, &line, &file)));
    if let Some(started) = starting {
        started?;
        runtime.block_on(async {
            tokio::select! {
                () = signals.told_to_end() => tracing::info!("told to end by a signal"),
                () = daemon.ending.notified() => {}
            }
        });
        life::end(daemon);
    }
    runtime.shutdown_background();
    Ok(())
}

/// The socket to the daemon, which takes the place of the standard input.
///
/// From here on this process ends with the daemon.
fn front() -> Result<UnixStream, String> {
    const WHAT: &str = "--host-plugin is for the daemon's own use";
    let input = std::io::stdin();
    if !matches!(socket_domain(&input), Ok(AddressFamily::UNIX)) {
        return Err(WHAT.to_owned());
    }
    let failed = |error: std::io::Error| format!("{WHAT}: {error}");
    let socket = UnixStream::from(input.as_fd().try_clone_to_owned().map_err(failed)?);
    let peer = socket_peercred(&socket).map_err(|errno| failed(errno.into()))?;
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).map_err(|errno| failed(errno.into()))?;
    // It may have ended before it could be noticed that way.
    if rustix::process::getppid() != Some(peer.pid) {
        return Err(format!("{WHAT}, and that has ended"));
    }
    let nothing = std::fs::File::open("/dev/null").map_err(failed)?;
    rustix::stdio::dup2_stdin(&nothing).map_err(|errno| failed(errno.into()))?;
    Ok(socket)
}

/// For whoever looks at the list of processes.
fn name_process(plugin: &Path) {
    let file = plugin.file_stem().unwrap_or_default().to_string_lossy();
    let name = format!("oxivirtd:{}", file.trim_start_matches("liboxivirt_driver_"));
    if let Ok(name) = std::ffi::CString::new(name) {
        let _ = rustix::thread::set_name(&name);
    }
}

/// Loads the plugin, starts its drivers and says what came of it.
fn start(daemon: &'static Daemon, line: &Arc<Line>, file: &Path) {
    let plugin = match loader::load(file) {
        Ok(plugin) => plugin,
        Err(error) => return drop(line.send(&Message::Refused(error), None)),
    };
    let services: &'static Services = Box::leak(Box::new(Services { daemon, line: line.clone() }));
    let starting = Starting { limit: START_LIMIT, hosting: None };
    let registry = Registry::start_with(vec![plugin.clone()], Host::new(services), &starting);
    let starts = plugin.module.drivers().into_iter().map(|driver| {
        let entry = registry.drivers().iter().find(|entry| entry.module.name() == driver.name());
        match entry.map(|entry| &entry.state) {
            Some(DriverState::Ready(_) | DriverState::Hosted(_)) => Start::Ready,
            Some(DriverState::Declined(reason)) => Start::Declined(reason.clone()),
            Some(DriverState::Failed(error)) => Start::Failed(error.clone()),
            None => Start::Declined("it was not started".to_owned()),
        }
    });
    let starts = starts.collect();
    daemon.serve(registry);
    let _ = line.send(&Message::Started(starts), None);
}

/// Does what the daemon says; ends the process when nothing more comes.
fn listen(daemon: &'static Daemon, mut reader: LineReader, line: &Arc<Line>) {
    loop {
        match reader.next() {
            Ok(Some((Message::Client { tag, client }, Some(socket)))) => {
                serve(&daemon.main, socket.into(), Proxy { tag: Some(tag), client });
            }
            Ok(Some((Message::Ping(level), _))) => {
                logging::set_foreign_level(level);
                let _ = line.send(&Message::Pong, None);
            }
            Ok(Some((Message::Orders(orders), _))) => daemon.hooks.change(wishes(orders)),
            Ok(Some((Message::Reload { tag, driver }, _))) => {
                let line = line.clone();
                // Signs of life must not wait for it.
                std::thread::spawn(move || {
                    let error = reload(daemon, &driver).err();
                    let _ = line.send(&Message::Reloaded { tag, error }, None);
                });
            }
            Ok(Some((Message::Stop, _))) => daemon.ending.notify_one(),
            Ok(Some((other, _))) => tracing::warn!(?other, "the daemon says what is not for this process"),
            // Guests stay, and the next daemon finds them.
            Ok(None) | Err(_) => std::process::exit(0),
        }
    }
}

fn reload(daemon: &Daemon, driver: &str) -> oxivirt_core::Result<()> {
    let entries = daemon.registry().map(Registry::drivers).unwrap_or_default();
    entries.iter().filter(|entry| entry.module.name().as_str() == driver).try_for_each(|entry| entry.reload())
}

fn wishes(orders: Orders) -> Wishes {
    let limit = Duration::from_secs(orders.script_limit);
    Wishes { script: orders.script.map(Into::into), events: orders.events, limit }
}

fn limits(orders: &Orders) -> Limits {
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let [min, max, urgent] = orders.workers;
    unlimited(Limits {
        clients: 0,
        queued_clients: 1,
        anonymous_clients: 0,
        min_workers: number(min),
        max_workers: number(max),
        prio_workers: number(urgent),
        client_requests: 0,
        keepalive_interval: None,
        keepalive_count: 0,
    })
}
