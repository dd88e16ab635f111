//! The log: one sink for the daemon's own records and those of the drivers.
//!
//! Levels, filters and outputs have libvirt's syntax and numbers: 1 debug,
//! 2 info, 3 warning, 4 error.

mod filter;
mod output;

use std::fmt::Write as _;
use std::sync::{PoisonError, RwLock};

use tracing::{Event, Metadata, Subscriber, span};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use oxivirt_core::host::{LogLevel, LogRecord};
use oxivirt_core::plugin::RecordText;

pub(crate) use filter::Filter;
pub(crate) use output::{Output, Place};

/// What is written, and where.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Records less important than this are dropped where no filter says otherwise.
    pub(crate) level: Level,
    /// Levels of certain sources.
    pub(crate) filters: Vec<Filter>,
    /// Where records go.
    pub(crate) outputs: Vec<Output>,
}

/// How important a record is; greater is more so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Level {
    /// Every step.
    Debug = 1,
    /// What an operator may like to know.
    Info = 2,
    /// What an operator should look at.
    #[default]
    Warning = 3,
    /// What did not work.
    Error = 4,
}

impl Level {
    /// Reads libvirt's number.
    pub(crate) fn from_number(number: u64) -> Option<Self> {
        match number {
            1 => Some(Self::Debug),
            2 => Some(Self::Info),
            3 => Some(Self::Warning),
            4 => Some(Self::Error),
            _ => None,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One line on its way to the outputs.
pub(crate) struct Line<'a> {
    level: Level,
    source: &'a str,
    file: &'a str,
    line: u32,
    message: &'a str,
}

static PLAN: RwLock<Plan> = RwLock::new(Plan { level: Level::Warning, filters: Vec::new(), outputs: Vec::new() });

/// Takes over a plan; also the way to change it while running.
pub(crate) fn apply(plan: Plan) {
    *PLAN.write().unwrap_or_else(PoisonError::into_inner) = plan;
    tracing::callsite::rebuild_interest_cache();
}

/// Writes to other outputs from now on.
pub(crate) fn set_outputs(outputs: Vec<Output>) {
    PLAN.write().unwrap_or_else(PoisonError::into_inner).outputs = outputs;
}

/// Filters in another way from now on.
pub(crate) fn set_filters(filters: Vec<Filter>) {
    PLAN.write().unwrap_or_else(PoisonError::into_inner).filters = filters;
    tracing::callsite::rebuild_interest_cache();
}

/// Makes this program's `tracing` records go to the sink.
pub(crate) fn start() {
    let subscriber = tracing_subscriber::registry().with(Sink);
    if tracing::subscriber::set_global_default(subscriber).is_err() {
        eprintln!("oxivirtd: a log sink is already set");
    }
}

/// Outputs and filters as they were written, for administrators.
pub(crate) fn describe() -> (Vec<String>, Vec<String>) {
    let plan = PLAN.read().unwrap_or_else(PoisonError::into_inner);
    (plan.outputs.iter().map(Output::describe).collect(), plan.filters.iter().map(Filter::describe).collect())
}

/// Writes a driver's record.
pub(crate) fn write_foreign(record: &LogRecord) {
    let level = Level::from(record.level);
    let line = Line { level, source: &record.target, file: &record.file, line: record.line, message: &record.message };
    let plan = PLAN.read().unwrap_or_else(PoisonError::into_inner);
    if level >= plan.threshold(line.source) {
        plan.write(&line);
    }
}

/// Logs at a level that came in the drivers' terms.
pub(crate) fn set_foreign_level(level: LogLevel) {
    let mut plan = PLAN.write().unwrap_or_else(PoisonError::into_inner);
    if plan.level != level.into() {
        plan.level = level.into();
        drop(plan);
        tracing::callsite::rebuild_interest_cache();
    }
}

/// The least important level that any source may log at, in the drivers' terms.
pub(crate) fn foreign_level() -> LogLevel {
    PLAN.read().unwrap_or_else(PoisonError::into_inner).least().into()
}

impl From<LogLevel> for Level {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::ERROR => Self::Error,
            LogLevel::WARN => Self::Warning,
            LogLevel::INFO => Self::Info,
            _ => Self::Debug,
        }
    }
}

impl From<Level> for LogLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::Debug => Self::DEBUG,
            Level::Info => Self::INFO,
            Level::Warning => Self::WARN,
            Level::Error => Self::ERROR,
        }
    }
}

impl Plan {
    /// Least important level that a source may log at; of several filters that
    /// fit, the longest decides.
    fn threshold(&self, source: &str) -> Level {
        let fitting = self.filters.iter().filter(|filter| filter.fits(source));
        fitting.max_by_key(|filter| filter.weight()).map_or(self.level, |filter| filter.level)
    }

    fn least(&self) -> Level {
        self.filters.iter().map(|filter| filter.level).min().map_or(self.level, |least| least.min(self.level))
    }

    fn write(&self, line: &Line<'_>) {
        for output in &self.outputs {
            output.write(line);
        }
    }
}

/// Turns `tracing` records into lines.
struct Sink;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Sink {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        let plan = PLAN.read().unwrap_or_else(PoisonError::into_inner);
        metadata.is_span() || level_of(metadata) >= plan.threshold(metadata.target())
    }

    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, context: Context<'_, S>) {
        let mut text = RecordText::default();
        attributes.record(&mut text);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(text);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut text = RecordText::default();
        event.record(&mut text);
        let mut message = String::new();
        for span in context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            let _ = match span.extensions().get::<RecordText>() {
                Some(fields) if !fields.fields.is_empty() => write!(message, "{}{{{}}}: ", span.name(), fields.fields),
                _ => write!(message, "{}: ", span.name()),
            };
        }
        message.push_str(&text.message);
        if !text.fields.is_empty() {
            let _ = write!(message, " {}", text.fields);
        }
        let metadata = event.metadata();
        let line = Line {
            level: level_of(metadata),
            source: metadata.target(),
            file: metadata.file().unwrap_or_default(),
            line: metadata.line().unwrap_or_default(),
            message: &message,
        };
        PLAN.read().unwrap_or_else(PoisonError::into_inner).write(&line);
    }
}

fn level_of(metadata: &Metadata<'_>) -> Level {
    match *metadata.level() {
        tracing::Level::ERROR => Level::Error,
        tracing::Level::WARN => Level::Warning,
        tracing::Level::INFO => Level::Info,
        _ => Level::Debug,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_filter_that_fits_decides() {
        let filters = Filter::parse_list("1:qemu 4:qemu.monitor").expect("valid");
        let plan = Plan { level: Level::Warning, filters, outputs: Vec::new() };
        assert_eq!(plan.threshold("oxivirt_driver_qemu::process"), Level::Debug);
        assert_eq!(plan.threshold("oxivirt_driver_qemu::monitor"), Level::Error);
        assert_eq!(plan.threshold("oxivirt_driver_test"), Level::Warning);
        assert_eq!(plan.least(), Level::Debug);
    }
}
