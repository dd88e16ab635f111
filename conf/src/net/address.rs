//! IP addresses, their families and prefixes.
#![allow(missing_docs, reason = "values are named as the words they stand for")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::xml::Value;
use crate::xml_enum;

xml_enum! {
    /// A family of addresses.
    pub enum IpFamily { Ipv4 = "ipv4", Ipv6 = "ipv6" }
}

impl IpFamily {
    /// The family of an address.
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::Ipv4,
            IpAddr::V6(_) => Self::Ipv6,
        }
    }

    /// The longest prefix.
    pub const fn bits(self) -> u8 {
        match self {
            Self::Ipv4 => 32,
            Self::Ipv6 => 128,
        }
    }
}

impl Value for IpAddr {
    /// Besides the usual forms the short and octal ones of IPv4 that the C
    /// functions know: `10.1`, `0x7f.1`.
    fn parse_value(text: &str) -> Option<Self> {
        match text.contains(':') {
            true => text.parse::<Ipv6Addr>().ok().map(Self::V6),
            false => Ipv4Addr::parse_value(text).map(Self::V4),
        }
    }

    fn allowed() -> String {
        "an IP address".to_owned()
    }

    fn write_value(&self, out: &mut String) {
        use std::fmt::Write;
        // Writing to a String does not fail. Addresses that end in an IPv4
        // address print as the C functions print them.
        let _ = match self {
            Self::V6(v6) => match v6.segments() {
                [0, 0, 0, 0, 0, 0, high, low] if high != 0 => {
                    write!(out, "::{}", Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
                }
                _ => write!(out, "{v6}"),
            },
            Self::V4(v4) => write!(out, "{v4}"),
        };
    }
}

impl Value for Ipv4Addr {
    fn parse_value(text: &str) -> Option<Self> {
        let mut whole: u32 = 0;
        let mut parts = text.split('.').peekable();
        let mut count: u32 = 0;
        while let Some(part) = parts.next() {
            let number = parse_part(part)?;
            count += 1;
            if parts.peek().is_some() {
                if number > 0xff || count > 3 {
                    return None;
                }
                whole = whole << 8 | number;
            } else {
                // The last part fills what is left.
                let bits = 32 - 8 * (count - 1);
                if u64::from(number) >> bits != 0 {
                    return None;
                }
                whole = whole.checked_shl(bits).unwrap_or(0) | number;
            }
        }
        Some(Self::from(whole))
    }

    fn allowed() -> String {
        "an IPv4 address".to_owned()
    }

    fn write_value(&self, out: &mut String) {
        IpAddr::V4(*self).write_value(out);
    }
}

/// One part of an IPv4 address: decimal, octal after `0`, hexadecimal after `0x`.
fn parse_part(part: &str) -> Option<u32> {
    let (digits, radix) = match part.strip_prefix("0x").or_else(|| part.strip_prefix("0X")) {
        Some(hex) => (hex, 16),
        None => match part.strip_prefix('0') {
            Some(octal) if !octal.is_empty() => (octal, 8),
            _ => (part, 10),
        },
    };
    let valid = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
    valid.then(|| u32::from_str_radix(digits, radix).ok()).flatten()
}

/// The prefix of a netmask; `None` when its ones do not stand together.
pub fn netmask_prefix(mask: Ipv4Addr) -> Option<u8> {
    let bits = u32::from(mask);
    let ones = bits.leading_ones();
    let expected = if ones == 0 { 0 } else { u32::MAX << (32 - ones) };
    // At most 32.
    (bits == expected).then_some(ones as u8)
}

/// The prefix of an address that comes without one: that of its class, or 64
/// for IPv6. `None` for IPv4 addresses in no class with networks.
pub const fn class_prefix(address: IpAddr) -> Option<u8> {
    match address {
        IpAddr::V6(_) => Some(64),
        IpAddr::V4(v4) => match v4.octets()[0] {
            0..=127 => Some(8),
            128..=191 => Some(16),
            192..=223 => Some(24),
            _ => None,
        },
    }
}

/// The address with everything behind the prefix cleared.
pub fn network_of(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(u32::from(prefix))).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from(u32::from(v4) & mask))
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(u32::from(prefix))).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from(u128::from(v6) & mask))
        }
    }
}

/// Whether `address` lies in the network of `network`.
pub fn is_within(address: IpAddr, network: IpAddr, prefix: u8) -> bool {
    network_of(address, prefix) == network_of(network, prefix)
}
