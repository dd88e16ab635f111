//! A driver behind a daemon, called over its socket as a client would.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use oxivirt_core::client::{self, Limits, Opening, Told, connect_unix};
use oxivirt_core::{Call, Error};

use super::{EventLog, Quirks, SeenEvent, Setup, Subject};

/// How long one answer may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// What the suite needs to reach a driver of the daemon that listens on `socket`.
///
/// * `declared` – the calls that the driver declares, from one of the other ways.
pub fn socket(socket: PathBuf, uri: &'static str, declared: BTreeSet<String>, quirks: Quirks) -> Setup {
    let open = move || {
        let failed = |error: Error| format!("'{uri}' cannot be opened: {error}");
        let events = Arc::new(Log::default());
        let log = events.clone();
        let limits = Limits { answer: ANSWER_LIMIT, ..Limits::default() };
        let stream = connect_unix(&socket).map_err(failed)?;
        let client =
            client::open(stream, Opening { limits, ..Opening::new(uri) }, Box::new(move |told| log.take(&told)))
                .map_err(failed)?;
        Call::internal("open", |call| client::ask_for_everything(&client, call)).map_err(failed)?;
        Ok(Subject::full(Arc::new(client), events))
    };
    Setup { uri, way: "socket", declared, open: Arc::new(open), quirks }
}

#[derive(Default)]
struct Log {
    events: Mutex<Vec<SeenEvent>>,
    arrived: Condvar,
}

impl Log {
    fn take(&self, told: &Told) {
        let Told::Event(_, event) = told else { return };
        self.events.lock().unwrap_or_else(PoisonError::into_inner).extend(SeenEvent::new(event));
        self.arrived.notify_all();
    }
}

impl EventLog for Log {
    fn wait(&self, wanted: usize, limit: Duration) -> Vec<SeenEvent> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let (events, _) = self
            .arrived
            .wait_timeout_while(events, limit, |events| events.len() < wanted)
            .unwrap_or_else(PoisonError::into_inner);
        events.clone()
    }

    fn clear(&self) {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
