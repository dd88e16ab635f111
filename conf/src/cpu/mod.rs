//! `<cpu>` of a host, as capabilities show it and comparisons take it, and the models that have names.

mod host;
mod models;
mod x86;

pub use host::{
    Counter, CpuPages, CpuTopology, HostCpu, HostCpuFeature, Microcode, NameList, PhysicalAddress, PhysicalAddressMode,
    Signature,
};
pub use models::{ARCHITECTURES, model_names};
pub use x86::{NearestModel, OfferedModel, X86Cpu, X86Map, X86Model};
