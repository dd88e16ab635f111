//! Sets of CPUs or nodes, written as `0-3,^2,7`.

use std::fmt;
use std::str::FromStr;

use oxivirt_util::bitmap::Bitmap;

/// A set of small numbers.
///
/// Kept as ranges, so that what a set takes in memory is in proportion to its
/// text: `0-16383` is one of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct CpuSet {
    /// First and last of each range; ascending, never touching.
    ranges: Vec<(u32, u32)>,
}

/// Largest number in a set; more is surely a mistake.
const LIMIT: u32 = 16_384;

/// The text was no list of numbers and ranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidCpuSet;

impl CpuSet {
    /// All numbers of the iterator.
    pub fn new(members: impl IntoIterator<Item = u32>) -> Self {
        let mut members: Vec<u32> = members.into_iter().collect();
        members.sort_unstable();
        Self::ascending(members.into_iter())
    }

    fn ascending(members: impl Iterator<Item = u32>) -> Self {
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for member in members {
            match ranges.last_mut() {
                Some((_, last)) if member <= last.saturating_add(1) => *last = member,
                _ => ranges.push((member, member)),
            }
        }
        ranges.shrink_to_fit();
        Self { ranges }
    }

    /// Whether `number` is a member.
    pub fn contains(&self, number: u32) -> bool {
        let after = self.ranges.partition_point(|(first, _)| *first <= number);
        after.checked_sub(1).and_then(|at| self.ranges.get(at)).is_some_and(|(_, last)| number <= *last)
    }

    /// The members, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.ranges.iter().flat_map(|(first, last)| *first..=*last)
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.ranges.iter().map(|(first, last)| (last - first) as usize + 1).sum()
    }

    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The largest member.
    pub fn last(&self) -> Option<u32> {
        self.ranges.last().map(|(_, last)| *last)
    }

    /// Whether a number is in both sets.
    pub fn overlaps(&self, other: &Self) -> bool {
        other.ranges.iter().any(|(first, last)| {
            // The first of ours that does not end before theirs begins.
            let at = self.ranges.partition_point(|(_, end)| end < first);
            self.ranges.get(at).is_some_and(|(begin, _)| begin <= last)
        })
    }

    /// Puts all members of `other` in.
    pub fn add_all(&mut self, other: &Self) {
        let mut ranges: Vec<(u32, u32)> = self.ranges.iter().chain(&other.ranges).copied().collect();
        ranges.sort_unstable();
        self.ranges.clear();
        for (first, last) in ranges {
            match self.ranges.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                _ => self.ranges.push((first, last)),
            }
        }
    }

    /// Takes all members of `other` out.
    pub fn remove_all(&mut self, other: &Self) {
        *self = Self::ascending(self.iter().filter(|m| !other.contains(*m)));
    }

    /// Takes out what is `limit` or larger.
    pub fn truncate(&mut self, limit: u32) {
        self.ranges.retain(|(first, _)| *first < limit);
        if let Some((_, last)) = self.ranges.last_mut() {
            *last = (*last).min(limit.saturating_sub(1));
        }
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
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let mut members = Bitmap::new();
        for part in text.split(',') {
            let part = part.trim();
            if let Some(excluded) = part.strip_prefix('^') {
                members.clear(number(excluded)? as usize);
            } else if let Some((first, last)) = part.split_once('-') {
                let (first, last) = (number(first)?, number(last)?);
                if last < first {
                    return Err(InvalidCpuSet);
                }
                (first..=last).for_each(|member| members.set(member as usize));
            } else {
                members.set(number(part)? as usize);
            }
        }
        // All below the limit.
        Ok(Self::ascending(members.iter().map(|member| member as u32)))
    }
}

impl fmt::Display for CpuSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (first, last)) in self.ranges.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            write!(f, "{comma}{first}")?;
            if last > first {
                write!(f, "-{last}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> CpuSet {
        text.parse().unwrap_or_else(|InvalidCpuSet| panic!("'{text}' is a set"))
    }

    #[test]
    fn ranges_and_exclusions() {
        assert_eq!(set("0-3,^2, 7").to_string(), "0-1,3,7");
        for wrong in ["a", "3-1", "1,", "-", "^", "99999999", "+1"] {
            assert!(wrong.parse::<CpuSet>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_a_set_says_is_what_its_members_say() {
        for text in ["", "0", "3", "0-3,5", "1,3,5-9", "0-16383", "4,5,6", "16383"] {
            let this = set(text);
            let members: Vec<u32> = this.iter().collect();
            assert_eq!(CpuSet::new(members.iter().rev().copied().chain(members.iter().copied())), this, "{text}");
            assert_eq!(
                (this.len(), this.last(), this.is_empty()),
                (members.len(), members.last().copied(), members.is_empty())
            );
            for number in [0, 1, 2, 3, 4, 5, 9, 10, 16_382, 16_383, 16_384] {
                assert_eq!(this.contains(number), members.contains(&number), "{number} in '{text}'");
                let mut cut = this.clone();
                cut.truncate(number);
                assert_eq!(
                    cut,
                    CpuSet::new(members.iter().copied().filter(|m| *m < number)),
                    "'{text}' below {number}"
                );
            }
            for other in
                ["", "2", "0-1", "4", "2-4,8", "10-20000"].map(|text| text.parse().unwrap_or_else(|_| set("10")))
            {
                let both: Vec<u32> = members.iter().copied().filter(|m| other.contains(*m)).collect();
                assert_eq!(this.overlaps(&other), !both.is_empty(), "'{text}' and '{other}'");
                let (mut less, mut more) = (this.clone(), this.clone());
                less.remove_all(&other);
                more.add_all(&other);
                assert_eq!(less, CpuSet::new(members.iter().copied().filter(|m| !other.contains(*m))));
                assert_eq!(more, CpuSet::new(members.iter().copied().chain(other.iter())));
            }
        }
    }
}
