//! `<cpu>` of a host, as capabilities show it and comparisons take it.

mod host;

pub use host::{
    Counter, CpuPages, CpuTopology, HostCpu, HostCpuFeature, Microcode, NameList, PhysicalAddress, PhysicalAddressMode,
    Signature,
};
