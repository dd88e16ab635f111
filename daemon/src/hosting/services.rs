//! What drivers of a hosting process see of the daemon.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use oxivirt_core::client::{CLIENT_TABLES, Client, Limits, Link, Request};
use oxivirt_core::event::{CONNECTION_CLOSED, Event, EventKind};
use oxivirt_core::host::{Folder, HostServices, LogLevel, LogRecord};
use oxivirt_core::interface::Session;
use oxivirt_core::object::Object;
use oxivirt_core::plugin::{ForeignConnection, OpenFlags};
use oxivirt_core::wire::message::Program;
use oxivirt_core::{Call, Connection, Error, Result};

use super::line::Line;
use super::message::Message;
use crate::daemon::Daemon;

/// The services: places and scripts are this process' own, everything else is
/// the daemon's in front.
pub(super) struct Services {
    pub(super) daemon: &'static Daemon,
    pub(super) line: Arc<Line>,
}

impl HostServices for Services {
    fn emit(&self, channel: u64, event: &Event) {
        let (program, procedure, front) = match (event.kind(), event.description()) {
            (EventKind::CONNECTION, _) => (Program::REMOTE, CONNECTION_CLOSED, &[][..]),
            // The number of a callback, which the daemon fills in.
            (_, Some(description)) => (description.program, description.callback, &[0; 4][..]),
            (kind, None) => {
                tracing::warn!(?kind, id = event.id(), "a driver emitted an event without a message");
                return;
            }
        };
        let payload = [front, event.body()].concat();
        // Without the daemon this process ends.
        let _ = self.line.send(&Message::Event { channel, program, procedure, payload }, None);
    }

    fn new_channel(&self) -> u64 {
        self.daemon.new_channel()
    }

    fn log(&self, record: &LogRecord) {
        self.daemon.log(record);
    }

    fn log_level(&self) -> LogLevel {
        self.daemon.log_level()
    }

    fn folder(&self, folder: Folder) -> String {
        self.daemon.folder(folder)
    }

    fn is_privileged(&self) -> bool {
        self.daemon.is_privileged()
    }

    fn connect(&self, uri: &str, flags: OpenFlags) -> Result<Connection> {
        let failed = |source: std::io::Error| Error::system("no socket for a connection", &source);
        let (ours, theirs) = UnixStream::pair().map_err(failed)?;
        self.line.send(&Message::Connect, Some(theirs.as_fd()))?;
        drop(theirs);
        let limits = Limits { alive_count: 0, ..Limits::default() };
        let link = Link::start(ours.into(), "the daemon".to_owned(), limits, Box::new(|_| {}))?;
        let client = Client::new(link);
        Call::with(&Request::new("connect_open"), |call| client.connect_open(call, Some(uri), flags.0))?;
        let driver = uri.split(':').next().unwrap_or_default();
        Ok(ForeignConnection::new(Object::new(client), CLIENT_TABLES, 0, driver).into_connection())
    }

    fn inhibit_shutdown(&self, holder: &str, inhibit: bool) {
        let _ = self.line.send(&Message::Inhibit { holder: holder.to_owned(), inhibit }, None);
    }

    fn run_hook(
        &self,
        driver: &str,
        object: &str,
        operation: &str,
        sub_operation: &str,
        extra: &str,
        xml: &str,
    ) -> Result<String> {
        self.daemon.run_hook(driver, object, operation, sub_operation, extra, xml)
    }

    fn run_event_script(&self, object: &str, name: &str, event: &str, qualifier: &str, extra: &str) -> Result<()> {
        self.daemon.run_event_script(object, name, event, qualifier, extra)
    }
}
