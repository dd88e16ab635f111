//! RISC-V and LoongArch, whose boards are alike.

use oxivirt_conf::domain::devices::VideoType;

use super::{Board, is};

pub(super) fn riscv(machine: &str) -> Board {
    Board { scsi: &["lsilogic", "virtio-scsi"], balloon: true, ..virtual_board(machine) }
}

pub(super) fn loongarch(machine: &str) -> Board {
    virtual_board(machine)
}

fn virtual_board(machine: &str) -> Board {
    let virt = is(machine, "virt");
    Board {
        pci_root: virt.then_some("pcie-root"),
        usb: &["qemu-xhci", "nec-xhci"],
        scsi: &["virtio-scsi"],
        net: "virtio",
        video: VideoType::Virtio,
        serial: virt.then_some(("system-serial", "16550a")),
        balloon: false,
        ..Board::plain()
    }
}
