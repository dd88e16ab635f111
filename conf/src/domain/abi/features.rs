//! `<features>`.

use oxivirt_core::Result;

use super::at::{At, elements};
use crate::domain::{Features, Hyperv, Kvm};

pub(super) fn check(old: &Features, new: &Features, at: At<'_>) -> Result<()> {
    let flags = [
        ("acpi", old.acpi, new.acpi),
        ("pae", old.pae, new.pae),
        ("viridian", old.viridian, new.viridian),
        ("privnet", old.privnet, new.privnet),
    ];
    flags.into_iter().try_for_each(|(name, old, new)| at.same_flag(name, old, new))?;
    // How QEMU translates code and tears down is its own matter.
    elements!(at, old, new;
        "apic" => apic, "hap" => hap, "xen" => xen, "pvspinlock" => pvspinlock, "capabilities" => capabilities,
        "pmu" => pmu, "vmport" => vmport, "gic" => gic, "smm" => smm, "ioapic" => ioapic, "hpt" => hpt, "htm" => htm,
        "vmcoreinfo" => vmcoreinfo, "nested-hv" => nested_hv, "msrs" => msrs, "ccf-assist" => ccf_assist,
        "cfpc" => cfpc, "sbbc" => sbbc, "ibs" => ibs, "ras" => ras, "ps2" => ps2, "aia" => aia,
    );
    at.both("hyperv", old.hyperv.as_deref(), new.hyperv.as_deref(), |at, old, new| hyperv(old, new, at))?;
    at.both("kvm", old.kvm.as_ref(), new.kvm.as_ref(), |at, old, new| kvm(old, new, at))
}

fn hyperv(old: &Hyperv, new: &Hyperv, at: At<'_>) -> Result<()> {
    at.same("@mode", &old.mode, &new.mode)?;
    elements!(at, old, new;
        "relaxed" => relaxed, "vapic" => vapic, "spinlocks" => spinlocks, "vpindex" => vpindex, "runtime" => runtime,
        "synic" => synic, "stimer" => stimer, "reset" => reset, "vendor_id" => vendor_id, "frequencies" => frequencies,
        "reenlightenment" => reenlightenment, "tlbflush" => tlbflush, "ipi" => ipi, "evmcs" => evmcs, "avic" => avic,
        "emsr_bitmap" => emsr_bitmap, "xmm_input" => xmm_input,
    );
    Ok(())
}

/// How dirty pages are found is not seen by the guest.
fn kvm(old: &Kvm, new: &Kvm, at: At<'_>) -> Result<()> {
    elements!(at, old, new;
        "hidden" => hidden, "hint-dedicated" => hint_dedicated, "poll-control" => poll_control, "pv-ipi" => pv_ipi,
    );
    Ok(())
}
