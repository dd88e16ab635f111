//! The QEMU process of a guest: where its files are, how it is started,
//! watched and ended.
//!
//! Knows nothing of definitions or states; `driver inside` puts those
//! together with this.

pub mod cpu_time;
mod folders;
mod gate;
mod handle;
mod log;
pub mod net_traffic;
pub(crate) mod pages;
mod ports;
pub mod resident;
mod spawn;
mod start;
#[cfg(test)]
mod tests;

pub use folders::{Folders, GuestFiles};
pub(crate) use gate::Gate;
pub use handle::{Exit, Process};
pub use log::GuestLog;
pub(crate) use log::timestamp;
pub use ports::PortPool;
pub use spawn::{Launch, listen};
pub(crate) use start::environment;
pub use start::{Running, Told, bring_up, monitor_socket};
