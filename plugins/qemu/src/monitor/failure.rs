//! Why a monitor command did not work, and its public form.

use std::time::Duration;

use oxivirt_core::{Error, ErrorCode};

/// Why a command has no answer that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// QEMU answered with an error.
    Refused {
        /// QEMU's error class, such as `GenericError` or `CommandNotFound`.
        class: String,
        /// QEMU's own words.
        desc: String,
    },
    /// No answer within this time.
    TimedOut(Duration),
    /// The connection has ended, for this reason.
    Gone(String),
    /// QEMU sent something that is not its protocol.
    Garbled(String),
    /// Too many commands wait for a QEMU that does not read.
    Clogged,
}

impl Failure {
    /// Whether this QEMU does not have the command at all.
    pub fn is_unknown_command(&self) -> bool {
        matches!(self, Self::Refused { class, .. } if class == "CommandNotFound")
    }

    /// The public error while a binary is only being asked what it can do.
    pub(crate) fn into_probe_error(self, command: &str) -> Error {
        self.into_error("(probe)", command)
    }

    /// The public error; `command` and `domain` name what was waited for.
    pub(crate) fn into_error(self, domain: &str, command: &str) -> Error {
        match self {
            Self::Refused { class, desc } => {
                let code = match class.as_str() {
                    "CommandNotFound" => ErrorCode::OPERATION_UNSUPPORTED,
                    _ => ErrorCode::INTERNAL_ERROR,
                };
                Error::new(code, format!("unable to execute QEMU command '{command}': {desc}"))
            }
            Self::TimedOut(limit) => Error::timed_out(format!(
                "no answer from the monitor of domain '{domain}' to '{command}' within {:.1} s",
                limit.as_secs_f64()
            )),
            Self::Gone(why) => Error::operation_failed(format!(
                "the monitor of domain '{domain}' ended before answering '{command}': {why}"
            )),
            Self::Garbled(what) => {
                Error::internal(format!("the monitor of domain '{domain}' does not speak QMP ('{command}'): {what}"))
            }
            Self::Clogged => Error::timed_out(format!(
                "the monitor of domain '{domain}' accepts no commands, cannot send '{command}'"
            )),
        }
    }
}
