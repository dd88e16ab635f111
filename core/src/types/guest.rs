//! What a guest tells about itself.

use abi_stable::StableAbi;
use abi_stable::std_types::{ROption, RString};
use oxivirt_macros::Xdr;

use super::{List, limit};

/// A mounted file system of a guest.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq, Xdr)]
pub struct FileSystemInfo {
    /// Where it is mounted.
    pub mountpoint: RString,
    /// Its device in the guest, such as `sda1`.
    pub name: RString,
    /// Its kind, such as `ext4`.
    pub fstype: RString,
    /// Targets of the disks below it.
    pub dev_aliases: List<RString, { limit::FILE_SYSTEMS }>,
}

/// An address with its network.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq, Xdr)]
pub struct IpAddress {
    /// One of `IpAddrType`.
    pub r#type: i32,
    /// In the usual notation.
    pub addr: RString,
    /// Leading bits that name the network.
    pub prefix: u32,
}

/// A network card of a guest with its addresses.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq, Xdr)]
pub struct GuestInterface {
    /// Its name in the guest, or its device on the host.
    pub name: RString,
    /// Its hardware address.
    pub hwaddr: ROption<RString>,
    /// Its addresses.
    pub addrs: List<IpAddress, { limit::GUEST_INTERFACES }>,
}
