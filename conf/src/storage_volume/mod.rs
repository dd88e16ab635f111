//! `<volume>`: an image or a device in a pool.
//!
//! Start reading at [`VolumeDefinition`]. A volume is read for the pool that
//! it is in: which formats there are depends on the pool's type.

mod backing;
mod definition;
mod extent;
mod features;
mod size;
mod target;
mod timestamps;

#[cfg(test)]
mod tests;

pub use backing::VolumeBacking;
pub use definition::{CapacityRule, VolumeDefinition, VolumeType};
pub use extent::VolumeExtent;
pub use features::VolumeFeatures;
pub use target::VolumeTarget;
pub use timestamps::{Timestamp, Timestamps};
