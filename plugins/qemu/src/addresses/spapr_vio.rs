//! Registers on the virtual I/O bus of `pseries`.

use std::collections::BTreeSet;

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::{Address, ControllerType, DeviceInfo};
use oxivirt_core::{Error, Result};

/// Gives every device on that bus a register: the usual one of its kind, or
/// the next free one above.
///
/// Errors: `XML_ERROR` when two devices have one register or there is none left.
pub(super) fn assign(domain: &mut DomainDefinition) -> Result<()> {
    let d = &mut domain.devices;
    let mut all: Vec<(&mut DeviceInfo, u64)> = Vec::new();
    let nets = d.interfaces.iter_mut().filter(|x| x.model.as_deref() == Some("spapr-vlan"));
    all.extend(nets.map(|x| (&mut x.info, NET)));
    let scsi = d
        .controllers
        .iter_mut()
        .filter(|x| x.kind == ControllerType::Scsi && x.model.as_deref().is_none_or(|model| model == "ibmvscsi"));
    all.extend(scsi.map(|x| (&mut x.info, SCSI)));
    let serials = d.serials.iter_mut().filter(|x| x.target_type.as_deref() == Some("spapr-vio-serial"));
    all.extend(serials.map(|x| (&mut x.info, SERIAL)));
    all.extend(d.nvrams.iter_mut().map(|x| (&mut x.info, NVRAM)));
    let tpms = d.tpms.iter_mut().filter(|x| x.model.as_deref() != Some("spapr-tpm-proxy"));
    all.extend(tpms.map(|x| (&mut x.info, TPM)));
    let mut taken = BTreeSet::new();
    for (info, _) in &all {
        if let Some(Address::SpaprVio { reg: Some(reg) }) = info.address
            && !taken.insert(reg)
        {
            return Err(Error::xml(format!("spapr-vio address {reg:#x} already in use")));
        }
    }
    for (info, usual) in all {
        if matches!(info.address, None | Some(Address::SpaprVio { reg: None })) {
            let mut registers = (usual..=u64::from(u32::MAX)).step_by(STEP);
            let reg = registers.find(|reg| !taken.contains(reg));
            let reg = reg.ok_or_else(|| Error::xml("there is no free register on the spapr-vio bus"))?;
            taken.insert(reg);
            info.address = Some(Address::SpaprVio { reg: Some(reg) });
        }
    }
    Ok(())
}

const NET: u64 = 0x1000;
const SCSI: u64 = 0x2000;
const NVRAM: u64 = 0x3000;
const TPM: u64 = 0x4000;
const SERIAL: u64 = 0x3000_0000;
const STEP: usize = 0x1000;
