//! The types of pools, and what each has.

use super::PoolFormat;
use super::formats::{DiskLabel, FsFormat, LogicalFormat, NetFsFormat};
use crate::xml_enum;

xml_enum! {
    /// How a pool keeps its volumes.
    pub enum PoolType {
        Dir = "dir", Fs = "fs", NetFs = "netfs", Logical = "logical", Disk = "disk", Iscsi = "iscsi",
        IscsiDirect = "iscsi-direct", Scsi = "scsi", Mpath = "mpath", Rbd = "rbd", Sheepdog = "sheepdog",
        Gluster = "gluster", Zfs = "zfs", Vstorage = "vstorage",
    }
}

/// Which parts of `<source>` a type of pool has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SourceParts {
    /// `<host>`; at least one is required.
    pub hosts: bool,
    /// `<device>`.
    pub devices: bool,
    /// `<dir>`.
    pub dir: bool,
    /// `<adapter>`; required.
    pub adapter: bool,
    /// `<name>`; the pool's own name where absent.
    pub name: bool,
    /// `<initiator>`.
    pub initiator: bool,
}

/// Which formats the volumes of a type of pool have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VolumeFormats {
    /// Image files; `raw` where nothing is said.
    Images,
    /// Partitions; `none` where nothing is said.
    Partitions,
}

impl PoolType {
    /// The parts of the source.
    pub const fn source_parts(self) -> SourceParts {
        let none =
            SourceParts { hosts: false, devices: false, dir: false, adapter: false, name: false, initiator: false };
        match self {
            Self::Dir | Self::Mpath => none,
            Self::Fs | Self::Disk => SourceParts { devices: true, ..none },
            Self::NetFs => SourceParts { hosts: true, dir: true, ..none },
            Self::Logical | Self::Zfs => SourceParts { devices: true, name: true, ..none },
            Self::Iscsi | Self::IscsiDirect => SourceParts { hosts: true, devices: true, initiator: true, ..none },
            Self::Scsi => SourceParts { adapter: true, ..none },
            Self::Rbd | Self::Sheepdog => SourceParts { hosts: true, name: true, ..none },
            Self::Gluster => SourceParts { hosts: true, name: true, dir: true, ..none },
            Self::Vstorage => SourceParts { name: true, ..none },
        }
    }

    /// Whether a device alone says what the pool is made of, so that one is required.
    pub const fn needs_device(self) -> bool {
        matches!(self, Self::Fs | Self::Disk)
    }

    /// Whether the pool shows in a folder of this host; the others are only
    /// reached through the network.
    pub const fn has_target(self) -> bool {
        !matches!(self, Self::IscsiDirect | Self::Rbd | Self::Sheepdog | Self::Gluster)
    }

    /// Where the volumes show when that follows from the source's name: the
    /// folder that the name is put behind.
    pub const fn target_folder(self) -> Option<&'static str> {
        match self {
            Self::Logical => Some("/dev/"),
            Self::Zfs => Some("/dev/zvol/"),
            _ => None,
        }
    }

    /// Whether copy on write can be switched for the pool's folder.
    pub const fn has_cow(self) -> bool {
        matches!(self, Self::Dir | Self::Fs)
    }

    /// The format of the source where none is given; `None` when sources have no format.
    pub const fn default_format(self) -> Option<PoolFormat> {
        match self {
            Self::Fs => Some(PoolFormat::Fs(FsFormat::Auto)),
            Self::NetFs => Some(PoolFormat::NetFs(NetFsFormat::Auto)),
            Self::Logical => Some(PoolFormat::Logical(LogicalFormat::Lvm2)),
            Self::Disk => Some(PoolFormat::Disk(DiskLabel::Unknown)),
            _ => None,
        }
    }

    /// The formats of volumes; `None` when they have none.
    pub const fn volume_formats(self) -> Option<VolumeFormats> {
        match self {
            Self::Dir | Self::Fs | Self::NetFs | Self::Rbd | Self::Gluster | Self::Vstorage => {
                Some(VolumeFormats::Images)
            }
            Self::Disk => Some(VolumeFormats::Partitions),
            _ => None,
        }
    }

    /// Whether clients are shown a choice of formats for volumes.
    pub const fn has_volume_choice(self) -> bool {
        // Ceph keeps raw images, though others are accepted.
        !matches!(self, Self::Rbd)
    }
}
