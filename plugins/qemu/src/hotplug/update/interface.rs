//! The link of a card.

use oxivirt_conf::domain::devices::{Interface, InterfaceSource};
use oxivirt_conf::domain::{DeviceRef, DomainDefinition};
use oxivirt_core::{Error, Result};
use serde_json::json;

use super::unchanged;
use crate::hotplug::Session;

pub(super) fn update(session: &Session<'_>, live: &DomainDefinition, wanted: Interface) -> Result<DomainDefinition> {
    let at = live.devices.find(DeviceRef::Interface(&wanted))?;
    let mut changed = live.clone();
    let card = changed.devices.interfaces.get_mut(at).ok_or_else(|| Error::internal("the card is lost"))?;
    check(card, &wanted)?;
    let is_up = |card: &Interface| card.link.as_ref().is_none_or(|link| link.state.as_str() == "up");
    let alias = card.info.alias.as_deref().ok_or_else(|| Error::internal("a card has no alias"))?;
    if is_up(card) != is_up(&wanted) {
        session.run("set_link", json!({"name": alias, "up": is_up(&wanted)}))?;
    }
    card.link = wanted.link;
    Ok(changed)
}

/// All but the link stays.
fn check(old: &Interface, new: &Interface) -> Result<()> {
    let target = |card: &Interface| card.target.as_ref().and_then(|target| target.dev.clone());
    let open = |name: &Option<String>| name.as_ref().is_none_or(|name| name.starts_with("vnet"));
    // A document of the running guest says what the network made of the card.
    let seen = old.connected();
    unchanged(
        "network device",
        &[
            (same_source(&old.source, &new.source) || same_source(&seen.source, &new.source), "source"),
            (new.model.is_none() || old.model == new.model, "model"),
            (old.driver == new.driver, "driver"),
            (open(&target(new)) || target(old) == target(new), "target"),
            (old.bandwidth == new.bandwidth || seen.bandwidth == new.bandwidth, "bandwidth"),
            (old.vlan == new.vlan || seen.vlan == new.vlan, "vlan"),
            (old.virtualport == new.virtualport || seen.virtualport == new.virtualport, "virtualport"),
            (old.filterref == new.filterref, "filterref"),
            (old.script == new.script && old.downscript == new.downscript, "script"),
            (old.guest_ip == new.guest_ip && old.host_ip == new.host_ip, "ip"),
            (old.port_forwards == new.port_forwards, "portForward"),
            (old.backend == new.backend, "backend"),
            (old.tune == new.tune, "tune"),
            (old.mtu == new.mtu, "mtu"),
            (old.coalesce == new.coalesce, "coalesce"),
            (old.teaming == new.teaming, "teaming"),
            (old.port == new.port || seen.port == new.port, "port"),
            (
                old.trust_guest_rx_filters == new.trust_guest_rx_filters
                    || seen.trust_guest_rx_filters == new.trust_guest_rx_filters,
                "trustGuestRxFilters",
            ),
            (new.info.boot.is_none() || old.info.boot == new.info.boot, "boot order"),
            (new.info.rom.is_none() || old.info.rom == new.info.rom, "rom"),
            (new.info.alias.is_none() || old.info.alias == new.info.alias, "alias"),
        ],
    )
}

/// What the host chose when it was started says nothing.
fn same_source(old: &InterfaceSource, new: &InterfaceSource) -> bool {
    match (old, new) {
        (
            InterfaceSource::Network { network: a, portgroup: b, .. },
            InterfaceSource::Network { network: c, portgroup: d, .. },
        ) => a == c && b == d,
        (InterfaceSource::Bridge { bridge: a, .. }, InterfaceSource::Bridge { bridge: b, .. }) => a == b,
        (a, b) => a == b,
    }
}
