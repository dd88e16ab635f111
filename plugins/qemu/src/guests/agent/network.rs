//! Addresses of a guest's network cards.

use serde_json::Value;

use oxivirt_core::Result;

use super::{Seat, malformed};

/// A card as the guest has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GuestCard {
    /// Its name in the guest.
    pub(crate) name: String,
    /// Its hardware address.
    pub(crate) hardware: Option<String>,
    /// Whether of the sixth version, address, leading bits of the network.
    pub(crate) addresses: Vec<(bool, String, u32)>,
}

/// A neighbour of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ArpEntry {
    pub(crate) address: String,
    pub(crate) hardware: String,
    pub(crate) device: String,
}

impl Seat {
    /// The cards with their addresses.
    pub(crate) fn cards(&self) -> Result<Vec<GuestCard>> {
        read(&self.ask("guest-network-get-interfaces", Value::Null)?)
    }

    /// The same; none where the agent cannot tell.
    pub(super) fn cards_if_known(&self) -> Result<Option<Vec<GuestCard>>> {
        let answer = self.ask_if_known("guest-network-get-interfaces", Value::Null)?;
        answer.as_ref().map(read).transpose()
    }
}

fn read(answer: &Value) -> Result<Vec<GuestCard>> {
    let list = answer.as_array().ok_or_else(|| malformed("guest-network-get-interfaces"))?;
    let mut cards: Vec<GuestCard> = Vec::new();
    for entry in list {
        let text = |key: &str| entry.get(key).and_then(Value::as_str);
        let name = text("name").ok_or_else(|| malformed("guest-network-get-interfaces"))?;
        // A second name of a card has further addresses of it.
        let name = name.split(':').next().unwrap_or(name);
        let at = match cards.iter().position(|card| card.name == name) {
            Some(at) => at,
            None => {
                let hardware = text("hardware-address").map(str::to_owned);
                cards.push(GuestCard { name: name.to_owned(), hardware, addresses: Vec::new() });
                cards.len() - 1
            }
        };
        let Some(card) = cards.get_mut(at) else { continue };
        for address in entry.get("ip-addresses").and_then(Value::as_array).into_iter().flatten() {
            let sixth = match address.get("ip-address-type").and_then(Value::as_str) {
                Some("ipv4") => false,
                Some("ipv6") => true,
                _ => return Err(malformed("guest-network-get-interfaces")),
            };
            let text = address.get("ip-address").and_then(Value::as_str);
            let prefix = address.get("prefix").and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
            if let (Some(text), Some(prefix)) = (text, prefix) {
                card.addresses.push((sixth, text.to_owned(), prefix));
            }
        }
    }
    Ok(cards)
}

/// The neighbours that the host knows.
pub(crate) fn arp_table() -> std::io::Result<Vec<ArpEntry>> {
    std::fs::read_to_string("/proc/net/arp").map(|text| parse(&text))
}

fn parse(table: &str) -> Vec<ArpEntry> {
    let entry = |line: &str| {
        let columns: Vec<&str> = line.split_ascii_whitespace().collect();
        let [address, _, flags, hardware, _, device] = columns.as_slice() else { return None };
        // One that did not answer has no address yet.
        if *flags == "0x0" {
            return None;
        }
        Some(ArpEntry { address: (*address).into(), hardware: (*hardware).into(), device: (*device).into() })
    };
    table.lines().skip(1).filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn second_names_belong_to_their_card() {
        let answer = json!([
            {"name": "lo"},
            {"name": "eth0", "hardware-address": "52:54:00:01:02:03",
             "ip-addresses": [{"ip-address-type": "ipv4", "ip-address": "10.0.2.15", "prefix": 24}]},
            {"name": "eth0:1", "ip-addresses": [{"ip-address-type": "ipv6", "ip-address": "fe80::1", "prefix": 64}]},
        ]);
        let cards = read(&answer).unwrap();
        assert_eq!(cards.len(), 2);
        assert_eq!(cards[1].addresses, [(false, "10.0.2.15".into(), 24), (true, "fe80::1".into(), 64)]);
        assert!(read(&json!({})).is_err());
    }

    #[test]
    fn neighbours_that_answered_are_known() {
        let table = "IP address HW type Flags HW address Mask Device\n\
                     10.0.0.2 0x1 0x2 52:54:00:01:02:03 * br0\n10.0.0.3 0x1 0x0 00:00:00:00:00:00 * br0\n";
        let known = parse(table);
        assert_eq!(known.len(), 1);
        assert_eq!((known[0].address.as_str(), known[0].device.as_str()), ("10.0.0.2", "br0"));
    }
}
