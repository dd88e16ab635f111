//! A guest's number in the family of sockets between host and guests.

use std::ffi::c_void;
use std::os::fd::OwnedFd;

use oxivirt_core::{Error, Result};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::ioctl::{Ioctl, IoctlOutput, Opcode};

/// Opens the kernel's side for a guest.
///
/// * `cid` – the guest's number; the first free one when absent.
/// * Errors: `CONFIG_UNSUPPORTED` where the kernel has no such sockets; `SYSTEM_ERROR`;
///   `INTERNAL_ERROR` when no number is free.
pub fn open_vsock(cid: Option<u32>) -> Result<(OwnedFd, u32)> {
    let fd = rustix::fs::open("/dev/vhost-vsock", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
        .map_err(|e| Error::config_unsupported(format!("unable to open vhost-vsock device: {e}")))?;
    let candidates = match cid {
        Some(cid) => cid..=cid,
        None => FIRST..=LAST,
    };
    for candidate in candidates {
        // SAFETY: the request reads one 64-bit number, which lives for the call.
        match unsafe { rustix::ioctl::ioctl(&fd, SetCid(u64::from(candidate))) } {
            Ok(()) => return Ok((fd, candidate)),
            Err(Errno::ADDRINUSE) if cid.is_none() => {}
            Err(e) => return Err(Error::system(format_args!("failed to set guest cid {candidate}"), &e.into())),
        }
    }
    Err(Error::internal("no number is free for the guest's vsock"))
}

struct SetCid(u64);

// SAFETY: the pointer is to the number in this request.
unsafe impl Ioctl for SetCid {
    type Output = ();
    const IS_MUTATING: bool = false;
    fn opcode(&self) -> Opcode {
        VHOST_VSOCK_SET_GUEST_CID
    }
    fn as_ptr(&mut self) -> *mut c_void {
        std::ptr::from_mut(&mut self.0).cast()
    }
    unsafe fn output_from_ptr(_: IoctlOutput, _: *mut c_void) -> rustix::io::Result<()> {
        Ok(())
    }
}

/// Smaller ones are the host and its hypervisor.
const FIRST: u32 = 3;
/// More guests than that cannot be.
const LAST: u32 = 65_535;
const VHOST_VSOCK_SET_GUEST_CID: Opcode = 0x4008_af60;
