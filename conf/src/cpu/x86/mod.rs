//! CPUs of x86: what models consist of, what a CPU says of itself, and which model is nearest to it.

mod data;
mod map;
mod nearest;

pub use data::X86Data;
pub(in crate::cpu) use map::Features;
pub use map::{X86Map, X86Model};
pub use nearest::{NearestModel, OfferedModel, X86Cpu};
