//! `<timestamps>` of an image.

use crate::xml::Writer;

/// A time since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Timestamp {
    /// Whole seconds.
    pub seconds: u64,
    /// 0 to 999,999,999.
    pub nanoseconds: u32,
}

/// When an image was used. Found on the file: printed, never read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timestamps {
    /// When it was read.
    pub accessed: Timestamp,
    /// When it was made, where the file system knows.
    pub born: Option<Timestamp>,
    /// When its status changed.
    pub changed: Timestamp,
    /// When it was written.
    pub modified: Timestamp,
}

impl Timestamps {
    /// Prints the element.
    pub(super) fn format(&self, w: &mut Writer) {
        w.open("timestamps");
        let mut one = |name: &str, time: Timestamp| {
            let text = match time.nanoseconds {
                0 => time.seconds.to_string(),
                nanoseconds => format!("{}.{nanoseconds:09}", time.seconds),
            };
            w.leaf_str(name, &text);
        };
        one("atime", self.accessed);
        one("mtime", self.modified);
        one("ctime", self.changed);
        if let Some(born) = self.born {
            one("btime", born);
        }
        w.close();
    }
}
