//! Cards on networks, which know best what a card is plugged into.

use oxivirt_conf::domain::devices::{ActualInterface, Interface, InterfaceSource};
use oxivirt_conf::network_port::{MacTableManager, NetworkPort, Plug, PortOwner};
use oxivirt_conf::nwfilter::FilterReference;
use oxivirt_conf::nwfilter_binding::NwFilterBinding;
use oxivirt_core::{Error, Result};
use uuid::Uuid;

/// The port that a card wants: its network, and the document. `None` for a card that is not on a network.
pub fn wanted(owner: &PortOwner, card: &Interface) -> Result<Option<(String, NetworkPort)>> {
    let InterfaceSource::Network { network, portgroup, portid, .. } = &card.source else { return Ok(None) };
    let mac = card.mac.ok_or_else(|| Error::internal("a network card without a hardware address"))?;
    let port = NetworkPort {
        uuid: portid.unwrap_or_else(Uuid::new_v4),
        owner: owner.clone(),
        group: portgroup.clone(),
        mac,
        virtualport: card.virtualport.as_deref().cloned(),
        bandwidth: card.bandwidth.as_deref().cloned(),
        vlan: card.vlan.as_deref().cloned(),
        port: card.port.clone(),
        trust_guest_rx_filters: card.trust_guest_rx_filters,
        plug: None,
    };
    Ok(Some((network.clone(), port)))
}

/// Connects a card with what its port is plugged into.
///
/// Errors: `INTERNAL_ERROR` when that is nothing.
pub fn connect(card: &mut Interface, port: NetworkPort) -> Result<()> {
    let InterfaceSource::Network { network, portid, bridge, .. } = &mut card.source else { return Ok(()) };
    let bridged = |bridge: String, manager: Option<MacTableManager>| InterfaceSource::Bridge {
        bridge,
        mac_table_manager: manager.map(|word| word.as_str().to_owned()),
    };
    let mut actual = match port.plug {
        Some(Plug::Network { bridge, mac_table_manager }) => {
            ActualInterface { own_bridge: true, ..ActualInterface::new(bridged(bridge, mac_table_manager)) }
        }
        Some(Plug::Bridge { bridge, mac_table_manager }) => ActualInterface::new(bridged(bridge, mac_table_manager)),
        Some(Plug::Direct { dev, mode }) => ActualInterface::new(InterfaceSource::Direct { dev: Some(dev), mode }),
        Some(Plug::HostdevPci { managed, driver, address }) => {
            let source = InterfaceSource::Hostdev { managed, address: Some(address) };
            ActualInterface { driver, ..ActualInterface::new(source) }
        }
        None => return Err(Error::internal(format!("network '{network}' made a port that leads nowhere"))),
    };
    let mut bandwidth = port.bandwidth;
    actual.class_id = bandwidth.as_mut().and_then(|limits| limits.class_id.take());
    actual.bandwidth = bandwidth.map(Box::new);
    actual.vlan = port.vlan.map(Box::new);
    actual.virtualport = port.virtualport.map(Box::new);
    actual.port = port.port;
    actual.trust_guest_rx_filters = port.trust_guest_rx_filters;
    *portid = Some(port.uuid);
    *bridge = None;
    card.actual = Some(Box::new(actual));
    Ok(())
}

/// What a card is plugged into, as its port says it.
pub fn plug(actual: &ActualInterface) -> Option<Plug> {
    match &actual.source {
        InterfaceSource::Bridge { bridge, mac_table_manager } => {
            let manager = mac_table_manager.as_deref().and_then(MacTableManager::from_word);
            let (bridge, mac_table_manager) = (bridge.clone(), manager);
            Some(match actual.own_bridge {
                true => Plug::Network { bridge, mac_table_manager },
                false => Plug::Bridge { bridge, mac_table_manager },
            })
        }
        InterfaceSource::Direct { dev: Some(dev), mode } => Some(Plug::Direct { dev: dev.clone(), mode: *mode }),
        InterfaceSource::Hostdev { managed, address: Some(address) } => {
            Some(Plug::HostdevPci { managed: *managed, driver: actual.driver.clone(), address: *address })
        }
        _ => None,
    }
}

/// The network and the port that a card of a running guest has.
pub fn port_of(card: &Interface) -> Option<(&str, Uuid)> {
    match &card.source {
        InterfaceSource::Network { network, portid: Some(portid), .. } => Some((network, *portid)),
        _ => None,
    }
}

/// The filter of a card, for the device that it has on the host.
pub fn binding(owner: &PortOwner, card: &Interface, device: &str) -> Result<Option<NwFilterBinding>> {
    let Some(reference) = &card.filterref else { return Ok(None) };
    let mac = card.mac.ok_or_else(|| Error::internal("a network card without a hardware address"))?;
    let mut filter = FilterReference { filter: reference.filter.clone(), ..FilterReference::default() };
    for parameter in &reference.parameters {
        filter.parameters.entry(parameter.name.clone()).or_default().push(parameter.value.clone());
    }
    Ok(Some(NwFilterBinding {
        owner_name: owner.name.clone(),
        owner_uuid: owner.uuid,
        port_dev: device.to_owned(),
        link_dev: None,
        mac,
        filter,
    }))
}
