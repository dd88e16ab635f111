//! Flags and numbers of calls about work on domains.

crate::constants::flags! {
    /// Where a device is changed.
    pub struct DomainDeviceModifyFlags(u32) {
        CURRENT = 0,
        LIVE = 1,
        CONFIG = 2,
        FORCE = 4,
    }

    /// What an offset into guest memory means.
    pub struct DomainMemoryPeekFlags(u32) {
        VIRTUAL = 1,
        PHYSICAL = 2,
    }

    /// How to end the job of a disk.
    pub struct DomainBlockJobAbortFlags(u32) {
        ASYNC = 1,
        PIVOT = 2,
    }

    /// In which unit a bandwidth is returned.
    pub struct DomainBlockJobInfoFlags(u32) {
        BANDWIDTH_BYTES = 1,
    }

    /// In which unit a bandwidth is given.
    pub struct DomainBlockJobSetSpeedFlags(u32) {
        BANDWIDTH_BYTES = 1,
    }

    /// How to pull.
    pub struct DomainBlockPullFlags(u32) {
        BANDWIDTH_BYTES = 64,
    }

    /// How to resize.
    pub struct DomainBlockResizeFlags(u32) {
        BYTES = 1,
        CAPACITY = 2,
    }

    /// How to rebase or copy.
    pub struct DomainBlockRebaseFlags(u32) {
        SHALLOW = 1,
        REUSE_EXT = 2,
        COPY_RAW = 4,
        COPY = 8,
        RELATIVE = 16,
        COPY_DEV = 32,
        BANDWIDTH_BYTES = 64,
    }

    /// How to commit.
    pub struct DomainBlockCommitFlags(u32) {
        SHALLOW = 1,
        DELETE = 2,
        ACTIVE = 4,
        RELATIVE = 8,
        BANDWIDTH_BYTES = 16,
    }

    /// How to copy.
    pub struct DomainBlockCopyFlags(u32) {
        SHALLOW = 1,
        REUSE_EXT = 2,
        TRANSIENT_JOB = 4,
        SYNCHRONOUS_WRITES = 8,
    }

    /// How to take a snapshot.
    pub struct DomainSnapshotCreateFlags(u32) {
        REDEFINE = 1,
        CURRENT = 2,
        NO_METADATA = 4,
        HALT = 8,
        DISK_ONLY = 16,
        REUSE_EXT = 32,
        QUIESCE = 64,
        ATOMIC = 128,
        LIVE = 256,
        VALIDATE = 512,
    }

    /// What to print of a snapshot.
    pub struct DomainSnapshotXmlFlags(u32) {
        SECURE = 1,
    }

    /// Which snapshots to list.
    pub struct DomainSnapshotListFlags(u32) {
        DESCENDANTS = 1,
        ROOTS = 1,
        METADATA = 2,
        LEAVES = 4,
        NO_LEAVES = 8,
        NO_METADATA = 16,
        INACTIVE = 32,
        ACTIVE = 64,
        DISK_ONLY = 128,
        INTERNAL = 256,
        EXTERNAL = 512,
        TOPOLOGICAL = 1024,
    }

    /// How to return to a snapshot.
    pub struct DomainSnapshotRevertFlags(u32) {
        RUNNING = 1,
        PAUSED = 2,
        FORCE = 4,
        RESET_NVRAM = 8,
    }

    /// What to remove with a snapshot.
    pub struct DomainSnapshotDeleteFlags(u32) {
        CHILDREN = 1,
        METADATA_ONLY = 2,
        CHILDREN_ONLY = 4,
    }

    /// How to make a checkpoint.
    pub struct DomainCheckpointCreateFlags(u32) {
        REDEFINE = 1,
        QUIESCE = 2,
        REDEFINE_VALIDATE = 4,
    }

    /// What to print of a checkpoint.
    pub struct DomainCheckpointXmlFlags(u32) {
        SECURE = 1,
        NO_DOMAIN = 2,
        SIZE = 4,
    }

    /// Which checkpoints to list.
    pub struct DomainCheckpointListFlags(u32) {
        DESCENDANTS = 1,
        ROOTS = 1,
        TOPOLOGICAL = 2,
        LEAVES = 4,
        NO_LEAVES = 8,
    }

    /// What to remove with a checkpoint.
    pub struct DomainCheckpointDeleteFlags(u32) {
        CHILDREN = 1,
        METADATA_ONLY = 2,
        CHILDREN_ONLY = 4,
    }

    /// How to back up.
    pub struct DomainBackupBeginFlags(u32) {
        REUSE_EXTERNAL = 1,
    }

    /// How to migrate.
    pub struct DomainMigrateFlags(u64) {
        LIVE = 1,
        PEER2PEER = 2,
        TUNNELLED = 4,
        PERSIST_DEST = 8,
        UNDEFINE_SOURCE = 16,
        PAUSED = 32,
        NON_SHARED_DISK = 64,
        NON_SHARED_INC = 128,
        CHANGE_PROTECTION = 256,
        UNSAFE = 512,
        OFFLINE = 1024,
        COMPRESSED = 2048,
        ABORT_ON_ERROR = 4096,
        AUTO_CONVERGE = 8192,
        RDMA_PIN_ALL = 16384,
        POSTCOPY = 32768,
        TLS = 65536,
        PARALLEL = 131072,
        NON_SHARED_SYNCHRONOUS_WRITES = 262144,
        POSTCOPY_RESUME = 524288,
        ZEROCOPY = 1048576,
    }

    /// Which speed of a migration is meant.
    pub struct DomainMigrateMaxSpeedFlags(u32) {
        POSTCOPY = 1,
    }

    /// How to dump.
    pub struct DomainCoreDumpFlags(u32) {
        CRASH = 1,
        LIVE = 2,
        BYPASS_CACHE = 4,
        RESET = 8,
        MEMORY_ONLY = 16,
    }

    /// How to save or restore.
    pub struct DomainSaveRestoreFlags(u32) {
        BYPASS_CACHE = 1,
        RUNNING = 2,
        PAUSED = 4,
        RESET_NVRAM = 8,
    }

    /// What to print of a saved file.
    pub struct DomainSaveImageXmlFlags(u32) {
        SECURE = 1,
    }

    /// Which job is meant.
    pub struct DomainJobStatsFlags(u32) {
        COMPLETED = 1,
        KEEP_COMPLETED = 2,
    }

    /// How to abort a job.
    pub struct DomainAbortJobFlags(u32) {
        POSTCOPY = 1,
    }

    /// Kinds of statistics.
    pub struct DomainStatsTypes(u32) {
        STATE = 1,
        CPU_TOTAL = 2,
        BALLOON = 4,
        VCPU = 8,
        INTERFACE = 16,
        BLOCK = 32,
        PERF = 64,
        IOTHREAD = 128,
        MEMORY = 256,
        DIRTYRATE = 512,
        VM = 1024,
    }

    /// Which domains statistics are wanted of, and how.
    pub struct AllDomainStatsFlags(u32) {
        ACTIVE = 1,
        INACTIVE = 2,
        PERSISTENT = 4,
        TRANSIENT = 8,
        RUNNING = 16,
        PAUSED = 32,
        SHUTOFF = 64,
        OTHER = 128,
        NOWAIT = 536870912,
        BACKING = 1073741824,
        ENFORCE_STATS = 2147483648,
    }

    /// How to measure.
    pub struct DomainDirtyRateCalcFlags(u32) {
        MODE_PAGE_SAMPLING = 0,
        MODE_DIRTY_BITMAP = 1,
        MODE_DIRTY_RING = 2,
    }

    /// How to set the guest clock.
    pub struct DomainSetTimeFlags(u32) {
        SYNC = 1,
    }

    /// In which form a password is given.
    pub struct DomainSetUserPasswordFlags(u32) {
        ENCRYPTED = 1,
    }

    /// Kinds of what an agent tells.
    pub struct DomainGuestInfoTypes(u32) {
        USERS = 1,
        OS = 2,
        TIMEZONE = 4,
        HOSTNAME = 8,
        FILESYSTEM = 16,
        DISKS = 32,
        INTERFACES = 64,
        LOAD = 128,
    }

    /// How to set SSH keys.
    pub struct DomainAuthorizedSshKeysSetFlags(u32) {
        APPEND = 1,
        REMOVE = 2,
    }

    /// How descriptors are treated.
    pub struct DomainFdAssociateFlags(u32) {
        SECLABEL_RESTORE = 1,
        SECLABEL_WRITABLE = 2,
    }

    /// In which form a monitor command is given.
    pub struct QemuMonitorCommandFlags(u32) {
        DEFAULT = 0,
        HMP = 1,
    }

    /// What the name of a monitor event means.
    pub struct QemuMonitorEventRegisterFlags(u32) {
        REGEX = 1,
        NOCASE = 2,
    }

    /// How to end the daemon.
    pub struct DaemonShutdownFlags(u32) {
        PRESERVE = 1,
    }
}

crate::constants::constants! {
    /// Formats of a dump.
    pub struct DomainCoreDumpFormat(u32) {
        RAW = 0,
        KDUMP_ZLIB = 1,
        KDUMP_LZO = 2,
        KDUMP_SNAPPY = 3,
        WIN_DMP = 4,
    }

    /// Ends of a guest.
    pub struct DomainLifecycle(u32) {
        POWEROFF = 0,
        REBOOT = 1,
        CRASH = 2,
    }

    /// What follows the end of a guest.
    pub struct DomainLifecycleAction(u32) {
        DESTROY = 0,
        RESTART = 1,
        RESTART_RENAME = 2,
        PRESERVE = 3,
        COREDUMP_DESTROY = 4,
        COREDUMP_RESTART = 5,
    }

    /// Who is asked for addresses.
    pub struct DomainInterfaceAddressesSource(u32) {
        LEASE = 0,
        AGENT = 1,
        ARP = 2,
    }

    /// Which graphics server is meant.
    pub struct DomainGraphicsReloadType(u32) {
        ANY = 0,
        VNC = 1,
    }
}
