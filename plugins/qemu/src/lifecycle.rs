//! States of a guest, why it is in them, and what is reported when they
//! change. Words are those of status files, numbers those of the public API.

use oxivirt_core::Result;
use oxivirt_core::types::TypedParam;

/// Declares a set of reasons with their numbers and words.
macro_rules! reasons {
    ($($(#[$meta:meta])* $name:ident { $($variant:ident = $number:literal $word:literal),+ $(,)? })+) => { $(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $(#[doc = concat!("`", $word, "`")] $variant,)+ }

        impl $name {
            /// The public number.
            pub fn number(self) -> i32 {
                match self { $(Self::$variant => $number,)+ }
            }

            /// The word of status files.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// By the word of status files.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    )+ };
}

reasons! {
    /// Why it runs.
    Running {
        Unknown = 0 "unknown", Booted = 1 "booted", Migrated = 2 "migrated", Restored = 3 "restored",
        FromSnapshot = 4 "from snapshot", Unpaused = 5 "unpaused", MigrationCanceled = 6 "migration canceled",
        SaveCanceled = 7 "save canceled", Wakeup = 8 "wakeup", Crashed = 9 "crashed", PostCopy = 10 "post-copy",
        PostCopyFailed = 11 "post-copy failed",
    }
    /// Why it is paused.
    Paused {
        Unknown = 0 "unknown", User = 1 "user", Migration = 2 "migration", Save = 3 "save", Dump = 4 "dump",
        IoError = 5 "ioerror", Watchdog = 6 "watchdog", FromSnapshot = 7 "from snapshot",
        ShuttingDown = 8 "shutdown", Snapshot = 9 "snapshot", Crashed = 10 "crashed",
        StartingUp = 11 "starting up", PostCopy = 12 "post-copy", PostCopyFailed = 13 "post-copy failed",
        ApiError = 14 "api error",
    }
    /// Why it is off.
    ShutOff {
        Unknown = 0 "unknown", Shutdown = 1 "shutdown", Destroyed = 2 "destroyed", Crashed = 3 "crashed",
        Migrated = 4 "migrated", Saved = 5 "saved", Failed = 6 "failed", FromSnapshot = 7 "from snapshot",
        Daemon = 8 "daemon",
    }
    /// How it is shutting down.
    ShutDown { Unknown = 0 "unknown", User = 1 "user" }
    /// How it crashed.
    Crashed { Unknown = 0 "unknown", Panicked = 1 "panicked" }
    /// Why it sleeps.
    Asleep { Unknown = 0 "unknown" }
}

/// A guest's state with its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Its CPUs run.
    Running(Running),
    /// Its CPUs stand still.
    Paused(Paused),
    /// It has powered off; QEMU is still there.
    ShutDown(ShutDown),
    /// There is no QEMU.
    ShutOff(ShutOff),
    /// It crashed and is kept for inspection.
    Crashed(Crashed),
    /// It put itself to sleep.
    Asleep(Asleep),
}

impl State {
    /// The public numbers of state and reason.
    pub fn numbers(self) -> (i32, i32) {
        match self {
            Self::Running(r) => (1, r.number()),
            Self::Paused(r) => (3, r.number()),
            Self::ShutDown(r) => (4, r.number()),
            Self::ShutOff(r) => (5, r.number()),
            Self::Crashed(r) => (6, r.number()),
            Self::Asleep(r) => (7, r.number()),
        }
    }

    /// The words of status files.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Running(r) => ("running", r.word()),
            Self::Paused(r) => ("paused", r.word()),
            Self::ShutDown(r) => ("shutdown", r.word()),
            Self::ShutOff(r) => ("shutoff", r.word()),
            Self::Crashed(r) => ("crashed", r.word()),
            Self::Asleep(r) => ("pmsuspended", r.word()),
        }
    }

    /// By the words of status files; a reason that is not known is "unknown".
    pub fn from_words(state: &str, reason: &str) -> Option<Self> {
        Some(match state {
            "running" => Self::Running(Running::from_word(reason).unwrap_or(Running::Unknown)),
            "paused" => Self::Paused(Paused::from_word(reason).unwrap_or(Paused::Unknown)),
            "shutdown" => Self::ShutDown(ShutDown::from_word(reason).unwrap_or(ShutDown::Unknown)),
            "shutoff" => Self::ShutOff(ShutOff::from_word(reason).unwrap_or(ShutOff::Unknown)),
            "crashed" => Self::Crashed(Crashed::from_word(reason).unwrap_or(Crashed::Unknown)),
            "pmsuspended" => Self::Asleep(Asleep::from_word(reason).unwrap_or(Asleep::Unknown)),
            _ => return None,
        })
    }
}

/// A lifecycle event, with its detail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the public API")]
pub enum Lifecycle {
    DefinedAdded,
    DefinedUpdated,
    DefinedRenamed,
    UndefinedRemoved,
    UndefinedRenamed,
    StartedBooted,
    StartedWakeup,
    SuspendedPaused,
    SuspendedIoError,
    SuspendedWatchdog,
    SuspendedApiError,
    ResumedUnpaused,
    StoppedShutdown,
    StoppedDestroyed,
    StoppedCrashed,
    StoppedFailed,
    ShutdownFinished,
    ShutdownGuest,
    ShutdownHost,
    PmSuspendedMemory,
    PmSuspendedDisk,
    CrashedPanicked,
    CrashedLoaded,
}

impl Lifecycle {
    /// The public numbers of event and detail.
    pub fn numbers(self) -> (i32, i32) {
        match self {
            Self::DefinedAdded => (0, 0),
            Self::DefinedUpdated => (0, 1),
            Self::DefinedRenamed => (0, 2),
            Self::UndefinedRemoved => (1, 0),
            Self::UndefinedRenamed => (1, 1),
            Self::StartedBooted => (2, 0),
            Self::StartedWakeup => (2, 4),
            Self::SuspendedPaused => (3, 0),
            Self::SuspendedIoError => (3, 2),
            Self::SuspendedWatchdog => (3, 3),
            Self::SuspendedApiError => (3, 6),
            Self::ResumedUnpaused => (4, 0),
            Self::StoppedShutdown => (5, 0),
            Self::StoppedDestroyed => (5, 1),
            Self::StoppedCrashed => (5, 2),
            Self::StoppedFailed => (5, 5),
            Self::ShutdownFinished => (6, 0),
            Self::ShutdownGuest => (6, 1),
            Self::ShutdownHost => (6, 2),
            Self::PmSuspendedMemory => (7, 0),
            Self::PmSuspendedDisk => (7, 1),
            Self::CrashedPanicked => (8, 0),
            Self::CrashedLoaded => (8, 1),
        }
    }

    /// What is reported when a guest ends for a reason.
    pub fn stopped(reason: ShutOff) -> Self {
        match reason {
            ShutOff::Destroyed => Self::StoppedDestroyed,
            ShutOff::Crashed => Self::StoppedCrashed,
            ShutOff::Failed | ShutOff::Unknown | ShutOff::Daemon => Self::StoppedFailed,
            _ => Self::StoppedShutdown,
        }
    }
}

/// Something to tell clients about a guest.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// Its state changed.
    Lifecycle(Lifecycle),
    /// It rebooted.
    Reboot,
    /// Its clock moved, in seconds from the host's.
    RtcChange(i64),
    /// Its watchdog barked; the number says what was done.
    Watchdog(i32),
    /// A disk failed.
    IoError {
        /// The disk's source, possibly empty.
        path: String,
        /// The device's alias.
        alias: String,
        /// 0 none, 1 pause, 2 report.
        action: i32,
        /// Such as `enospc`, or empty.
        reason: String,
    },
    /// Its balloon has this size, in KiB.
    BalloonChange(u64),
    /// A device was plugged in.
    DeviceAdded(String),
    /// A device is gone.
    DeviceRemoved(String),
    /// The guest keeps a device that it was asked to let go.
    DeviceRemovalFailed(String),
    /// Title, description or metadata changed; the number says which.
    Metadata(i32, Option<String>),
    /// A medium tray opened (true) or closed.
    TrayChange(String, bool),
    /// The guest starts without the image of a disk that may be missing.
    DiskMissing {
        /// Where it was looked for.
        source: Option<String>,
        /// The disk's alias.
        alias: String,
        /// The drive stays, without a medium.
        is_drive: bool,
    },
    /// The agent in the guest came (true) or went; whether the guest's start brought it.
    Agent {
        /// Whether it is there.
        connected: bool,
        /// Whether it was there when the guest started or was found.
        at_start: bool,
    },
    /// A disk was written past its threshold, in bytes.
    BlockThreshold {
        /// The disk's name, such as `vda` or `vda[2]`.
        device: String,
        /// The image, where it is a file.
        path: Option<String>,
        /// The threshold.
        threshold: u64,
        /// How far beyond it the write went.
        excess: u64,
    },
    /// Something that is tuned changed.
    Tunable(Vec<TypedParam>),
    /// A network card has another address than it was given.
    NicMac {
        /// The card's alias.
        alias: String,
        /// As it was given.
        old: String,
        /// As the guest has it.
        new: String,
    },
    /// Memory of a plugged module has this size, in KiB.
    MemoryDeviceSize(String, u64),
    /// The guest put itself to sleep.
    PmSuspend {
        /// Its memory went to its disk.
        to_disk: bool,
    },
    /// The guest woke up.
    PmWakeup,
    /// Memory failed: numbers of recipient, action and flags.
    MemoryFailure(i32, i32, u32),
    /// QEMU's monitor said something.
    Monitor {
        /// Such as `SHUTDOWN`.
        event: String,
        /// Seconds since 1970.
        seconds: i64,
        /// Of the second.
        micros: u32,
        /// JSON.
        details: Option<String>,
    },
}

