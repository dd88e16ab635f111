//! Carries a plugin's `tracing` records and panic messages to the daemon.
//!
//! Every shared object has statics of its own, so without this nothing that a
//! driver says would arrive. Records are formatted here; the open spans stand
//! in front of the message.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing_core::field::{Field, Visit};
use tracing_core::span::{Attributes, Id, Record};
use tracing_core::subscriber::Interest;
use tracing_core::{Event, Level, Metadata, Subscriber};

use crate::host::{Host, LogLevel, LogRecord};

/// Joins this shared object's log and panic messages to `host`. Only the first
/// call in each shared object has an effect.
pub(super) extern "C" fn attach(host: Host) {
    let forward = Forward { host, next: AtomicU64::new(1), spans: Mutex::new(Vec::new()) };
    if tracing_core::dispatcher::set_global_default(tracing_core::Dispatch::new(forward)).is_ok() {
        std::panic::set_hook(Box::new(move |info| {
            let place = info.location();
            host.log(&LogRecord {
                level: LogLevel::ERROR,
                target: "panic".into(),
                file: place.map_or("", |place| place.file()).into(),
                line: place.map_or(0, |place| place.line()),
                message: format!("thread '{}' {info}", std::thread::current().name().unwrap_or("?")).into(),
            });
        }));
    }
}

struct Forward {
    host: Host,
    next: AtomicU64,
    spans: Mutex<Vec<(u64, usize, String)>>,
}

thread_local! {
    static OPEN: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

impl Forward {
    fn prefix(&self) -> String {
        let open = OPEN.with(|open| open.try_borrow().map(|open| open.clone()).unwrap_or_default());
        let spans = self.spans.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let names = open.iter().filter_map(|id| spans.iter().find(|span| span.0 == *id));
        names.fold(String::new(), |mut text, span| {
            text.push_str(&span.2);
            text.push_str(": ");
            text
        })
    }
}

impl Subscriber for Forward {
    /// The daemon's level may change at any time, so no verdict is kept.
    fn register_callsite(&self, _metadata: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        level(metadata.level()).0 <= self.host.log_level().0
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut text = RecordText::default();
        span.record(&mut text);
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let name = match text.fields.is_empty() {
            true => span.metadata().name().to_owned(),
            false => format!("{}{{{}}}", span.metadata().name(), text.fields),
        };
        self.spans.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push((id, 1, name));
        Id::from_u64(id)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut text = RecordText::default();
        values.record(&mut text);
        let mut spans = self.spans.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(entry) = spans.iter_mut().find(|entry| entry.0 == span.into_u64()) {
            let _ = write!(entry.2, "{{{}}}", text.fields);
        }
    }

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = RecordText::default();
        event.record(&mut text);
        let mut message = self.prefix();
        message.push_str(&text.message);
        if !text.fields.is_empty() {
            let _ = write!(message, " {}", text.fields);
        }
        let metadata = event.metadata();
        self.host.log(&LogRecord {
            level: level(metadata.level()),
            target: metadata.target().into(),
            file: metadata.file().unwrap_or_default().into(),
            line: metadata.line().unwrap_or_default(),
            message: message.into(),
        });
    }

    fn enter(&self, span: &Id) {
        OPEN.with(|open| open.borrow_mut().push(span.into_u64()));
    }

    fn exit(&self, span: &Id) {
        OPEN.with(|open| {
            let mut open = open.borrow_mut();
            if let Some(at) = open.iter().rposition(|id| *id == span.into_u64()) {
                open.remove(at);
            }
        });
    }

    fn clone_span(&self, id: &Id) -> Id {
        let mut spans = self.spans.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(entry) = spans.iter_mut().find(|entry| entry.0 == id.into_u64()) {
            entry.1 += 1;
        }
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        let mut spans = self.spans.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let Some(at) = spans.iter().position(|entry| entry.0 == id.into_u64()) else { return false };
        spans[at].1 -= 1;
        let closed = spans[at].1 == 0;
        if closed {
            spans.swap_remove(at);
        }
        closed
    }
}

fn level(level: &Level) -> LogLevel {
    match *level {
        Level::ERROR => LogLevel::ERROR,
        Level::WARN => LogLevel::WARN,
        Level::INFO => LogLevel::INFO,
        Level::DEBUG => LogLevel::DEBUG,
        Level::TRACE => LogLevel::TRACE,
    }
}

/// The message and the other fields of a `tracing` record or span, as the log
/// prints them.
#[derive(Default)]
pub struct RecordText {
    /// The message.
    pub message: String,
    /// The other fields as `name=value`, a blank between them.
    pub fields: String,
}

impl Visit for RecordText {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name if self.fields.is_empty() => write!(self.fields, "{name}={value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}
