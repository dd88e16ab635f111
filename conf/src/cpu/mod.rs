//! `<cpu>` of a host, as capabilities show it and comparisons take it, and the names of models.

mod host;
mod models;

pub use host::{
    Counter, CpuPages, CpuTopology, HostCpu, HostCpuFeature, Microcode, NameList, PhysicalAddress, PhysicalAddressMode,
    Signature,
};
pub use models::{ARCHITECTURES, model_names};
