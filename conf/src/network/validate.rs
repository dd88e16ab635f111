//! Checks of the whole that hold for every driver.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use oxivirt_core::{Error, Result};

use super::{ForwardMode, NetworkDefinition};
use crate::net::network_of;

/// Refuses a network that no driver could run.
pub(super) fn run(def: &NetworkDefinition) -> Result<()> {
    forward(def)?;
    bridge(def)?;
    routes(def)?;
    match def.dns.contradicts() {
        true => refuse(format!("network '{}' has its <dns> disabled, and something listed in it", def.name)),
        false => Ok(()),
    }
}

fn refuse(what: String) -> Result<()> {
    Err(Error::xml(what))
}

fn forward(def: &NetworkDefinition) -> Result<()> {
    let (name, mode) = (&def.name, def.forward.mode);
    match mode {
        ForwardMode::Nat | ForwardMode::Route => {
            if def.ips.is_empty() {
                return refuse(format!("{mode} forwarding requested, but no IP address provided for network '{name}'"));
            }
            if def.forward.devices.iter().filter(|device| device.dev().is_some()).count() > 1 {
                return refuse(format!("network '{name}' with forward mode='{mode}' can have only one interface"));
            }
        }
        ForwardMode::Open if def.forward.dev().is_some() => {
            return refuse(format!("forward dev not allowed for network '{name}' with forward mode='open'"));
        }
        _ => {}
    }
    Ok(())
}

fn bridge(def: &NetworkDefinition) -> Result<()> {
    let (name, mode) = (&def.name, def.forward.mode);
    if mode.has_own_bridge() {
        return Ok(());
    }
    const OWN: &str = "only allowed in open, route, nat, and isolated mode";
    if def.bridge.is_tuned() {
        return refuse(format!("bridge delay/stp/zone {OWN}, not in {mode} (network '{name}')"));
    }
    if def.mtu > 0 {
        return refuse(format!("mtu size {OWN}, not in {mode} (network '{name}')"));
    }
    if mode == ForwardMode::Bridge {
        let handed_out = !def.forward.devices.is_empty() || def.forward.pf.is_some();
        return match def.bridge.name.is_some() && handed_out {
            true => refuse(format!(
                "network '{name}' with forward mode='bridge' has a bridge name or a forward dev, but not both"
            )),
            false => Ok(()),
        };
    }
    if def.bridge.name.is_some() {
        return refuse(format!("bridge name not allowed in {mode} mode (network '{name}')"));
    }
    match def.bridge.mac_table_manager {
        Some(_) => refuse(format!("bridge macTableManager setting not allowed in {mode} mode (network '{name}')")),
        None => Ok(()),
    }
}

/// The gateway of every route lies in one of the networks.
fn routes(def: &NetworkDefinition) -> Result<()> {
    // By prefix, so that time does not grow with routes times addresses.
    let mut networks = HashMap::<u8, HashSet<IpAddr>>::new();
    for ip in &def.ips {
        if let Some(prefix) = ip.network_prefix() {
            networks.entry(prefix).or_default().insert(network_of(ip.address, prefix));
        }
    }
    let reaches = |gateway| networks.iter().any(|(prefix, known)| known.contains(&network_of(gateway, *prefix)));
    match def.routes.iter().find(|route| !reaches(route.gateway)) {
        Some(route) => Err(Error::config_unsupported(format!(
            "unreachable static route gateway '{}' specified for network '{}'",
            route.gateway, def.name
        ))),
        None => Ok(()),
    }
}
