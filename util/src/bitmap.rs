//! Sets of small numbers: CPUs, NUMA nodes, host pages.

use std::fmt;

/// The most numbers that a text may speak of: bits 0 to 16383.
pub const MAX_BITS: usize = 16_384;

/// A set of numbers counted from 0.
///
/// Equality is that of the sets, whatever the room set aside.
#[derive(Clone, Default)]
pub struct Bitmap {
    words: Vec<u64>,
}

/// A text that describes no set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BitmapError(String);

impl fmt::Display for BitmapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed to parse bitmap '{}'", self.0)
    }
}

impl std::error::Error for BitmapError {}

impl Bitmap {
    /// The empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// The numbers from 0 up to, not including, `count`.
    pub fn first(count: usize) -> Self {
        (0..count).collect()
    }

    /// Reads numbers, ranges and exclusions such as `0-3,^2,8`.
    ///
    /// Parts count from left to right; an exclusion is of one number. Blanks
    /// may stand around each part. Errors: anything else, numbers from
    /// [`MAX_BITS`] on, an empty set.
    pub fn parse(text: &str) -> Result<Self, BitmapError> {
        let set = Self::parse_or_empty(text)?;
        if set.is_empty() { Err(BitmapError(text.to_owned())) } else { Ok(set) }
    }

    /// [`Bitmap::parse`] that takes an empty text or result for the empty
    /// set, as kernel files print it.
    pub fn parse_or_empty(text: &str) -> Result<Self, BitmapError> {
        let failed = || BitmapError(text.to_owned());
        let number = |part: &str| {
            let part = part.trim_ascii();
            let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| part.parse().ok().filter(|n: &usize| *n < MAX_BITS)).flatten()
        };
        let mut set = Self::new();
        if text.trim_ascii().is_empty() {
            return Ok(set);
        }
        for part in text.split(',') {
            let part = part.trim_ascii();
            if let Some(excluded) = part.strip_prefix('^') {
                set.clear(number(excluded).ok_or_else(failed)?);
            } else if let Some((low, high)) = part.split_once('-') {
                let (low, high) = number(low).zip(number(high)).filter(|(l, h)| l <= h).ok_or_else(failed)?;
                (low..=high).for_each(|bit| set.set(bit));
            } else {
                set.set(number(part).ok_or_else(failed)?);
            }
        }
        Ok(set)
    }

    /// Reads the wire's form: bit 0 is the lowest of the first byte.
    pub fn from_le_bytes(bytes: &[u8]) -> Self {
        let words = bytes
            .chunks(8)
            .map(|chunk| {
                let mut word = [0; 8];
                word.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
                u64::from_le_bytes(word)
            })
            .collect();
        Self { words }
    }

    /// The wire's form in exactly `count` bytes; what does not fit is cut off.
    pub fn to_le_bytes(&self, count: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = self.words.iter().flat_map(|word| word.to_le_bytes()).take(count).collect();
        bytes.resize(count, 0);
        bytes
    }

    /// Puts a number in.
    pub fn set(&mut self, bit: usize) {
        let word = bit / 64;
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        if let Some(word) = self.words.get_mut(word) {
            *word |= 1 << (bit % 64);
        }
    }

    /// Takes a number out.
    pub fn clear(&mut self, bit: usize) {
        if let Some(word) = self.words.get_mut(bit / 64) {
            *word &= !(1 << (bit % 64));
        }
    }

    /// Whether a number is in.
    pub fn contains(&self, bit: usize) -> bool {
        self.words.get(bit / 64).is_some_and(|word| word >> (bit % 64) & 1 == 1)
    }

    /// How many numbers are in.
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether none is in.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// The lowest number.
    pub fn lowest(&self) -> Option<usize> {
        self.iter().next()
    }

    /// The highest number.
    pub fn highest(&self) -> Option<usize> {
        let index = self.words.iter().rposition(|word| *word != 0)?;
        let word = self.words.get(index)?;
        Some(index * 64 + 63 - word.leading_zeros() as usize)
    }

    /// The numbers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(index, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                (left != 0).then(|| {
                    let bit = left.trailing_zeros() as usize;
                    left &= left - 1;
                    index * 64 + bit
                })
            })
        })
    }

    /// What is in both.
    pub fn intersection(&self, other: &Self) -> Self {
        Self { words: self.words.iter().zip(&other.words).map(|(a, b)| a & b).collect() }
    }

    /// What is in either.
    pub fn union(&self, other: &Self) -> Self {
        let (long, short) = if self.words.len() < other.words.len() { (other, self) } else { (self, other) };
        let mut words = long.words.clone();
        words.iter_mut().zip(&short.words).for_each(|(to, from)| *to |= from);
        Self { words }
    }

    /// Whether all of it is in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.intersection(other) == *self
    }
}

