//! The values of a rule's attributes.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::attribute::{Hex, MAX_COMMENT, MAX_SET_NAME};
use super::{ConnectionStates, Kind, SetDirection, TcpFlags, Variable, address, words};
use crate::domain::devices::MacAddress;

/// What an attribute is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum MatchValue {
    /// To be filled in for each guest.
    Variable(Variable),
    /// A number, and whether it was written in hexadecimal.
    Number {
        /// The number.
        value: u32,
        /// Whether it prints with `0x`.
        hex: bool,
    },
    /// A hardware address or its mask.
    Mac(MacAddress),
    /// An IPv4 address.
    Ipv4(Ipv4Addr),
    /// An IPv6 address.
    Ipv6(Ipv6Addr),
    /// The length of a mask in bits.
    Prefix(u8),
    /// A choice.
    Flag(bool),
    /// A comment or the name of a set.
    Text(String),
    /// Ends of a packet.
    SetFlags(Vec<SetDirection>),
    /// States of a connection.
    States(ConnectionStates),
    /// Flags of a TCP segment.
    TcpFlags(TcpFlags),
}

/// Reads a decimal number of 32 bits as C does: blanks and a sign in front;
/// what is below zero wraps around.
pub(super) fn parse_decimal(text: &str) -> Option<u32> {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: u32 = digits.parse().ok()?;
    Some(if negative { number.wrapping_neg() } else { number })
}

/// Reads a number, and says whether it was hexadecimal.
fn parse_number(text: &str) -> Option<(u32, bool)> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) if hex.bytes().all(|b| b.is_ascii_hexdigit()) => Some((u32::from_str_radix(hex, 16).ok()?, true)),
        Some(_) => None,
        None => Some((parse_decimal(text)?, false)),
    }
}

impl MatchValue {
    /// Reads a value; `None` when it is not one of its kind.
    pub(super) fn parse(kind: &Kind, text: &str) -> Option<Self> {
        if text.starts_with('$') {
            return Variable::parse(text).map(Self::Variable);
        }
        let mac = || text.trim_ascii_end().parse::<MacAddress>().ok();
        Some(match kind {
            Kind::Number { min, max, hex, words } => {
                let (value, written_hex) = match words::number_of(words, text) {
                    Some(number) => (number, false),
                    None => parse_number(text)?,
                };
                if !(*min..=*max).contains(&value) || (written_hex && *hex == Hex::Refused) {
                    return None;
                }
                let hex = written_hex && *hex == Hex::Kept && words::word_of(words, value).is_none();
                Self::Number { value, hex }
            }
            Kind::Mac => Self::Mac(mac()?),
            Kind::MacMask => {
                let mask = mac()?;
                let bits = mask.0.iter().fold(0_u64, |all, byte| all << 8 | u64::from(*byte)) << 16;
                let ones = bits.leading_ones();
                if ones < 48 && bits << ones != 0 {
                    return None;
                }
                Self::Mac(mask)
            }
            Kind::Ipv4 => Self::Ipv4(address::parse_ipv4(text)?),
            Kind::Ipv6 => Self::Ipv6(text.parse().ok()?),
            Kind::Ipv4Mask => Self::Prefix(match parse_decimal(text) {
                Some(bits) => u8::try_from(bits).ok().filter(|bits| *bits <= 32)?,
                None => address::prefix_ipv4(address::parse_ipv4(text)?)?,
            }),
            Kind::Ipv6Mask => Self::Prefix(match parse_decimal(text) {
                Some(bits) => u8::try_from(bits).ok().filter(|bits| *bits <= 128)?,
                None => address::prefix_ipv6(text.parse().ok()?)?,
            }),
            Kind::Flag => Self::Flag(matches!(text, "true" | "yes" | "1")),
            Kind::Comment => Self::Text(text.get(..text.floor_char_boundary(MAX_COMMENT))?.to_owned()),
            Kind::SetName => {
                let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':' | '-' | '+' | ' ');
                if text.len() > MAX_SET_NAME || !text.chars().all(valid) {
                    return None;
                }
                Self::Text(text.to_owned())
            }
            Kind::SetFlags => Self::SetFlags(SetDirection::parse_list(text)?),
            Kind::States => Self::States(ConnectionStates::parse(text)?),
            Kind::TcpFlags => Self::TcpFlags(TcpFlags::parse(text)?),
        })
    }

    /// The text of the value in a document, not escaped.
    pub(super) fn text(&self, kind: &Kind) -> String {
        match self {
            Self::Variable(variable) => variable.to_string(),
            Self::Number { value, hex } => {
                let words = if let Kind::Number { words, .. } = kind { *words } else { &[] };
                match words::word_of(words, *value) {
                    Some(word) => word.to_owned(),
                    None if *hex => format!("{value:#x}"),
                    None => value.to_string(),
                }
            }
            Self::Mac(mac) => mac.to_string(),
            Self::Ipv4(address) => address.to_string(),
            Self::Ipv6(address) => address::format_ipv6(*address),
            Self::Prefix(bits) => bits.to_string(),
            Self::Flag(flag) => flag.to_string(),
            Self::Text(text) => text.clone(),
            Self::SetFlags(list) => {
                let mut out = String::new();
                for (at, direction) in list.iter().enumerate() {
                    // Writing to a String does not fail.
                    let _ = write!(out, "{}{}", if at > 0 { "," } else { "" }, direction.as_str());
                }
                out
            }
            Self::States(states) => states.to_string(),
            Self::TcpFlags(flags) => flags.to_string(),
        }
    }

    /// The number, where it is one and known.
    pub const fn number(&self) -> Option<u32> {
        match self {
            Self::Number { value, .. } => Some(*value),
            _ => None,
        }
    }
}
