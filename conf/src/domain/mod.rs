//! The domain document.
//!
//! [`DomainDefinition::parse`] reads a document in phases, so that defaults
//! and limits live with the driver: generic parse, the driver's changes to
//! each device, the driver's changes to the whole, addresses, the generic
//! checks, the driver's checks. [`DomainHooks`] is what a driver implements.

mod abi;
mod clock;
mod cpu;
mod cpu_map;
mod cpuset;
mod definition;
pub mod devices;
mod features;
mod flags;
mod hooks;
mod locate;
mod memory;
pub(crate) mod metadata;
mod namespace;
mod one_device;
mod os;
mod post_parse;
mod security;
mod status;
mod tune;
pub mod tuning;
mod validate;
mod validate_cpu;
mod validate_devices;
mod validate_disk;
mod validate_each;
mod validate_interface;
mod vcpu;

pub use crate::sysinfo::{FwCfgEntry, SysInfo, SysInfoEntry, SysInfoType};
pub use abi::AbiChange;
pub use clock::*;
pub use cpu::*;
pub use cpu_map::CpuMapList;
pub use cpuset::{CpuSet, InvalidCpuSet};
pub use definition::{DomainDefinition, DomainType, GenId};
pub use devices::{Device, DeviceMut, DeviceRef, Devices};
pub use features::*;
pub use flags::{FormatFlags, ParseFlags};
pub use hooks::{DomainHooks, NoHooks};
pub use memory::*;
pub use metadata::MetadataChange;
pub(crate) use namespace::parse_metadata;
pub use namespace::{
    DeprecationBehavior, DeviceOverride, DriverNamespace, OverrideProperty, OverrideType, QEMU_NAMESPACE, QemuNamespace,
};
pub use os::*;
pub use security::*;
pub use status::{DomainStatus, State, StatusPrivate};
pub use tune::*;
pub use uuid::Uuid;
pub use vcpu::*;
