//! `<devices>`: one file per device or family, and the list of them all.

mod address;
mod char_source;
mod character;
mod controller;
mod disk;
mod display;
mod filesystem;
mod graphics;
mod hostdev;
mod interface;
mod list;
mod platform;
mod storage;

pub use address::*;
pub use char_source::*;
pub use character::*;
pub use controller::*;
pub use disk::*;
pub use display::*;
pub use filesystem::*;
pub use graphics::*;
pub use hostdev::*;
pub use interface::*;
pub use list::{Device, DeviceMut, DeviceRef, Devices};
pub use platform::*;
pub use storage::*;
