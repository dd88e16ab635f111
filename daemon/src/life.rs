//! From the first client to the last signal.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::sleep;

use crate::background;
use crate::daemon::Daemon;
use crate::options::Options;
use crate::server::Door;
use crate::sockets::Listeners;

/// How long drivers may take to save what they have not saved yet.
const DRIVERS_LIMIT: Duration = Duration::from_secs(30);

/// How long running calls may take to end.
const CALLS_LIMIT: Duration = Duration::from_secs(2);

/// Where the daemon's own tasks run: on the thread that waits for its end.
pub(crate) fn runtime() -> Result<Runtime, String> {
    Builder::new_current_thread().enable_all().build().map_err(|error| format!("cannot wait for anything: {error}"))
}

/// The signals that steer the daemon, caught from the moment this is made.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    /// Catches them.
    pub(crate) fn catch(runtime: &Runtime) -> Result<Self, String> {
        let _within = runtime.enter();
        let on = |kind| signal(kind).map_err(|error| format!("cannot wait for signals: {error}"));
        Ok(Self {
            terminate: on(SignalKind::terminate())?,
            interrupt: on(SignalKind::interrupt())?,
            hangup: on(SignalKind::hangup())?,
        })
    }

    /// Waits for `work`, which may block; `None` when a signal says to end first.
    pub(crate) async fn unless_told_to_end<T: Send + 'static>(
        &mut self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<Result<T, String>> {
        let work = tokio::task::spawn_blocking(work);
        tokio::select! {
            _ = self.terminate.recv() => None,
            _ = self.interrupt.recv() => None,
            done = work => Some(done.map_err(|error| format!("starting the drivers: {error}"))),
        }
    }

    /// Waits until a signal says to end; others mean nothing here.
    pub(crate) async fn told_to_end(&mut self) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hangup.recv() => {}
            }
        }
    }
}

/// Serves until a signal or idleness ends it.
///
/// * `reload`: reads the configuration again.
pub(crate) async fn live(
    daemon: &'static Daemon,
    listeners: &Listeners,
    options: &Options,
    signals: &mut Signals,
    reload: impl Fn() -> Result<(), String> + Send + Sync + 'static,
) -> Result<(), String> {
    let reload = Arc::new(reload);
    daemon.set_idle_limit(options.timeout.unwrap_or(0));
    for (door, listener) in &listeners.sockets {
        let listener = listener.listener().map_err(|error| format!("cannot serve a socket: {error}"))?;
        let server = if *door == Door::Admin { &daemon.admin } else { &daemon.main };
        tokio::spawn(server.accept(listener, *door));
    }
    for server in daemon.servers() {
        tokio::spawn(server.look_after());
    }
    tokio::spawn(daemon.subscriptions.run());

    // Clients are served by now, and a hook may be one.
    let told = signals.unless_told_to_end(|| {
        daemon.hooks.tell_daemon(["-", "start", "-", "start"]);
        daemon.hooks.event(["daemon", "-", "start", "after", "-"])
    });
    if told.await.is_none() {
        return Ok(());
    }
    tell_manager(&[sd_notify::NotifyState::Ready]);
    if options.daemon {
        background::ready();
    }
    tracing::info!("ready");
    loop {
        tokio::select! {
            _ = signals.terminate.recv() => break,
            _ = signals.interrupt.recv() => break,
            () = daemon.ending.notified() => {
                tracing::info!("an administrator asked for the end");
                break;
            }
            () = idleness(daemon) => {
                tracing::info!("idle for long enough");
                break;
            }
            _ = signals.hangup.recv() => {
                tracing::info!("reloading");
                let reload = reload.clone();
                std::thread::spawn(move || reload_all(daemon, &*reload));
            }
        }
    }
    tracing::info!("ending");
    tell_manager(&[sd_notify::NotifyState::Stopping]);
    let last = tokio::task::spawn_blocking(|| {
        // Whoever sent the signal decided already.
        if let Err(error) = daemon.hooks.event(["daemon", "-", "stop", "before", "-"]) {
            tracing::error!(%error, "the daemon ends all the same");
        }
        daemon.hooks.tell_daemon(["-", "shutdown", "-", "shutdown"]);
    });
    last.await.map_err(|error| format!("hooks at the end: {error}"))
}

/// Reads the configuration again, for the daemon and for its drivers, and
/// calls the scripts that belong to it.
fn reload_all(daemon: &Daemon, reload: &dyn Fn() -> Result<(), String>) {
    // One after the other, should signals come faster than scripts end.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Err(error) = daemon.hooks.event(["daemon", "-", "reload", "before", "-"]) {
        tracing::error!(%error, "nothing is reloaded");
        return;
    }
    if let Err(error) = reload() {
        tracing::error!(%error, "the configuration stays as it was");
    }
    daemon.hooks.tell_daemon(["-", "reload", "begin", "SIGHUP"]);
    let failed = daemon.registry().map(|registry| registry.reload()).unwrap_or_default();
    for (driver, error) in failed {
        tracing::error!(driver, %error, "a driver did not reload");
    }
    let _ = daemon.hooks.event(["daemon", "-", "reload", "after", "-"]);
}

/// Ends clients and drivers, and calls the last script; guests stay.
pub(crate) fn stop(daemon: &'static Daemon) {
    end(daemon);
    let _ = daemon.hooks.event(["daemon", "-", "stop", "after", "-"]);
}

/// Ends clients and drivers; guests stay.
pub(crate) fn end(daemon: &'static Daemon) {
    let until = Instant::now() + CALLS_LIMIT;
    let busy = || {
        let gauge = daemon.main.workers.gauge();
        gauge.queued > 0 || gauge.free < gauge.threads
    };
    while busy() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
    for server in daemon.servers() {
        server.close();
    }
    // Answers that are on their way still leave.
    let clients = || daemon.servers().iter().any(|server| server.count().0 > 0);
    while clients() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        if let Some(registry) = daemon.registry() {
            registry.stop();
        }
        let _ = tell.send(());
    });
    if told.recv_timeout(DRIVERS_LIMIT).is_err() {
        tracing::error!(seconds = DRIVERS_LIMIT.as_secs(), "a driver did not stop in time");
    }
}

/// Returns when nobody needed the daemon for so many seconds.
async fn idleness(daemon: &Daemon) {
    let mut since = Instant::now();
    loop {
        let seconds = daemon.idle_limit.load(Ordering::Relaxed);
        if seconds == 0 {
            daemon.idle_limit_changed.notified().await;
            since = Instant::now();
            continue;
        }
        sleep(Duration::from_millis(250)).await;
        let clients: usize = daemon.servers().iter().map(|server| server.count().0).sum();
        if clients > 0 || !daemon.inhibitors().is_empty() {
            since = Instant::now();
        } else if since.elapsed() >= Duration::from_secs(seconds) {
            return;
        }
    }
}

fn tell_manager(state: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "the service manager cannot be told");
    }
}