/// Where notices go.
pub trait EventSink: Send + Sync + 'static {
    /// Hands a notice on. Must not block.
    fn notice(&self, guest: &Subject, notice: Notice);

    /// Calls the hook `qemu`; what it made of the document, empty when it left it alone.
    fn hook(&self, _name: &str, _operation: &str, _part: &str, _xml: &str) -> Result<String> {
        Ok(String::new())
    }

    /// Calls the event script; one that fails `before` prevents the event.
    fn script(&self, _name: &str, _event: &str, _qualifier: &str, _extra: &str) -> Result<()> {
        Ok(())
    }
}

/// The guest that a notice is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Its name.
    pub name: String,
    /// Its uuid.
    pub uuid: [u8; 16],
    /// Its number while it runs, else -1.
    pub id: i32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lead_back_to_the_state() {
        for state in [
            State::Running(Running::Unpaused),
            State::Paused(Paused::IoError),
            State::ShutDown(ShutDown::User),
            State::ShutOff(ShutOff::FromSnapshot),
            State::Crashed(Crashed::Panicked),
            State::Asleep(Asleep::Unknown),
        ] {
            let (word, reason) = state.words();
            assert_eq!(State::from_words(word, reason), Some(state));
        }
        assert_eq!(State::from_words("running", "odd"), Some(State::Running(Running::Unknown)));
        assert_eq!(State::from_words("odd", ""), None);
    }
}
