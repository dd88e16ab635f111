//! POWER: `pseries` with its own buses, and the old boards with plain PCI.

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::{ControllerType, PanicModel, VideoType};
use oxivirt_core::{Error, Result};

use super::{Board, is};

pub(super) fn board(machine: &str) -> Board {
    let pseries = is(machine, "pseries");
    Board {
        pci_root: Some("pci-root"),
        host_bridges: pseries,
        own_usb: pseries.then_some("pci-ohci"),
        usb: &["pci-ohci"],
        scsi: if pseries { &["ibmvscsi"] } else { &["lsilogic", "virtio-scsi"] },
        video: VideoType::Vga,
        serial: pseries.then_some(("spapr-vio-serial", "spapr-vty")),
        panic: pseries.then_some(PanicModel::Pseries),
        own_panic: pseries,
        tpm: Some("tpm-spapr"),
        ..Board::plain()
    }
}

pub(super) fn validate(def: &DomainDefinition) -> Result<()> {
    let refuse = |text: &str| Err(Error::config_unsupported(text));
    let proxies = def.devices.tpms.iter().filter(|tpm| tpm.model.as_deref() == Some("spapr-tpm-proxy")).count();
    if proxies > 1 {
        return refuse("only a single TPM Proxy device is supported");
    }
    let threads = def.cpu.as_ref().and_then(|cpu| cpu.topology.as_ref()).map_or(1, |topology| topology.threads).max(1);

    if [def.vcpu.current, def.vcpu.maximum].iter().any(|count| !count.is_multiple_of(threads)) {
        return refuse(&format!("vCPUs count must be a multiple of the vCPU hotplug granularity ({threads})"));
    }
    for c in def.devices.controllers.iter().filter(|c| c.kind == ControllerType::Pci) {
        let (first, target) = (c.index == Some(0), c.pci.target_index);
        if first && c.pci.numa_node.is_some() {
            return refuse("The PCI controller with index=0 can't be associated with a NUMA node");
        }
        if c.model.as_deref() == Some("pci-root") && target.is_some_and(|target| (target == 0) != first) {
            return refuse("Only the PCI controller with index 0 can have target index 0, and vice versa");
        }
    }
    Ok(())
}
