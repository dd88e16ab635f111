//! Flags and numbers of calls about storage and secrets.

crate::constants::flags! {
    /// How to start a pool.
    pub struct StoragePoolCreateFlags(u32) {
        NORMAL = 0,
        WITH_BUILD = 1,
        WITH_BUILD_OVERWRITE = 2,
        WITH_BUILD_NO_OVERWRITE = 4,
    }

    /// How to define a pool.
    pub struct StoragePoolDefineFlags(u32) {
        VALIDATE = 1,
    }

    /// How to make the place of a pool.
    pub struct StoragePoolBuildFlags(u32) {
        NEW = 0,
        REPAIR = 1,
        RESIZE = 2,
        NO_OVERWRITE = 4,
        OVERWRITE = 8,
    }

    /// How to remove the place of a pool.
    pub struct StoragePoolDeleteFlags(u32) {
        NORMAL = 0,
        ZEROED = 1,
    }

    /// What to print of a pool.
    pub struct StorageXmlFlags(u32) {
        INACTIVE = 1,
    }

    /// Which pools to list; flags of one group are alternatives, groups combine.
    pub struct ListStoragePoolsFlags(u32) {
        INACTIVE = 1,
        ACTIVE = 2,
        PERSISTENT = 4,
        TRANSIENT = 8,
        AUTOSTART = 16,
        NO_AUTOSTART = 32,
        DIR = 64,
        FS = 128,
        NETFS = 256,
        LOGICAL = 512,
        DISK = 1024,
        ISCSI = 2048,
        SCSI = 4096,
        MPATH = 8192,
        RBD = 16384,
        SHEEPDOG = 32768,
        GLUSTER = 65536,
        ZFS = 131072,
        VSTORAGE = 262144,
        ISCSI_DIRECT = 524288,
    }

    /// How to make a volume.
    pub struct StorageVolCreateFlags(u32) {
        PREALLOC_METADATA = 1,
        REFLINK = 2,
        VALIDATE = 4,
    }

    /// How to remove a volume.
    pub struct StorageVolDeleteFlags(u32) {
        NORMAL = 0,
        ZEROED = 1,
        WITH_SNAPSHOTS = 2,
    }

    /// How to write a volume from a stream.
    pub struct StorageVolUploadFlags(u32) {
        SPARSE_STREAM = 1,
    }

    /// How to send a volume through a stream.
    pub struct StorageVolDownloadFlags(u32) {
        SPARSE_STREAM = 1,
    }

    /// How to resize a volume.
    pub struct StorageVolResizeFlags(u32) {
        ALLOCATE = 1,
        DELTA = 2,
        SHRINK = 4,
    }

    /// Which sizes of a volume are wanted.
    pub struct StorageVolInfoFlags(u32) {
        USE_ALLOCATION = 0,
        GET_PHYSICAL = 1,
    }

    /// How to define a secret.
    pub struct SecretDefineFlags(u32) {
        VALIDATE = 1,
    }

    /// Which secrets to list; flags of one group are alternatives, groups combine.
    pub struct ListSecretsFlags(u32) {
        EPHEMERAL = 1,
        NO_EPHEMERAL = 2,
        PRIVATE = 4,
        NO_PRIVATE = 8,
    }
}

crate::constants::constants! {
    /// What a pool is doing.
    pub struct StoragePoolState(i32) {
        INACTIVE = 0,
        BUILDING = 1,
        RUNNING = 2,
        DEGRADED = 3,
        INACCESSIBLE = 4,
    }

    /// Kinds of volumes.
    pub struct StorageVolumeType(i32) {
        FILE = 0,
        BLOCK = 1,
        DIR = 2,
        NETWORK = 3,
        NETDIR = 4,
        PLOOP = 5,
    }

    /// Ways to overwrite a volume.
    pub struct StorageVolWipeAlgorithm(u32) {
        ZERO = 0,
        NNSA = 1,
        DOD = 2,
        BSI = 3,
        GUTMANN = 4,
        SCHNEIER = 5,
        PFITZNER7 = 6,
        PFITZNER33 = 7,
        RANDOM = 8,
        TRIM = 9,
    }

    /// What a secret is for.
    pub struct SecretUsageType(i32) {
        NONE = 0,
        VOLUME = 1,
        CEPH = 2,
        ISCSI = 3,
        TLS = 4,
        VTPM = 5,
    }
}
