//! What an attribute of a rule may hold.

use super::words::Word;

/// One attribute of a protocol's element, described once for reading and printing.
#[derive(Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its name.
    pub name: &'static str,
    /// The kind of its value.
    pub kind: Kind,
}

/// The kind of an attribute's value. Instead of any of them a variable may stand.
#[derive(Debug, PartialEq, Eq)]
pub enum Kind {
    /// A number from `min` to `max`, or a word for one.
    Number {
        /// The smallest.
        min: u32,
        /// The largest.
        max: u32,
        /// Whether it may be written with `0x`.
        hex: Hex,
        /// Words in any case of letters; they print instead of their numbers.
        words: &'static [Word],
    },
    /// A hardware address.
    Mac,
    /// Ones followed by zeros, written as a hardware address.
    MacMask,
    /// An IPv4 address.
    Ipv4,
    /// A count of bits up to 32, or a mask written as an address.
    Ipv4Mask,
    /// An IPv6 address.
    Ipv6,
    /// A count of bits up to 128, or a mask written as an address.
    Ipv6Mask,
    /// `true`, `yes` and `1`, or anything else for false.
    Flag,
    /// A note of at most [`MAX_COMMENT`] bytes; what is longer is cut.
    Comment,
    /// The name of a set of addresses.
    SetName,
    /// Which addresses of a packet are looked up in the set.
    SetFlags,
    /// States of a connection.
    States,
    /// Flags of a TCP segment.
    TcpFlags,
}

/// Longest comment in bytes.
pub const MAX_COMMENT: usize = 256;
/// Longest name of a set.
pub(super) const MAX_SET_NAME: usize = 31;

/// How hexadecimal numbers are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hex {
    /// Refused.
    Refused,
    /// Read, printed as decimal.
    Read,
    /// Read and printed as such.
    Kept,
}

impl Kind {
    pub(super) const fn up_to(max: u32) -> Self {
        Self::Number { min: 0, max, hex: Hex::Kept, words: &[] }
    }

    pub(super) const fn word(min: u32, max: u32, words: &'static [Word]) -> Self {
        Self::Number { min, max, hex: Hex::Kept, words }
    }

    /// What is allowed, for errors.
    pub fn allowed(&self) -> String {
        match self {
            Self::Number { min, max, words, .. } => {
                let words: String = words.iter().map(|(word, _)| format!(", {word}")).collect();
                format!("a number from {min} to {max}{words}, a variable")
            }
            Self::Mac => "a hardware address, a variable".to_owned(),
            Self::MacMask => "ones followed by zeros as a hardware address, a variable".to_owned(),
            Self::Ipv4 => "an IPv4 address, a variable".to_owned(),
            Self::Ipv4Mask => "a number from 0 to 32, an IPv4 mask, a variable".to_owned(),
            Self::Ipv6 => "an IPv6 address, a variable".to_owned(),
            Self::Ipv6Mask => "a number from 0 to 128, an IPv6 mask, a variable".to_owned(),
            Self::Flag => "true, false, a variable".to_owned(),
            Self::Comment => "any text, a variable when it begins with '$'".to_owned(),
            Self::SetName => format!("up to {MAX_SET_NAME} of letters, digits, blanks and '_.:-+', a variable"),
            Self::SetFlags => "one to six of src and dst, joined by ','".to_owned(),
            Self::States => "NEW, ESTABLISHED, RELATED, INVALID joined by ',', or NONE".to_owned(),
            Self::TcpFlags => "two lists of FIN, SYN, RST, PSH, ACK, URG, or ALL or NONE, joined by '/'".to_owned(),
        }
    }
}
