//! Sockets that the service manager opened for us.
//!
//! UNSAFETY: the service manager says by number which descriptors are ours;
//! nobody else in this program knows or closes them.
#![allow(unsafe_code)]

use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixListener;

use crate::server::Door;

/// The passed sockets with what each is for; empty when started by hand.
///
/// Errors: a descriptor that is no listening Unix socket.
pub(crate) fn sockets() -> Result<Vec<(Door, UnixListener)>, String> {
    let numbers = sd_notify::listen_fds().map_err(|error| format!("sockets from the service manager: {error}"))?;
    let mut all = Vec::new();
    for number in numbers {
        // SAFETY: only looked at, and not kept.
        let announced = unsafe { BorrowedFd::borrow_raw(number) };
        rustix::io::fcntl_getfd(announced)
            .map_err(|error| format!("descriptor {number} of the service manager is not open: {error}"))?;
        // SAFETY: announced for this process, open, and taken once.
        let listener = UnixListener::from(unsafe { OwnedFd::from_raw_fd(number) });
        let address =
            listener.local_addr().map_err(|error| format!("descriptor {number} is no Unix socket: {error}"))?;
        let name = address.as_pathname().and_then(|path| path.file_name()).unwrap_or_default().to_string_lossy();
        let door = match &*name {
            name if name.ends_with("-admin-sock") => Door::Admin,
            name if name.ends_with("-sock-ro") => Door::ReadOnly,
            name if name.ends_with("-sock") => Door::ReadWrite,
            other => return Err(format!("descriptor {number} is a socket of unknown purpose: '{other}'")),
        };
        all.push((door, listener));
    }
    Ok(all)
}
