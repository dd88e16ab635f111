//! What calls say about pools, volumes and networks.

use abi_stable::StableAbi;
use abi_stable::std_types::{ROption, RString};
use oxivirt_macros::Xdr;

/// State and sizes of a pool, in bytes.
#[repr(C)]
#[derive(StableAbi, Clone, Copy, Debug, PartialEq, Eq, Xdr)]
pub struct StoragePoolInfo {
    /// One of `StoragePoolState`.
    pub state: u8,
    /// All of it.
    pub capacity: u64,
    /// What its volumes take.
    pub allocation: u64,
    /// What is left.
    pub available: u64,
}

/// Kind and sizes of a volume, in bytes.
#[repr(C)]
#[derive(StableAbi, Clone, Copy, Debug, PartialEq, Eq, Xdr)]
pub struct StorageVolumeInfo {
    /// One of `StorageVolumeType`.
    pub r#type: i8,
    /// What a guest sees.
    pub capacity: u64,
    /// What it takes on the host; its physical size when the flags asked for that.
    pub allocation: u64,
}

/// An address that the DHCP server of a network gave away.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq, Xdr)]
pub struct DhcpLease {
    /// Bridge of the network.
    pub iface: RString,
    /// When it runs out, in seconds since 1970.
    pub expirytime: i64,
    /// One of `IpAddrType`.
    pub r#type: i32,
    /// Hardware address of the guest's card.
    pub mac: ROption<RString>,
    /// Identity of the card in DHCPv6.
    pub iaid: ROption<RString>,
    /// The address.
    pub ipaddr: RString,
    /// Leading bits that name the network.
    pub prefix: u32,
    /// Name of the guest.
    pub hostname: ROption<RString>,
    /// What the guest calls itself: client id in DHCP, DUID in DHCPv6.
    pub clientid: ROption<RString>,
}
