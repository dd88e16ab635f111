//! ARM, 32 and 64 bit.

use oxivirt_conf::domain::devices::{PanicModel, VideoType};

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
        ..Board::plain()
    }
}
