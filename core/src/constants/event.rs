//! Kinds of events and their details.

crate::constants::constants! {
    /// Kinds of domain events.
    pub struct DomainEventId(i32) {
        LIFECYCLE = 0,
        REBOOT = 1,
        RTC_CHANGE = 2,
        WATCHDOG = 3,
        IO_ERROR = 4,
        GRAPHICS = 5,
        IO_ERROR_REASON = 6,
        CONTROL_ERROR = 7,
        BLOCK_JOB = 8,
        DISK_CHANGE = 9,
        TRAY_CHANGE = 10,
        PMWAKEUP = 11,
        PMSUSPEND = 12,
        BALLOON_CHANGE = 13,
        PMSUSPEND_DISK = 14,
        DEVICE_REMOVED = 15,
        BLOCK_JOB_2 = 16,
        TUNABLE = 17,
        AGENT_LIFECYCLE = 18,
        DEVICE_ADDED = 19,
        MIGRATION_ITERATION = 20,
        JOB_COMPLETED = 21,
        DEVICE_REMOVAL_FAILED = 22,
        METADATA_CHANGE = 23,
        BLOCK_THRESHOLD = 24,
        MEMORY_FAILURE = 25,
        MEMORY_DEVICE_SIZE_CHANGE = 26,
        NIC_MAC_CHANGE = 27,
    }

    /// What happened in the life of a domain.
    pub struct DomainEventType(i32) {
        DEFINED = 0,
        UNDEFINED = 1,
        STARTED = 2,
        SUSPENDED = 3,
        RESUMED = 4,
        STOPPED = 5,
        SHUTDOWN = 6,
        PMSUSPENDED = 7,
        CRASHED = 8,
    }

    /// Details of a definition.
    pub struct DefinedDetail(i32) {
        ADDED = 0,
        UPDATED = 1,
        RENAMED = 2,
        FROM_SNAPSHOT = 3,
    }

    /// Details of a removal.
    pub struct UndefinedDetail(i32) {
        REMOVED = 0,
        RENAMED = 1,
    }

    /// Details of a start.
    pub struct StartedDetail(i32) {
        BOOTED = 0,
        MIGRATED = 1,
        RESTORED = 2,
        FROM_SNAPSHOT = 3,
        WAKEUP = 4,
    }

    /// Details of a pause.
    pub struct SuspendedDetail(i32) {
        PAUSED = 0,
        MIGRATED = 1,
        IOERROR = 2,
        WATCHDOG = 3,
        RESTORED = 4,
        FROM_SNAPSHOT = 5,
        API_ERROR = 6,
        POSTCOPY = 7,
        POSTCOPY_FAILED = 8,
    }

    /// Details of a resumption.
    pub struct ResumedDetail(i32) {
        UNPAUSED = 0,
        MIGRATED = 1,
        FROM_SNAPSHOT = 2,
        POSTCOPY = 3,
        POSTCOPY_FAILED = 4,
    }

    /// Details of a stop.
    pub struct StoppedDetail(i32) {
        SHUTDOWN = 0,
        DESTROYED = 1,
        CRASHED = 2,
        MIGRATED = 3,
        SAVED = 4,
        FAILED = 5,
        FROM_SNAPSHOT = 6,
    }

    /// Details of a shutdown.
    pub struct ShutdownDetail(i32) {
        FINISHED = 0,
        GUEST = 1,
        HOST = 2,
    }

    /// Details of going to sleep.
    pub struct PmSuspendedDetail(i32) {
        MEMORY = 0,
        DISK = 1,
    }

    /// Details of a crash.
    pub struct CrashedDetail(i32) {
        PANICKED = 0,
        CRASHLOADED = 1,
    }

    /// Why a connection ended.
    pub struct CloseReason(i32) {
        ERROR = 0,
        EOF = 1,
        KEEPALIVE = 2,
        CLIENT = 3,
    }
}
