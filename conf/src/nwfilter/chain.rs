//! The chain that a filter's rules go into.

use oxivirt_core::{Error, ErrorCode, Result};

use crate::xml::Node;

/// Priorities of filters: the lower, the earlier.
pub const PRIORITIES: std::ops::RangeInclusive<i32> = -1000..=1000;

/// Names begin with one of these, the chain of all others is `root`; the
/// number is the priority where a filter says none.
const PREFIXES: &[(&str, i32)] =
    &[("mac", -800), ("vlan", -750), ("stp", 0), ("arp", -500), ("rarp", -400), ("ipv4", -700), ("ipv6", -600)];
const ROOT: &str = "root";
const LONGEST: usize = 12;

/// `chain='arp-xyz' priority='-500'`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Chain {
    /// `root`, or a name that begins with the protocol whose traffic it sees.
    pub name: String,
    /// Within [`PRIORITIES`].
    pub priority: i32,
}

impl Default for Chain {
    fn default() -> Self {
        Self { name: ROOT.to_owned(), priority: 0 }
    }
}

impl Chain {
    /// Whether traffic enters here first.
    pub fn is_root(&self) -> bool {
        self.name == ROOT
    }

    /// The protocol whose traffic the chain sees, `None` for `root`.
    pub fn protocol(&self) -> Option<&'static str> {
        PREFIXES.iter().map(|(prefix, _)| *prefix).find(|prefix| self.name.starts_with(prefix))
    }

    /// Reads the attributes of `<filter>`.
    pub(super) fn parse(node: Node<'_>) -> Result<Self> {
        let wrong = |what: String| Error::new(ErrorCode::INVALID_ARG, what);
        let priority = match node.attr("priority").filter(|text| !text.is_empty()) {
            None => None,
            Some(text) => {
                let number: i32 = text
                    .trim_ascii_start()
                    .parse()
                    .map_err(|_| wrong(format!("Could not parse chain priority '{text}'")))?;
                if !PRIORITIES.contains(&number) {
                    let (low, high) = (PRIORITIES.start(), PRIORITIES.end());
                    return Err(wrong(format!("Priority '{number}' is outside valid range of [{low},{high}]")));
                }
                Some(number)
            }
        };
        let Some(name) = node.attr("chain").filter(|name| !name.is_empty()) else { return Ok(Self::default()) };
        if name.len() > LONGEST {
            return Err(wrong(format!("Name of chain '{name}' is longer than {LONGEST} characters")));
        }
        let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
        if !name.chars().all(valid) {
            return Err(wrong(format!("Chain name '{name}' contains invalid characters")));
        }
        let usual = PREFIXES.iter().find(|(prefix, _)| name.starts_with(prefix)).map(|(_, priority)| *priority);
        let usual = usual.or((name == ROOT).then_some(0)).ok_or_else(|| {
            let prefixes: Vec<_> = PREFIXES.iter().map(|(prefix, _)| *prefix).collect();
            wrong(format!(
                "Invalid chain name '{name}'. Please use a chain name called '{ROOT}' or any of the following prefixes: {}",
                prefixes.join(", ")
            ))
        })?;
        Ok(Self { name: name.to_owned(), priority: priority.unwrap_or(usual) })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::xml::Document;

    fn parse(attributes: &str) -> Result<Chain> {
        let text = format!("<filter {attributes}/>");
        Chain::parse(Document::parse(&text)?.root())
    }

    #[test]
    fn names_bring_a_priority() {
        for (attributes, name, priority) in [
            ("", "root", 0),
            ("priority='5'", "root", 0),
            ("chain=''", "root", 0),
            ("chain='root' priority='-5'", "root", -5),
            ("chain='arp'", "arp", -500),
            ("chain='rarp-x'", "rarp-x", -400),
            ("chain='stp-x'", "stp-x", 0),
            ("chain='stp' priority=' -810'", "stp", -810),
            ("chain='ipv46' priority=''", "ipv46", -700),
            ("chain='arp-abcdefgh'", "arp-abcdefgh", -500),
        ] {
            let chain = parse(attributes).unwrap();
            assert_eq!((chain.name.as_str(), chain.priority), (name, priority), "{attributes}");
        }
        assert_eq!(parse("chain='vlan7'").unwrap().protocol(), Some("vlan"));
        assert!(Chain::default().is_root() && Chain::default().protocol().is_none());
    }

    #[test]
    fn other_names_and_priorities_are_refused() {
        for attributes in [
            "chain='foo'",
            "chain='rooty'",
            "chain='ROOT'",
            "chain='arp-abcdefghi'",
            "chain='arp a'",
            "chain='arp/a'",
            "priority='x'",
            "priority='1001'",
            "chain='arp' priority='-1001'",
        ] {
            assert_eq!(parse(attributes).unwrap_err().code(), ErrorCode::INVALID_ARG, "{attributes}");
        }
    }
}
