//! A daemon that does nothing but write down what a driver tells it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use oxivirt_core::event::Event;
use oxivirt_core::host::{Folder, HostServices, LogLevel, LogRecord};
use oxivirt_core::plugin::OpenFlags;
use oxivirt_core::{Connection, Error, ErrorCode, Host, Result};

use super::{EventLog, SeenEvent};

/// The services, and what drivers used them for.
pub struct Recorder {
    channels: AtomicU64,
    events: Mutex<Vec<(u64, SeenEvent)>>,
    arrived: Condvar,
    folder: PathBuf,
}

/// A host for a driver under test. It lives as long as the program.
///
/// * The driver's folders lie below `folder`.
pub fn recording_host(folder: PathBuf) -> (Host, &'static Recorder) {
    let recorder: &'static Recorder = Box::leak(Box::new(Recorder {
        channels: AtomicU64::new(0),
        events: Mutex::new(Vec::new()),
        arrived: Condvar::new(),
        folder,
    }));
    (Host::new(recorder), recorder)
}

impl Recorder {
    /// The events of one channel.
    pub fn channel(&'static self, channel: u64) -> Arc<dyn EventLog> {
        Arc::new(Channel { recorder: self, channel })
    }

    fn events(&self) -> std::sync::MutexGuard<'_, Vec<(u64, SeenEvent)>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Channel {
    recorder: &'static Recorder,
    channel: u64,
}

impl EventLog for Channel {
    fn wait(&self, wanted: usize, limit: Duration) -> Vec<SeenEvent> {
        let mine = |events: &Vec<(u64, SeenEvent)>| -> Vec<SeenEvent> {
            events.iter().filter(|(channel, _)| *channel == self.channel).map(|(_, event)| event.clone()).collect()
        };
        let (events, _) = self
            .recorder
            .arrived
            .wait_timeout_while(self.recorder.events(), limit, |events| mine(events).len() < wanted)
            .unwrap_or_else(PoisonError::into_inner);
        mine(&events)
    }

    fn clear(&self) {
        self.recorder.events().retain(|(channel, _)| *channel != self.channel);
    }
}

impl HostServices for Recorder {
    fn emit(&self, channel: u64, event: &Event) {
        self.events().extend(SeenEvent::new(event).map(|event| (channel, event)));
        self.arrived.notify_all();
    }

    fn new_channel(&self) -> u64 {
        self.channels.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn log(&self, record: &LogRecord) {
        eprintln!("{:?} {}: {}", record.level, record.target, record.message);
    }

    fn log_level(&self) -> LogLevel {
        LogLevel::WARN
    }

    fn folder(&self, folder: Folder) -> String {
        let name = folder.name().unwrap_or("other").to_lowercase();
        self.folder.join(name).display().to_string()
    }

    fn is_privileged(&self) -> bool {
        false
    }

    fn connect(&self, uri: &str, _flags: OpenFlags) -> Result<Connection> {
        Err(Error::new(ErrorCode::NO_CONNECT, format!("'{uri}': this host has no other drivers")))
    }

    fn inhibit_shutdown(&self, _holder: &str, _inhibit: bool) {}
}
