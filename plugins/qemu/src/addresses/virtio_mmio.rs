//! Boards with places for virtio devices that need no numbers.

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::Address;

use super::virtio;

/// Puts every virtio device that is nowhere yet in such a place.
pub(super) fn assign(domain: &mut DomainDefinition) {
    for info in virtio::devices(domain, false) {
        info.address.get_or_insert(Address::VirtioMmio);
    }
}
