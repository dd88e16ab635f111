//! Flags of calls.

crate::constants::flags! {
    /// Which domains to list; flags of one group are alternatives, groups combine.
    pub struct ListDomainsFlags(u32) {
        ACTIVE = 1,
        INACTIVE = 2,
        PERSISTENT = 4,
        TRANSIENT = 8,
        RUNNING = 16,
        PAUSED = 32,
        SHUTOFF = 64,
        OTHER = 128,
        MANAGEDSAVE = 256,
        NO_MANAGEDSAVE = 512,
        AUTOSTART = 1024,
        NO_AUTOSTART = 2048,
        HAS_SNAPSHOT = 4096,
        NO_SNAPSHOT = 8192,
        HAS_CHECKPOINT = 16384,
        NO_CHECKPOINT = 32768,
    }

    /// How to start a domain.
    pub struct DomainCreateFlags(u32) {
        NONE = 0,
        START_PAUSED = 1,
        START_AUTODESTROY = 2,
        START_BYPASS_CACHE = 4,
        START_FORCE_BOOT = 8,
        START_VALIDATE = 16,
        START_RESET_NVRAM = 32,
    }

    /// How to define a domain.
    pub struct DomainDefineFlags(u32) {
        VALIDATE = 1,
    }

    /// What to remove along with a definition, or to keep.
    pub struct DomainUndefineFlags(u32) {
        MANAGED_SAVE = 1,
        SNAPSHOTS_METADATA = 2,
        NVRAM = 4,
        KEEP_NVRAM = 8,
        CHECKPOINTS_METADATA = 16,
        TPM = 32,
        KEEP_TPM = 64,
    }

    /// How to end a domain.
    pub struct DomainDestroyFlags(u32) {
        DEFAULT = 0,
        GRACEFUL = 1,
        REMOVE_LOGS = 2,
    }

    /// How to ask a guest to shut down.
    pub struct DomainShutdownFlags(u32) {
        DEFAULT = 0,
        ACPI_POWER_BTN = 1,
        GUEST_AGENT = 2,
        INITCTL = 4,
        SIGNAL = 8,
        PARAVIRT = 16,
    }

    /// How to ask a guest to reboot.
    pub struct DomainRebootFlags(u32) {
        DEFAULT = 0,
        ACPI_POWER_BTN = 1,
        GUEST_AGENT = 2,
        INITCTL = 4,
        SIGNAL = 8,
        PARAVIRT = 16,
    }

    /// What to print of a domain.
    pub struct DomainXmlFlags(u32) {
        SECURE = 1,
        INACTIVE = 2,
        UPDATE_CPU = 4,
        MIGRATABLE = 8,
    }

    /// How to open a console.
    pub struct DomainConsoleFlags(u32) {
        FORCE = 1,
        SAFE = 2,
    }

    /// Whether a change touches the running domain, its definition or both.
    pub struct DomainModificationImpact(u32) {
        CURRENT = 0,
        LIVE = 1,
        CONFIG = 2,
    }

    /// Which number of virtual CPUs is meant.
    pub struct DomainVcpuFlags(u32) {
        CURRENT = 0,
        LIVE = 1,
        CONFIG = 2,
        MAXIMUM = 4,
        GUEST = 8,
        HOTPLUGGABLE = 16,
    }

    /// Which amount of memory is meant.
    pub struct DomainMemoryFlags(u32) {
        CURRENT = 0,
        LIVE = 1,
        CONFIG = 2,
        MAXIMUM = 4,
    }

    /// Which messages about a domain to return.
    pub struct DomainMessageFlags(u32) {
        DEPRECATION = 1,
        TAINTING = 2,
        IOERRORS = 4,
    }
}
