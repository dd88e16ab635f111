//! `<cpu>` of a host, as capabilities show it and comparisons take it, the models that have names, and what can be
//! computed from them: which model a CPU is, what several have in common, what a guest gets on a host.
//!
//! Nothing here asks the host: a caller brings its CPU. Start at [`CpuDescription`], which all of it takes; the
//! details of x86 stand in `x86/`.

mod baseline;
mod compare;
mod description;
mod guest;
mod host;
mod models;
mod power;
mod x86;

pub use baseline::{BaselineOptions, baseline, drop_unmigratable, expand_features};
pub use compare::{CpuComparison, compare};
pub use description::CpuDescription;
pub use guest::{HostFeatures, restrict, update, update_live};
pub use host::{
    Counter, CpuPages, CpuTopology, HostCpu, HostCpuFeature, Microcode, NameList, PhysicalAddress, PhysicalAddressMode,
    Signature,
};
pub use models::{ARCHITECTURES, model_names};
pub use x86::{NearestModel, OfferedModel, X86Cpu, X86Data, X86Map, X86Model};
