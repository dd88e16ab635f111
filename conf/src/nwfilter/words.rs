//! Words that stand for numbers or bits.

use std::fmt;

/// A word and the number it stands for.
pub(super) type Word = (&'static str, u32);

pub(super) const ETHER_TYPES: &[Word] =
    &[("arp", 0x806), ("rarp", 0x8035), ("ipv4", 0x800), ("ipv6", 0x86dd), ("vlan", 0x8100)];

pub(super) const OPCODES: &[Word] = &[
    ("Request", 1),
    ("Reply", 2),
    ("Request_Reverse", 3),
    ("Reply_Reverse", 4),
    ("DRARP_Request", 5),
    ("DRARP_Reply", 6),
    ("DRARP_Error", 7),
    ("InARP_Request", 8),
    ("ARP_NAK", 9),
];

pub(super) const IP_PROTOCOLS: &[Word] = &[
    ("tcp", 6),
    ("udp", 17),
    ("udplite", 136),
    ("esp", 50),
    ("ah", 51),
    ("icmp", 1),
    ("igmp", 2),
    ("sctp", 132),
    ("icmpv6", 58),
];

/// The number of a word in any case of letters.
pub(super) fn number_of(words: &[Word], text: &str) -> Option<u32> {
    words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)).map(|(_, number)| *number)
}

/// The word for a number.
pub(super) fn word_of(words: &[Word], number: u32) -> Option<&'static str> {
    words.iter().find(|(_, other)| *other == number).map(|(word, _)| *word)
}

/// The name of an Ethernet protocol that has one: `ipv4` for 0x800.
pub fn ether_type_name(number: u32) -> Option<&'static str> {
    word_of(ETHER_TYPES, number)
}

/// The name of an ARP operation that has one: `Request` for 1.
pub fn opcode_name(number: u32) -> Option<&'static str> {
    word_of(OPCODES, number)
}

/// The name of an Internet protocol that has one: `tcp` for 6.
pub fn ip_protocol_name(number: u32) -> Option<&'static str> {
    word_of(IP_PROTOCOLS, number)
}

/// The bits of all words of a list, parted by commas or blanks.
fn bits(words: &[Word], list: &str) -> Option<u8> {
    let parts = list.split([',', ' ']).filter(|part| !part.is_empty());
    parts.map(|part| number_of(words, part)).try_fold(0, |all, bit| Some(all | bit? as u8))
}

/// Writes the words of all bits that are set, in the order of the table.
fn write_bits(f: &mut fmt::Formatter<'_>, words: &[Word], bits: u8) -> fmt::Result {
    let set = words.iter().filter(|(_, bit)| bits & *bit as u8 != 0);
    for (at, (word, _)) in set.enumerate() {
        write!(f, "{}{word}", if at > 0 { "," } else { "" })?;
    }
    Ok(())
}

/// States of a connection, as `NEW,ESTABLISHED`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ConnectionStates(u8);

impl ConnectionStates {
    const WORDS: &[Word] = &[("NEW", 1), ("ESTABLISHED", 2), ("RELATED", 4), ("INVALID", 8)];
    const NOTHING: u8 = 16;

    pub(super) fn parse(text: &str) -> Option<Self> {
        let words: Vec<Word> = Self::WORDS.iter().copied().chain([("NONE", u32::from(Self::NOTHING))]).collect();
        bits(&words, text).map(Self)
    }

    /// Whether the state is not looked at: `NONE` is in the list.
    pub const fn is_none(self) -> bool {
        self.0 & Self::NOTHING != 0
    }

    /// The words in the order in which they print; none when [`Self::is_none`].
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        let set = if self.is_none() { 0 } else { u32::from(self.0) };
        Self::WORDS.iter().filter(move |(_, bit)| set & bit != 0).map(|(word, _)| *word)
    }
}

impl fmt::Display for ConnectionStates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_none() { f.write_str("NONE") } else { write_bits(f, Self::WORDS, self.0) }
    }
}

/// Flags of a TCP segment, as `SYN,ACK/SYN`: those looked at, and of these the
/// ones that must be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TcpFlags {
    /// Bits of the header: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32.
    pub mask: u8,
    /// Bits of the header.
    pub set: u8,
}

impl TcpFlags {
    const WORDS: &[Word] = &[("FIN", 1), ("SYN", 2), ("RST", 4), ("PSH", 8), ("ACK", 16), ("URG", 32)];
    const ALL: u8 = 63;

    pub(super) fn parse(text: &str) -> Option<Self> {
        let words: Vec<Word> =
            Self::WORDS.iter().copied().chain([("ALL", u32::from(Self::ALL)), ("NONE", 0)]).collect();
        let (mask, set) = text.split_once('/')?;
        Some(Self { mask: bits(&words, mask)?, set: bits(&words, set)? })
    }
}

impl fmt::Display for TcpFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |f: &mut fmt::Formatter<'_>, bits| match bits {
            0 => f.write_str("NONE"),
            Self::ALL => f.write_str("ALL"),
            _ => write_bits(f, Self::WORDS, bits),
        };
        part(f, self.mask)?;
        f.write_str("/")?;
        part(f, self.set)
    }
}

/// Which end of a packet is looked up in a set of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SetDirection {
    /// `src`
    Source,
    /// `dst`
    Destination,
}

impl SetDirection {
    /// One for each dimension of a set.
    const MOST: usize = 6;

    /// The word of the document.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Source => "src",
            Self::Destination => "dst",
        }
    }

    /// Reads `src,dst`, one to six of them in any case of letters.
    pub(super) fn parse_list(text: &str) -> Option<Vec<Self>> {
        let one = |word: &str| {
            [Self::Source, Self::Destination].into_iter().find(|end| end.as_str().eq_ignore_ascii_case(word))
        };
        let list: Option<Vec<_>> = text.split(',').map(one).collect();
        list.filter(|list| list.len() <= Self::MOST)
    }
}
