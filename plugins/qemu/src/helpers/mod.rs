//! The programs that run beside a guest's QEMU and serve its devices.
//!
//! [`Program`] starts one and waits until it listens, [`Helper`] is one that
//! runs, [`Helpers`] are all of a guest: noted in its status file, found again
//! by the next daemon, ended with the guest. Each other file knows one
//! program: what it is called with and where its files are.

mod adopt;
pub mod bus;
pub mod gpu;
mod helper;
pub mod nbdkit;
pub mod passt;
mod program;
pub mod reservations;
mod site;
pub mod swtpm;
pub mod virtiofsd;

pub(crate) use adopt::{end_stray, left_by_another};
pub use helper::{Helper, Helpers, Kind, Started};

pub use site::Site;
