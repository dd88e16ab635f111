//! Internet addresses as the C library reads and prints them.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Reads one to four numbers joined by dots, each decimal, octal after `0` or
/// hexadecimal after `0x`; the last one fills all bytes that are left.
pub(super) fn parse_ipv4(text: &str) -> Option<Ipv4Addr> {
    let parts: Vec<u32> = text.split('.').map(parse_part).collect::<Option<_>>()?;
    let (last, front) = parts.split_last()?;
    let width = 4_u32.checked_sub(front.len() as u32).filter(|width| *width > 0)?;
    let mut address = *last;
    if width < 4 && *last >> (8 * width) != 0 {
        return None;
    }
    for (at, part) in front.iter().enumerate() {
        address |= u32::from(u8::try_from(*part).ok()?) << (24 - 8 * at);
    }
    Some(Ipv4Addr::from_bits(address))
}

fn parse_part(text: &str) -> Option<u32> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => (hex, 16),
        None if text.len() > 1 && text.starts_with('0') => (text, 8),
        None => (text, 10),
    };
    let valid = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
    valid.then(|| u32::from_str_radix(digits, radix).ok()).flatten()
}

/// The text of an address; one that wraps an IPv4 address ends in its dots.
pub(super) fn format_ipv6(address: Ipv6Addr) -> String {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, high, _] if high != 0 => format!("::{}", Ipv4Addr::from_bits(address.to_bits() as u32)),
        _ => address.to_string(),
    }
}

/// The length of a mask of ones followed by zeros; others have none.
pub(super) fn prefix_ipv4(mask: Ipv4Addr) -> Option<u8> {
    let bits = mask.to_bits();
    (bits.leading_ones() + bits.trailing_zeros() >= 32).then(|| bits.leading_ones() as u8)
}

/// The length of a mask of ones followed by zeros; others have none.
pub(super) fn prefix_ipv6(mask: Ipv6Addr) -> Option<u8> {
    let bits = mask.to_bits();
    (bits.leading_ones() + bits.trailing_zeros() >= 128).then(|| bits.leading_ones() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_octal_and_hexadecimal_forms() {
        for (text, wanted) in [
            ("1.2.3.4", Some([1, 2, 3, 4])),
            ("1.2", Some([1, 0, 0, 2])),
            ("1.2.772", Some([1, 2, 3, 4])),
            ("1", Some([0, 0, 0, 1])),
            ("0xffff0000", Some([255, 255, 0, 0])),
            ("0x1.2.3.4", Some([1, 2, 3, 4])),
            ("010.1.1.1", Some([8, 1, 1, 1])),
            ("256.1.1.1", None),
            ("1.1.1.256", None),
            ("1.2.3.4.5", None),
            ("1..2", None),
            ("", None),
            (" 1.2.3.4", None),
            ("08.1.1.1", None),
            ("0x.1.1.1", None),
            ("4294967296", None),
        ] {
            assert_eq!(parse_ipv4(text), wanted.map(Ipv4Addr::from), "{text}");
        }
    }

    #[test]
    fn wrapped_ipv4_addresses_keep_their_dots() {
        for (text, wanted) in [
            ("::", "::"),
            ("::1", "::1"),
            ("::1:2", "::0.1.0.2"),
            ("::10.1.2.3", "::10.1.2.3"),
            ("::ffff:0:1", "::ffff:0.0.0.1"),
            ("::ffff:0:102:304", "::ffff:0:102:304"),
            ("64:ff9b::1.2.3.4", "64:ff9b::102:304"),
            ("1:0:0:2::3", "1:0:0:2::3"),
            ("0:0:1:0:0:0:0:1", "0:0:1::1"),
            ("1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"),
        ] {
            assert_eq!(text.parse().map(format_ipv6).as_deref(), Ok(wanted));
        }
    }

    #[test]
    fn masks_are_ones_then_zeros() {
        let short = |text: &str| parse_ipv4(text).and_then(prefix_ipv4);
        assert_eq!(short("255.255.0.0"), Some(16));
        assert_eq!((short("0.0.0.0"), short("255.255.255.255")), (Some(0), Some(32)));
        assert_eq!(short("255.0.255.0"), None);
        let long = |text: &str| text.parse().ok().and_then(prefix_ipv6);
        assert_eq!(long("ffff:ffff:ffff:ffff:ffff:ffff:ffff:8000"), Some(113));
        assert_eq!((long("::"), long("ffff:0:ffff::")), (Some(0), None));
    }
}
