//! ARM, 32 and 64 bit.

use oxivirt_conf::domain::devices::{PanicModel, VideoType};

use oxivirt_conf::domain::{CpuFeature, CpuFeaturePolicy, DomainDefinition};
use oxivirt_core::{Error, Result};

use super::{Board, VirtioBus, is};

pub(super) fn board(arch: &str, machine: &str) -> Board {
    let virt = is(machine, "virt");
    let versatile = machine == "versatilepb";
    let realview = machine.starts_with("realview-");
    Board {
        pci_root: match () {
            () if virt => Some("pcie-root"),
            () if versatile => Some("pci-root"),
            () => None,
        },
        own_usb: (versatile || realview).then_some("pci-ohci"),
        usb: if arch == "aarch64" || virt { &["qemu-xhci", "nec-xhci"] } else { &["pci-ohci"] },
        net: match () {
            () if virt => "virtio",
            () if versatile => "smc91c111",
            () => "lan9118",
        },
        video: VideoType::Virtio,
        serial: virt.then_some(("system-serial", "pl011")),
        panic: virt.then_some(PanicModel::Pvpanic),
        balloon: false,
        tpm: Some("tpm-tis"),
        virtio: if virt || versatile { VirtioBus::Pci } else { VirtioBus::Mmio },
        gic: virt,
        arm: true,
        ..Board::plain()
    }
}

/// Lengths of vectors make sense with vectors only.
pub(super) fn complete(def: &mut DomainDefinition) {
    let Some(cpu) = &mut def.cpu else { return };
    let lengths = cpu.features.iter().any(is_wanted_length);
    if lengths && !cpu.features.iter().any(|feature| feature.name == "sve") {
        cpu.features.push(CpuFeature { policy: CpuFeaturePolicy::Require, name: "sve".to_owned() });
    }
}

pub(super) fn validate(def: &DomainDefinition) -> Result<()> {
    let features = def.cpu.as_ref().map(|cpu| cpu.features.as_slice()).unwrap_or_default();
    let disabled = features.iter().any(|f| f.name == "sve" && f.policy == CpuFeaturePolicy::Disable);
    match disabled && features.iter().any(is_wanted_length) {
        true => Err(Error::config_unsupported("SVE disabled, but SVE vector lengths provided")),
        false => Ok(()),
    }
}

/// Whether it is a length of vectors, `sve512`, that is asked for.
fn is_wanted_length(feature: &CpuFeature) -> bool {
    let length = feature.name.strip_prefix("sve").is_some_and(|bits| bits.parse::<u32>().is_ok());
    length && feature.policy == CpuFeaturePolicy::Require
}
