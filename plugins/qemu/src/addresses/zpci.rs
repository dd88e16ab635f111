//! The two identities that a PCI device has on s390.

use std::collections::BTreeSet;

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::{Address, PciAddress, ZpciAddress};
use oxivirt_core::{Error, Result};

/// Which devices get identities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// Those that the definition put in a place and gave a part of them.
    Given,
    /// All.
    All,
}

/// Gives PCI devices a user's and a function's identity.
///
/// Errors: `XML_ERROR` when two devices share one; `INTERNAL_ERROR` when there
/// is none left.
pub(super) fn assign(domain: &mut DomainDefinition, who: Who) -> Result<()> {
    let (mut uids, mut fids) = (BTreeSet::new(), BTreeSet::new());
    for device in domain.devices.iter() {
        let Some(zpci) = device.info().and_then(|info| info.address.as_ref()).and_then(zpci) else { continue };
        if let Some(uid) = zpci.uid
            && !uids.insert(uid)
        {
            return Err(Error::xml(format!("zPCI uid {uid:#06x} is already reserved")));
        }
        if let Some(fid) = zpci.fid
            && !fids.insert(fid)
        {
            return Err(Error::xml(format!("zPCI fid {fid:#010x} is already reserved")));
        }
    }
    domain.devices.for_each_mut(|device| match device.info().and_then(|info| info.address.as_mut()) {
        Some(Address::Pci(at)) if !at.is_empty() && (who == Who::All || at.zpci.is_some()) => {
            identify(at, &mut uids, &mut fids)
        }
        _ => Ok(()),
    })
}

fn zpci(address: &Address) -> Option<ZpciAddress> {
    match address {
        Address::Pci(at) => at.zpci,
        _ => None,
    }
}

fn identify(at: &mut PciAddress, uids: &mut BTreeSet<u32>, fids: &mut BTreeSet<u32>) -> Result<()> {
    let zpci = at.zpci.get_or_insert_default();
    if zpci.uid.is_none() {
        let free = (1..=0xffff).find(|uid| uids.insert(*uid));
        zpci.uid = Some(free.ok_or_else(|| Error::internal("There is no free zPCI uid"))?);
    }
    if zpci.fid.is_none() {
        let free = (0..=u32::MAX).find(|fid| fids.insert(*fid));
        zpci.fid = Some(free.ok_or_else(|| Error::internal("There is no free zPCI fid"))?);
    }
    Ok(())
}
