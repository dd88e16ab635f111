//! What the host's own CPU says of itself.

use std::os::unix::fs::FileExt;

use oxivirt_conf::cpu::{X86Data, X86Map};

/// Everything that models are told by; `None` on a host that is not of x86.
///
/// Registers that only the kernel may read are left out where it does not give them.
pub fn host_cpu() -> Option<X86Data> {
    let mut data = leaves()?;
    let registers = std::fs::File::open("/dev/cpu/0/msr");
    // Those about virtualization say what KVM could do, not what the CPU is.
    for index in X86Map::get().msrs().into_iter().filter(|index| !(0x480..=0x491).contains(index)) {
        let mut bytes = [0; 8];
        if let Ok(file) = &registers
            && file.read_exact_at(&mut bytes, u64::from(index)).is_ok()
        {
            data.set_msr(index, u64::from_le_bytes(bytes));
        }
    }
    Some(data)
}

#[cfg(target_arch = "x86_64")]
#[allow(unused_unsafe, reason = "newer compilers call the instruction safe")]
fn leaves() -> Option<X86Data> {
    use std::arch::x86_64::__cpuid_count;

    // SAFETY: every CPU of this architecture has the instruction, and it changes nothing.
    let ask = |leaf: u32, sub: u32| unsafe { __cpuid_count(leaf, sub) };
    let mut data = X86Data::default();
    for (leaf, sub) in X86Map::get().leaves() {
        // The first leaf of each range tells the last.
        if ask(leaf & 0xffff_0000, 0).eax >= leaf {
            let answer = ask(leaf, sub);
            data.set_leaf(leaf, sub, [answer.eax, answer.ebx, answer.ecx, answer.edx]);
        }
    }
    Some(data)
}

#[cfg(not(target_arch = "x86_64"))]
fn leaves() -> Option<X86Data> {
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn this_host_has_a_maker_and_a_model() {
        let cpu = host_cpu().unwrap().cpu();
        assert_eq!(cpu.vendor.len(), 12);
        assert!(cpu.features.iter().any(|name| name == "sse2"));
        assert!(X86Map::get().host(&cpu).is_some());
    }
}
