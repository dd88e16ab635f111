//! The addresses that guests would have.

use std::net::{IpAddr, Ipv4Addr};

use oxivirt_conf::domain::devices::{Interface, InterfaceSource};
use oxivirt_conf::network::NetworkDefinition;
use oxivirt_core::abi::ROption;
use oxivirt_core::constants::IpAddrType;
use oxivirt_core::types::{GuestInterface, IpAddress, List, limit};
use oxivirt_core::{Error, ErrorCode, Result};

use crate::state::{Snapshot, State};

/// The addresses that each run may have: so many guests' cards stay apart.
const PER_RUN: u64 = 20;
/// Where cards outside of networks have theirs.
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 1);
const ELSEWHERE_PREFIX: u32 = 24;

/// One address for each card of a running domain: of its network's range, by
/// the number of the run and of the card.
///
/// Errors: `NO_NETWORK` a card's network is not there.
pub(crate) fn all(state: &State, domain: &Snapshot) -> Result<List<GuestInterface, { limit::GUEST_INTERFACES }>> {
    let run = u64::from(domain.definition().id.unwrap_or(0).saturating_sub(1));
    let cards = &domain.definition().devices.interfaces;
    let one = |(number, card): (usize, &Interface)| {
        let number = number as u64;
        let (address, prefix) = match &card.source {
            InterfaceSource::Network { network, .. } => {
                let missing =
                    || Error::new(ErrorCode::NO_NETWORK, format!("no network with matching name '{network}'"));
                let found = state.networks.by_name(network).ok_or_else(missing)?;
                within(found.snapshot().definition(), PER_RUN.saturating_mul(run) + number + 1)?
            }
            _ => (later(IpAddr::V4(ELSEWHERE), number)?, ELSEWHERE_PREFIX),
        };
        let family = if address.is_ipv4() { IpAddrType::IPV4 } else { IpAddrType::IPV6 };
        let hwaddr = card.mac.map(|mac| mac.to_string().into());
        let name = card.target.as_ref().and_then(|target| target.dev.as_deref()).unwrap_or_default();
        Ok(GuestInterface {
            name: name.into(),
            hwaddr: ROption::from(hwaddr),
            addrs: List::new(vec![IpAddress { r#type: family.0, addr: address.to_string().into(), prefix }])?,
        })
    };
    List::new(cards.iter().enumerate().map(one).collect::<Result<_>>()?)
}

/// The address that stands so many behind the first that a network gives away, or behind its own.
fn within(network: &NetworkDefinition, offset: u64) -> Result<(IpAddr, u32)> {
    let Some(ip) = network.ips.first() else { return Ok((later(IpAddr::V4(ELSEWHERE), offset)?, ELSEWHERE_PREFIX)) };
    let first = ip.dhcp.ranges.first().map_or(ip.address, |range| range.start);
    let prefix = ip.network_prefix().map_or(ELSEWHERE_PREFIX, u32::from);
    Ok((later(first, offset)?, prefix))
}

fn later(first: IpAddr, offset: u64) -> Result<IpAddr> {
    let address = match first {
        IpAddr::V4(first) => {
            let offset = u32::try_from(offset).ok();
            offset.and_then(|offset| first.to_bits().checked_add(offset)).map(|bits| Ipv4Addr::from_bits(bits).into())
        }
        IpAddr::V6(first) => {
            first.to_bits().checked_add(u128::from(offset)).map(|bits| std::net::Ipv6Addr::from_bits(bits).into())
        }
    };
    address.ok_or_else(|| Error::internal(format!("there are no addresses left behind {first}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_counted_and_end() {
        let later = |first: &str, offset| later(first.parse().expect("an address"), offset).map(|a| a.to_string());
        assert_eq!(later("192.168.122.2", 41).ok().as_deref(), Some("192.168.122.43"));
        assert_eq!(later("fe80::1", 255).ok().as_deref(), Some("fe80::100"));
        assert!(later("255.255.255.255", 1).is_err());
    }
}
