//! States of domains and why they are in them.

crate::constants::constants! {
    /// What a domain is doing.
    pub struct DomainStateCode(i32) {
        NOSTATE = 0,
        RUNNING = 1,
        BLOCKED = 2,
        PAUSED = 3,
        SHUTDOWN = 4,
        SHUTOFF = 5,
        CRASHED = 6,
        PMSUSPENDED = 7,
    }

    /// Why a domain has no state.
    pub struct NoStateReason(i32) {
        UNKNOWN = 0,
    }

    /// Why a domain runs.
    pub struct RunningReason(i32) {
        UNKNOWN = 0,
        BOOTED = 1,
        MIGRATED = 2,
        RESTORED = 3,
        FROM_SNAPSHOT = 4,
        UNPAUSED = 5,
        MIGRATION_CANCELED = 6,
        SAVE_CANCELED = 7,
        WAKEUP = 8,
        CRASHED = 9,
        POSTCOPY = 10,
        POSTCOPY_FAILED = 11,
    }

    /// Why a domain is paused.
    pub struct PausedReason(i32) {
        UNKNOWN = 0,
        USER = 1,
        MIGRATION = 2,
        SAVE = 3,
        DUMP = 4,
        IOERROR = 5,
        WATCHDOG = 6,
        FROM_SNAPSHOT = 7,
        SHUTTING_DOWN = 8,
        SNAPSHOT = 9,
        CRASHED = 10,
        STARTING_UP = 11,
        POSTCOPY = 12,
        POSTCOPY_FAILED = 13,
        API_ERROR = 14,
    }

    /// Why a domain is shutting down.
    pub struct ShutdownReason(i32) {
        UNKNOWN = 0,
        USER = 1,
    }

    /// Why a domain is off.
    pub struct ShutoffReason(i32) {
        UNKNOWN = 0,
        SHUTDOWN = 1,
        DESTROYED = 2,
        CRASHED = 3,
        MIGRATED = 4,
        SAVED = 5,
        FAILED = 6,
        FROM_SNAPSHOT = 7,
        DAEMON = 8,
    }

    /// Why a domain crashed.
    pub struct CrashedReason(i32) {
        UNKNOWN = 0,
        PANICKED = 1,
    }

    /// Why a domain sleeps.
    pub struct PmSuspendedReason(i32) {
        UNKNOWN = 0,
    }

    /// Which piece of metadata is meant.
    pub struct DomainMetadataType(i32) {
        DESCRIPTION = 0,
        TITLE = 1,
        ELEMENT = 2,
    }

    /// How a CPU compares with the host or hypervisor CPU.
    pub struct CpuCompareResult(i32) {
        ERROR = -1,
        INCOMPATIBLE = 0,
        IDENTICAL = 1,
        SUPERSET = 2,
    }

    /// Which set key codes belong to.
    pub struct KeycodeSet(u32) {
        LINUX = 0,
        XT = 1,
        ATSET1 = 2,
        ATSET2 = 3,
        ATSET3 = 4,
        OSX = 5,
        XT_KBD = 6,
        USB = 7,
        WIN32 = 8,
        QNUM = 9,
    }
}
