//! Huge pages and memory that is plugged.

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_core::Result;

use super::dangling;

pub(super) fn memory(def: &DomainDefinition) -> Result<()> {
    let nodes: Vec<u32> = match def.cpu.as_ref().and_then(|c| c.numa.as_ref()) {
        Some(numa) => numa.cells.iter().filter_map(|cell| cell.id).collect(),
        None => Vec::new(),
    };
    let pages = def.memory_backing.as_ref().and_then(|b| b.hugepages.as_ref());
    for page in pages.into_iter().flat_map(|p| &p.pages) {
        let Some(set) = &page.nodeset else { continue };
        // A guest without nodes has all its memory in node 0.
        let missing = set.iter().find(|node| !(nodes.contains(node) || nodes.is_empty() && *node == 0));
        if let Some(node) = missing {
            return dangling(format!("hugepages: node {node} not found"));
        }
    }
    for device in &def.devices.memories {
        if let Some(node) = device.target.node
            && !nodes.is_empty()
            && !nodes.contains(&node)
        {
            return dangling(format!(
                "can't add memory backend for guest node '{node}' as the guest has only '{}' NUMA nodes configured",
                nodes.len()
            ));
        }
    }
    Ok(())
}
