//! `<controller>`.

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::{Address, Controller, ControllerType};
use oxivirt_core::Result;

use super::{refuse, unsupported};

pub(super) fn controllers(def: &DomainDefinition) -> Result<()> {
    let cells = def.cpu.as_ref().and_then(|c| c.numa.as_ref()).map_or(0, |n| n.cells.len());
    def.devices.controllers.iter().filter(|c| c.kind == ControllerType::Pci).try_for_each(|c| pci(c, cells))
}

fn pci(c: &Controller, cells: usize) -> Result<()> {
    let model = c.model.as_deref().unwrap_or_default();
    if matches!(model, "pci-root" | "pcie-root") && !matches!(c.info.address, None | Some(Address::Unassigned)) {
        return unsupported("pci-root and pcie-root controllers should not have an address");
    }
    if let Some(node) = c.pci.numa_node
        && node as usize >= cells
        && matches!(model, "pci-expander-bus" | "pcie-expander-bus" | "pci-root")
    {
        return refuse(format!(
            "{model} with index {} is configured for a NUMA node ({node}) not present in the domain's <cpu><numa> \
             array ({cells})",
            c.index.unwrap_or_default()
        ));
    }
    Ok(())
}