/// Numbers and ranges, ascending: `0-1,3,8`; nothing for the empty set.
impl fmt::Display for Bitmap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bits = self.iter().peekable();
        let mut separator = "";
        while let Some(low) = bits.next() {
            let mut high = low;
            while let Some(next) = bits.next_if_eq(&(high + 1)) {
                high = next;
            }
            match high == low {
                true => write!(f, "{separator}{low}")?,
                false => write!(f, "{separator}{low}-{high}")?,
            }
            separator = ",";
        }
        Ok(())
    }
}

impl fmt::Debug for Bitmap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bitmap({self})")
    }
}

impl PartialEq for Bitmap {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Bitmap {}

impl FromIterator<usize> for Bitmap {
    fn from_iter<I: IntoIterator<Item = usize>>(bits: I) -> Self {
        let mut set = Self::new();
        bits.into_iter().for_each(|bit| set.set(bit));
        set
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn texts_and_back() {
        for (text, wanted) in [
            ("0-3,^2,8", "0-1,3,8"),
            (" 5 , 1 - 2 ", "1-2,5"),
            ("1,0,2", "0-2"),
            ("63-65", "63-65"),
            ("16383", "16383"),
            ("4,^4,4", "4"),
        ] {
            assert_eq!(Bitmap::parse(text).unwrap().to_string(), wanted);
        }
        for text in ["", " ", ",", "1,", "a", "3-1", "-1", "1-", "^1-2", "1,^1", "16384", "+1", "1 2", "^"] {
            assert!(Bitmap::parse(text).is_err(), "{text:?}");
        }
        assert!(Bitmap::parse_or_empty("\n").unwrap().is_empty());
        assert_eq!(Bitmap::parse("x").unwrap_err().to_string(), "failed to parse bitmap 'x'");
    }

    #[test]
    fn bytes_of_the_wire() {
        let set = Bitmap::parse("0,9,17").unwrap();
        assert_eq!(set.to_le_bytes(3), [1, 2, 2]);
        assert_eq!(set.to_le_bytes(2), [1, 2]);
        assert_eq!(set.to_le_bytes(12).len(), 12);
        assert_eq!(Bitmap::from_le_bytes(&[1, 2, 2, 0, 0, 0, 0, 0, 0]), set);
        assert!(Bitmap::from_le_bytes(&[]).is_empty());
    }

    #[test]
    fn set_operations() {
        let (a, b) = (Bitmap::parse("0-70").unwrap(), Bitmap::parse("64-66,200").unwrap());
        assert_eq!(a.intersection(&b).to_string(), "64-66");
        assert_eq!(a.union(&b).to_string(), "0-70,200");
        assert_eq!(b.union(&a), a.union(&b));
        assert!(Bitmap::parse("3,70").unwrap().is_subset(&a) && !b.is_subset(&a));
        assert_eq!((b.lowest(), b.highest(), b.count()), (Some(64), Some(200), 4));
        assert_eq!((Bitmap::new().lowest(), Bitmap::new().highest()), (None, None));
        assert_eq!(Bitmap::first(66).to_string(), "0-65");
    }

    proptest::proptest! {
        #[test]
        fn every_set_survives_text_and_bytes(
            bits in proptest::collection::btree_set(0_usize..MAX_BITS, 1..50)
        ) {
            let set: Bitmap = bits.iter().copied().collect();
            proptest::prop_assert_eq!(set.iter().collect::<Vec<_>>(), bits.into_iter().collect::<Vec<_>>());
            proptest::prop_assert_eq!(&Bitmap::parse(&set.to_string()).unwrap(), &set);
            proptest::prop_assert_eq!(&Bitmap::from_le_bytes(&set.to_le_bytes(MAX_BITS / 8)), &set);
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in ".{0,40}") {
            let _ = Bitmap::parse(&text);
        }
    }
}
