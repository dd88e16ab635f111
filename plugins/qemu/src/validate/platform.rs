//! Parts of the board that are no devices of their own.

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::{InputBus, InputType, Iommu, IommuDriver, IommuModel};
use oxivirt_core::Result;

use super::{refuse, unsupported};
use crate::capabilities::Emulator;
use crate::command;

pub(super) fn features(def: &DomainDefinition, emulator: Option<&Emulator>) -> Result<()> {
    let f = &def.features;
    let x86 = matches!(def.os.arch(), "x86_64" | "i686");
    if x86 {
        let of_pseries = [
            ("hpt", f.hpt.is_some()),
            ("htm", f.htm.is_some()),
            ("nested-hv", f.nested_hv.is_some()),
            ("ccf-assist", f.ccf_assist.is_some()),
            ("cfpc", f.cfpc.is_some()),
            ("sbbc", f.sbbc.is_some()),
            ("ibs", f.ibs.is_some()),
            ("gic", f.gic.is_some()),
            ("ras", f.ras.is_some()),
            ("aia", f.aia.is_some()),
        ];
        if let Some((name, _)) = of_pseries.iter().find(|(_, given)| *given) {
            return unsupported(format!(
                "The '{name}' feature is not supported for architecture '{}' or machine type '{}'",
                def.os.arch(),
                def.os.machine()
            ));
        }
    }
    if f.smm.as_ref().is_some_and(|smm| smm.tseg.is_some()) && !command::is_q35(def) {
        return unsupported("SMM TSEG is only supported with q35 machine type");
    }
    let Some(ps2) = &f.ps2 else { return Ok(()) };
    // Binaries that were never asked about the board say nothing against it.
    let lacks = |e: &Emulator| e.properties.get(PC).is_some_and(|names| !names.contains("i8042"));
    if emulator.is_some_and(|e| e.version < FIRST_WITH_I8042 || lacks(e)) {
        return unsupported("ps2 feature state cannot be controlled with this QEMU binary");
    }
    let inputs = &def.devices.inputs;
    let explicit = |kind: InputType| inputs.iter().any(|i| i.kind == kind && i.bus == Some(InputBus::Ps2));
    if !ps2.0.is_on() && (explicit(InputType::Mouse) || explicit(InputType::Keyboard)) {
        return unsupported("ps2 bus inputs require the ps2 feature not to be disabled");
    }
    Ok(())
}

pub(super) fn iommus(def: &DomainDefinition) -> Result<()> {
    def.devices.iommus.iter().try_for_each(|device| iommu(device, def))
}

fn iommu(device: &Iommu, def: &DomainDefinition) -> Result<()> {
    let virt = matches!(def.os.arch(), "aarch64" | "armv7l") && def.os.machine().starts_with("virt");
    let word = device.model.as_str();
    match device.model {
        IommuModel::Intel if !command::is_q35(def) => {
            unsupported("IOMMU device: 'intel' is only supported with Q35 machines")
        }
        IommuModel::SmmuV3 if !virt => unsupported("IOMMU device: 'smmuv3' is only supported with ARM Virt machines"),
        IommuModel::Virtio if !virt && !command::is_q35(def) => {
            unsupported("IOMMU device: 'virtio' is only supported with Q35 and ARM Virt machines")
        }
        IommuModel::Virtio if !def.features.acpi => unsupported("IOMMU device: 'virtio' requires ACPI"),
        IommuModel::Virtio | IommuModel::SmmuV3 if device.driver != IommuDriver::default() => {
            refuse(format!("iommu model '{word}' doesn't support additional attributes"))
        }
        IommuModel::SmmuV3 if device.info.address.is_some() => {
            refuse(format!("iommu model '{word}' can't have address"))
        }
        _ => Ok(()),
    }
}

/// The type that all PC boards derive from.
const PC: &str = "generic-pc-machine";

/// QEMU 7.0.0.
const FIRST_WITH_I8042: u32 = 7_000_000;
