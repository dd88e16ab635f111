//! Formats of sources and of volumes.

use super::{PoolType, VolumeFormats};
use crate::domain::devices::StorageFormat;
use crate::xml_enum;

xml_enum! {
    /// A file system on a device.
    pub enum FsFormat {
        Auto = "auto", Ext2 = "ext2", Ext3 = "ext3", Ext4 = "ext4", Ufs = "ufs", Iso9660 = "iso9660", Udf = "udf",
        Gfs = "gfs", Gfs2 = "gfs2", Vfat = "vfat", HfsPlus = "hfs+", Xfs = "xfs", Ocfs2 = "ocfs2", Vmfs = "vmfs",
    }
}

xml_enum! {
    /// A file system on another host.
    pub enum NetFsFormat { Auto = "auto", Nfs = "nfs", GlusterFs = "glusterfs", Cifs = "cifs" }
}

xml_enum! {
    /// A volume manager.
    pub enum LogicalFormat { Unknown = "unknown", Lvm2 = "lvm2" }
}

xml_enum! {
    /// The kind of partition table of a disk.
    pub enum DiskLabel {
        Unknown = "unknown", Dos = "dos", Dvh = "dvh", Gpt = "gpt", Mac = "mac", Bsd = "bsd", Pc98 = "pc98", Sun = "sun",
        Lvm2 = "lvm2",
    }
}

xml_enum! {
    /// What a partition is marked as.
    pub enum PartitionType {
        None = "none", Linux = "linux", Fat16 = "fat16", Fat32 = "fat32", LinuxSwap = "linux-swap",
        LinuxLvm = "linux-lvm", LinuxRaid = "linux-raid", Extended = "extended",
    }
}

/// `<format type='…'>` of a pool's source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolFormat {
    /// Of `fs`.
    Fs(FsFormat),
    /// Of `netfs`.
    NetFs(NetFsFormat),
    /// Of `logical`.
    Logical(LogicalFormat),
    /// Of `disk`.
    Disk(DiskLabel),
}

impl PoolFormat {
    /// The word in the document.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fs(format) => format.as_str(),
            Self::NetFs(format) => format.as_str(),
            Self::Logical(format) => format.as_str(),
            Self::Disk(format) => format.as_str(),
        }
    }

    /// The format that a word means for a type of pool; `None` if it means none there.
    pub fn from_word(kind: PoolType, word: &str) -> Option<Self> {
        match kind.default_format()? {
            Self::Fs(_) => FsFormat::from_word(word).map(Self::Fs),
            Self::NetFs(_) => NetFsFormat::from_word(word).map(Self::NetFs),
            Self::Logical(_) => LogicalFormat::from_word(word).map(Self::Logical),
            Self::Disk(_) => DiskLabel::from_word(word).map(Self::Disk),
        }
    }

    /// The words for a type of pool, in order; empty when its sources have no format.
    pub fn words(kind: PoolType) -> Vec<&'static str> {
        match kind.default_format() {
            None => Vec::new(),
            Some(Self::Fs(_)) => FsFormat::ALL.iter().map(|f| f.as_str()).collect(),
            Some(Self::NetFs(_)) => NetFsFormat::ALL.iter().map(|f| f.as_str()).collect(),
            Some(Self::Logical(_)) => LogicalFormat::ALL.iter().map(|f| f.as_str()).collect(),
            Some(Self::Disk(_)) => DiskLabel::ALL.iter().map(|f| f.as_str()).collect(),
        }
    }
}

/// `<format type='…'>` of a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VolumeFormat {
    /// An image file.
    Image(StorageFormat),
    /// A partition.
    Partition(PartitionType),
}

impl VolumeFormat {
    /// The word in the document.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Image(format) => format.as_str(),
            Self::Partition(kind) => kind.as_str(),
        }
    }
}

impl VolumeFormats {
    /// The format where none is given.
    pub const fn default_format(self) -> VolumeFormat {
        match self {
            Self::Images => VolumeFormat::Image(StorageFormat::Raw),
            Self::Partitions => VolumeFormat::Partition(PartitionType::None),
        }
    }

    /// The format that a word means.
    pub fn from_word(self, word: &str) -> Option<VolumeFormat> {
        match self {
            Self::Images => StorageFormat::from_word(word).map(VolumeFormat::Image),
            Self::Partitions => PartitionType::from_word(word).map(VolumeFormat::Partition),
        }
    }

    /// The words, in order.
    pub fn words(self) -> Vec<&'static str> {
        match self {
            Self::Images => StorageFormat::ALL.iter().map(|f| f.as_str()).collect(),
            Self::Partitions => PartitionType::ALL.iter().map(|f| f.as_str()).collect(),
        }
    }
}
