//! Which memory nodes a process gets its memory from.

use std::ffi::{c_int, c_long, c_ulong};
use std::os::unix::process::CommandExt;
use std::process::Command;

use oxivirt_conf::domain::{CpuSet, NumaMode};

#[cfg(target_arch = "x86_64")]
const CALL: c_long = 238;
#[cfg(target_arch = "s390x")]
const CALL: c_long = 270;
#[cfg(target_arch = "powerpc64")]
const CALL: c_long = 261;
#[cfg(not(any(target_arch = "x86_64", target_arch = "s390x", target_arch = "powerpc64")))]
const CALL: c_long = 237;

unsafe extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
}

/// As many nodes as a kernel can have.
const NODES: usize = 1024;
const WORD: usize = c_ulong::BITS as usize;

/// Makes the child and all that it starts take memory from some nodes.
///
/// `Restrictive` is kept by control groups alone, and changes nothing here.
pub fn take_memory_from(command: &mut Command, mode: NumaMode, nodes: &CpuSet) {
    let mode: c_int = match mode {
        NumaMode::Preferred => 1,
        NumaMode::Strict => 2,
        NumaMode::Interleave => 3,
        NumaMode::Restrictive => return,
    };
    let mut mask: [c_ulong; NODES / WORD] = [0; NODES / WORD];
    for node in nodes.iter().map(|node| node as usize) {
        if let Some(word) = mask.get_mut(node / WORD) {
            *word |= 1 << (node % WORD);
        }
    }
    // SAFETY: one system call between fork and exec, with an array that was made before and is as long as the
    // kernel is told.
    unsafe {
        command.pre_exec(move || match syscall(CALL, mode, mask.as_ptr(), NODES as c_ulong + 1) {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        });
    }
}
