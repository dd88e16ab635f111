//! Calls into the system that the standard library does not wrap.
//!
//! UNSAFETY: code between fork and exec, and network device requests.
#![allow(unsafe_code)]

mod tap;

use std::os::unix::process::CommandExt;
use std::process::Command;

pub use tap::{Tap, open_tap};

/// Makes the child the leader of a session of its own, with every signal
/// open again.
pub fn own_session(command: &mut Command) {
    // SAFETY: setsid is safe between fork and exec: one system call, no
    // memory of the parent is touched.
    unsafe {
        command.pre_exec(|| {
            rustix::process::setsid()?;
            Ok(())
        });
    }
}
