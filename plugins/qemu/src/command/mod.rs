//! From a definition to QEMU's command line.

mod props;

pub use props::{Props, escape, on_off};
