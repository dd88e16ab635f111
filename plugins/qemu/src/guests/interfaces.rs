//! Network cards: traffic, and addresses that the host has seen.

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::{Interface, InterfaceSource, MacAddress};
use oxivirt_conf::domain::tuning::bandwidth;
use oxivirt_conf::object::Affected;
use oxivirt_core::types::{DomainInterfaceStats, TypedParam};
use oxivirt_core::{Error, ErrorCode, ErrorDomain, Result};

use super::Guests;
use super::agent::{GuestCard, arp_table};
use super::stats::traffic;
use crate::neighbours::Neighbours;
use crate::state::Job;
use crate::sys;

/// The place of the card with this device on the host, or this address.
///
/// Errors: `INVALID_ARG` there is none.
pub(crate) fn card_at(definition: &DomainDefinition, device: &str) -> Result<usize> {
    let fits = |card: &Interface| {
        let target = card.target.as_ref().and_then(|target| target.dev.as_deref());
        let own = card.mac.is_some_and(|mac| device.parse().is_ok_and(|wanted: MacAddress| wanted == mac));
        own || target == Some(device)
    };
    let unknown = || Error::invalid_arg(format!("'{device}' is not a known interface")).in_domain(ErrorDomain::DOMAIN);
    definition.devices.interfaces.iter().position(fits).ok_or_else(unknown)
}

impl Guests {
    /// Changes the limits of a card's traffic.
    ///
    /// Errors: `INVALID_ARG` no such card; `OPERATION_UNSUPPORTED` it has no
    /// device on the host; what [`sys::set_limits`] says. After an error
    /// nothing has changed.
    pub(crate) fn limit_card(&self, job: &Job, affected: Affected, device: &str, params: &[TypedParam]) -> Result<()> {
        let change = |definition: &mut DomainDefinition| -> Result<()> {
            let at = card_at(definition, device)?;
            if let Some(card) = definition.devices.interfaces.get_mut(at) {
                let mut seen = card.connected().into_owned();
                bandwidth::set(&mut seen, params);
                card.bandwidth.clone_from(&seen.bandwidth);
                if let Some(actual) = &mut card.actual {
                    actual.bandwidth = seen.bandwidth;
                }
            }
            Ok(())
        };
        let snapshot = job.snapshot();
        if affected.config() {
            card_at(snapshot.inactive_definition(), device)?;
        }
        if affected.live() {
            let live = snapshot.definition();
            let old = live.devices.interfaces.get(card_at(live, device)?);
            let mut card = old.ok_or_else(|| Error::internal("the card is lost"))?.connected().into_owned();
            let before = card.bandwidth.clone();
            bandwidth::set(&mut card, params);
            let target = card.target.as_ref().and_then(|target| target.dev.as_deref());
            let target = target.ok_or_else(|| {
                let text = format!("interface '{device}' has no device on the host whose traffic could be limited");
                Error::new(ErrorCode::OPERATION_UNSUPPORTED, text)
            })?;
            sys::set_limits(target, card.bandwidth.as_deref()).inspect_err(|_| {
                if let Err(error) = sys::set_limits(target, before.as_deref()) {
                    tracing::error!(device, %error, "a card has lost its limits");
                }
            })?;
            self.edit_live(job, &change)?;
        }
        if affected.config() {
            self.edit_stored(job, &change)?;
        }
        Ok(())
    }
}

/// What went through a card, seen from the guest.
///
/// Errors: `INTERNAL_ERROR` where the host has no device for it.
pub(crate) fn interface_stats(definition: &DomainDefinition, device: &str) -> Result<DomainInterfaceStats> {
    let card = definition.devices.interfaces.get(card_at(definition, device)?);
    let traffic = card.and_then(traffic).ok_or_else(|| Error::internal("/proc/net/dev: Interface not found"))?;
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    Ok(DomainInterfaceStats {
        rx_bytes: number(traffic.received.bytes),
        rx_packets: number(traffic.received.packets),
        rx_errs: number(traffic.received.errors),
        rx_drop: number(traffic.received.drops),
        tx_bytes: number(traffic.sent.bytes),
        tx_packets: number(traffic.sent.packets),
        tx_errs: number(traffic.sent.errors),
        tx_drop: number(traffic.sent.drops),
    })
}

/// Cards that their networks gave addresses to.
///
/// Errors: those of the network driver.
pub(crate) fn leased_addresses(definition: &DomainDefinition, networks: &dyn Neighbours) -> Result<Vec<GuestCard>> {
    let mut cards = Vec::new();
    for card in &definition.devices.interfaces {
        let own = card.actual.as_deref().is_none_or(|actual| actual.own_bridge);
        let (InterfaceSource::Network { network, .. }, Some(mac), true) = (&card.source, card.mac, own) else {
            continue;
        };
        let leases = networks.leases(network, &mac.to_string())?;
        let addresses: Vec<_> =
            leases.into_iter().map(|lease| (lease.r#type == SIXTH, lease.ipaddr.into_string(), lease.prefix)).collect();
        if !addresses.is_empty() {
            let name = card.target.as_ref().and_then(|target| target.dev.clone()).unwrap_or_default();
            cards.push(GuestCard { name, hardware: Some(mac.to_string()), addresses });
        }
    }
    Ok(cards)
}

/// The number of IPv6 among kinds of addresses.
const SIXTH: i32 = 1;

/// Cards that neighbours of the host have addresses of.
pub(crate) fn seen_addresses(definition: &DomainDefinition) -> Result<Vec<GuestCard>> {
    let table = arp_table().map_err(|e| Error::system("cannot read the table of neighbours", &e))?;
    let mut cards = Vec::new();
    for card in &definition.devices.interfaces {
        let Some(mac) = card.mac.map(|mac| mac.to_string()) else { continue };
        let own = table.iter().filter(|entry| entry.hardware.eq_ignore_ascii_case(&mac));
        let addresses: Vec<_> = own.map(|entry| (false, entry.address.clone(), 0)).collect();
        if !addresses.is_empty() {
            let name = card.target.as_ref().and_then(|target| target.dev.clone()).unwrap_or_default();
            cards.push(GuestCard { name, hardware: Some(mac), addresses });
        }
    }
    Ok(cards)
}
