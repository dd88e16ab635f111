//! Numbers in statistics and in what is told about jobs.

crate::constants::constants! {
    /// Kinds of memory statistics.
    pub struct DomainMemoryStatTag(i32) {
        SWAP_IN = 0,
        SWAP_OUT = 1,
        MAJOR_FAULT = 2,
        MINOR_FAULT = 3,
        UNUSED = 4,
        AVAILABLE = 5,
        ACTUAL_BALLOON = 6,
        RSS = 7,
        USABLE = 8,
        LAST_UPDATE = 9,
        DISK_CACHES = 10,
        HUGETLB_PGALLOC = 11,
        HUGETLB_PGFAIL = 12,
        NR = 13,
    }

    /// How a job stands.
    pub struct DomainJobType(i32) {
        NONE = 0,
        BOUNDED = 1,
        UNBOUNDED = 2,
        COMPLETED = 3,
        FAILED = 4,
        CANCELLED = 5,
    }

    /// What a job does.
    pub struct DomainJobOperation(i32) {
        UNKNOWN = 0,
        START = 1,
        SAVE = 2,
        RESTORE = 3,
        MIGRATION_IN = 4,
        MIGRATION_OUT = 5,
        SNAPSHOT = 6,
        SNAPSHOT_REVERT = 7,
        DUMP = 8,
        BACKUP = 9,
        SNAPSHOT_DELETE = 10,
    }

    /// What the job of a disk does.
    pub struct DomainBlockJobType(i32) {
        UNKNOWN = 0,
        PULL = 1,
        COPY = 2,
        COMMIT = 3,
        ACTIVE_COMMIT = 4,
        BACKUP = 5,
    }

    /// How the job of a disk ended.
    pub struct DomainBlockJobStatus(i32) {
        COMPLETED = 0,
        FAILED = 1,
        CANCELED = 2,
        READY = 3,
    }

    /// What is wrong with a disk.
    pub struct DomainDiskErrorCode(i32) {
        NONE = 0,
        UNSPEC = 1,
        NO_SPACE = 2,
    }

    /// Families of addresses.
    pub struct IpAddrType(i32) {
        IPV4 = 0,
        IPV6 = 1,
    }
}
