//! Sets of CPUs or nodes, written as `0-3,^2,7`.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// A set of small numbers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct CpuSet {
    members: BTreeSet<u32>,
}

/// Largest number in a set; more is surely a mistake.
const LIMIT: u32 = 16_384;

/// The text was no list of numbers and ranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidCpuSet;

impl CpuSet {
    /// All numbers of the iterator.
    pub fn new(members: impl IntoIterator<Item = u32>) -> Self {
        Self { members: members.into_iter().collect() }
    }

    /// Whether `number` is a member.
    pub fn contains(&self, number: u32) -> bool {
        self.members.contains(&number)
    }

    /// The members, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.members.iter().copied()
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The largest member.
    pub fn last(&self) -> Option<u32> {
        self.members.last().copied()
    }

    /// Whether a number is in both sets.
    pub fn overlaps(&self, other: &Self) -> bool {
        !self.members.is_disjoint(&other.members)
    }

    /// Takes all members of `other` out.
    pub fn remove_all(&mut self, other: &Self) {
        self.members.retain(|m| !other.members.contains(m));
    }

    /// Takes out what is `limit` or larger.
    pub fn truncate(&mut self, limit: u32) {
        self.members.retain(|m| *m < limit);
    }
}

impl FromIterator<u32> for CpuSet {
    fn from_iter<I: IntoIterator<Item = u32>>(iter: I) -> Self {
        Self::new(iter)
    }
}

impl FromStr for CpuSet {
    type Err = InvalidCpuSet;

    fn from_str(text: &str) -> Result<Self, InvalidCpuSet> {
        let number = |text: &str| {
            let text = text.trim();
            let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            text.parse::<u32>().ok().filter(|n| digits && *n < LIMIT).ok_or(InvalidCpuSet)
        };
        let mut members = BTreeSet::new();
        if text.trim().is_empty() {
            return Ok(Self { members });
        }
        for part in text.split(',') {
            let part = part.trim();
            if let Some(excluded) = part.strip_prefix('^') {
                members.remove(&number(excluded)?);
            } else if let Some((first, last)) = part.split_once('-') {
                let (first, last) = (number(first)?, number(last)?);
                if last < first {
                    return Err(InvalidCpuSet);
                }
                members.extend(first..=last);
            } else {
                members.insert(number(part)?);
            }
        }
        Ok(Self { members })
    }
}

impl fmt::Display for CpuSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut members = self.members.iter().copied().peekable();
        let mut comma = "";
        while let Some(first) = members.next() {
            let mut last = first;
            while members.peek() == Some(&(last + 1)) {
                last += 1;
                members.next();
            }
            write!(f, "{comma}{first}")?;
            if last > first {
                write!(f, "-{last}")?;
            }
            comma = ",";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_exclusions() {
        let set: CpuSet = "0-3,^2, 7".parse().expect("valid");
        assert_eq!(set.to_string(), "0-1,3,7");
        for wrong in ["a", "3-1", "1,", "-", "^", "99999999", "+1"] {
            assert!(wrong.parse::<CpuSet>().is_err(), "{wrong}");
        }
    }
}
