//! The link of a card, its bridge, and the limits of its traffic.

use oxivirt_conf::domain::devices::{Interface, InterfaceSource};
use oxivirt_conf::domain::{DeviceRef, DomainDefinition};
use oxivirt_core::{Error, ErrorCode, Result};
use serde_json::json;

use super::unchanged;
use crate::hotplug::Session;
use crate::sys;

pub(super) fn update(session: &Session<'_>, live: &DomainDefinition, wanted: Interface) -> Result<DomainDefinition> {
    let at = find(live, &wanted)?;
    let mut changed = live.clone();
    let card = changed.devices.interfaces.get_mut(at).ok_or_else(|| Error::internal("the card is lost"))?;
    check(card, &wanted)?;
    let device = card.target.as_ref().and_then(|target| target.dev.clone()).unwrap_or_default();
    let bridges = bridge_of(&card.source).zip(bridge_of(&wanted.source)).filter(|(old, new)| old != new);
    let bridges = bridges.map(|(old, new)| (old.to_owned(), new.to_owned()));
    let had = card.connected().bandwidth.clone();
    // Saying again what the document said is no change of what its network made of it.
    let limits = (had.clone(), if wanted.bandwidth == card.bandwidth { had } else { wanted.bandwidth.clone() });
    if let Some((from, to)) = &bridges {
        sys::move_tap(&device, Some(from), to)?;
    }
    let back = |error: Error| {
        if let Some((to, from)) = &bridges
            && let Err(error) = sys::move_tap(&device, Some(from), to)
        {
            tracing::error!(device, %error, "a card cannot be put back on its bridge");
        }
        error
    };
    if limits.0 != limits.1 {
        sys::set_limits(&device, limits.1.as_deref()).map_err(|error| {
            if let Err(error) = sys::set_limits(&device, limits.0.as_deref()) {
                tracing::error!(device, %error, "a card has lost its limits");
            }
            back(error)
        })?;
    }
    let is_up = |card: &Interface| card.link.as_ref().is_none_or(|link| link.state.as_str() == "up");
    let alias = card.info.alias.as_deref().ok_or_else(|| Error::internal("a card has no alias"))?;
    if is_up(card) != is_up(&wanted) {
        session.run("set_link", json!({"name": alias, "up": is_up(&wanted)})).map_err(|error| {
            if limits.0 != limits.1
                && let Err(error) = sys::set_limits(&device, limits.0.as_deref())
            {
                tracing::error!(device, %error, "a card has lost its limits");
            }
            back(error)
        })?;
    }
    if bridges.is_some() {
        card.source = wanted.source;
    }
    card.link = wanted.link;
    card.bandwidth = wanted.bandwidth;
    if let Some(actual) = &mut card.actual {
        actual.bandwidth = limits.1;
    }
    Ok(changed)
}

/// The card that is meant: what it says beside its hardware address may be new.
fn find(live: &DomainDefinition, wanted: &Interface) -> Result<usize> {
    let like = Interface { mac: wanted.mac, info: wanted.info.clone(), ..Interface::default() };
    live.devices.find(DeviceRef::Interface(&like))
}

/// The bridge that a card is a port of.
fn bridge_of(source: &InterfaceSource) -> Option<&str> {
    match source {
        InterfaceSource::Bridge { bridge, .. } => Some(bridge),
        _ => None,
    }
}

/// All but the link, the bridge and the limits stays.
fn check(old: &Interface, new: &Interface) -> Result<()> {
    let target = |card: &Interface| card.target.as_ref().and_then(|target| target.dev.clone());
    let open = |name: &Option<String>| name.as_ref().is_none_or(|name| name.starts_with("vnet"));
    let model = |card: &Interface| card.model.as_ref().map_or("default".to_owned(), ToString::to_string);
    if new.model.is_some() && old.model != new.model {
        let text = format!("cannot modify network device model from {} to {}", model(old), model(new));
        return Err(Error::new(ErrorCode::OPERATION_UNSUPPORTED, text));
    }
    if old.mtu != new.mtu {
        return Err(Error::new(ErrorCode::OPERATION_UNSUPPORTED, "cannot modify MTU"));
    }
    // A document of the running guest says what the network made of the card.
    let seen = old.connected();
    unchanged(
        "network device",
        &[
            (same_source(&old.source, &new.source) || same_source(&seen.source, &new.source), "source"),
            (old.driver == new.driver, "driver"),
            (open(&target(new)) || target(old) == target(new), "target"),
            (old.vlan == new.vlan || seen.vlan == new.vlan, "vlan"),
            (old.virtualport == new.virtualport || seen.virtualport == new.virtualport, "virtualport"),
            (old.filterref == new.filterref, "filterref"),
            (old.script == new.script && old.downscript == new.downscript, "script"),
            (old.guest_ip == new.guest_ip && old.host_ip == new.host_ip, "ip"),
            (old.port_forwards == new.port_forwards, "portForward"),
            (old.backend == new.backend, "backend"),
            (old.tune == new.tune, "tune"),
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
        // From one bridge to another it can be moved.
        (InterfaceSource::Bridge { .. }, InterfaceSource::Bridge { .. }) => true,
        (a, b) => a == b,
    }
}
