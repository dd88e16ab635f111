//! `<storagepoolCapabilities>`: which types of pools this host can run, and
//! the formats that they and their volumes have.

use oxivirt_core::{Error, Result};

use crate::storage_pool::{PoolFormat, PoolType};
use crate::xml::{Document, WriteMode, Writer, YesNo};

/// The whole document. What a type has is the same everywhere; only whether
/// it can be run differs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoragePoolCapabilities {
    /// Each type once, with whether it can be run.
    pub pools: Vec<(PoolType, YesNo)>,
}

impl StoragePoolCapabilities {
    /// All types, of which those can be run that `supported` says.
    pub fn new(supported: impl Fn(PoolType) -> bool) -> Self {
        Self { pools: PoolType::ALL.iter().map(|kind| (*kind, supported(*kind).into())).collect() }
    }

    /// Reads which types can be run; the formats are known.
    ///
    /// Errors: `XML_DETAIL` not well formed; `XML_ERROR` an unknown type or word.
    pub fn parse(xml: &str) -> Result<Self> {
        let document = Document::parse(xml)?;
        let root = document.root();
        if root.name() != "storagepoolCapabilities" {
            let text = format!("expecting root element of 'storagepoolCapabilities', not '{}'", root.name());
            return Err(Error::xml(text));
        }
        let pools = root.children_named("pool").map(|pool| Ok((pool.require("type")?, pool.require("supported")?)));
        Ok(Self { pools: pools.collect::<Result<_>>()? })
    }

    /// Prints the document.
    pub fn format(&self) -> String {
        let mut w = Writer::new(WriteMode::default());
        w.open("storagepoolCapabilities");
        for (kind, supported) in &self.pools {
            w.open("pool");
            w.attr("type", kind);
            w.attr("supported", supported);
            w.force_children();
            if let Some(default) = kind.default_format() {
                options(&mut w, "poolOptions", default.as_str(), "sourceFormatType", &PoolFormat::words(*kind));
            }
            if let Some(formats) = kind.volume_formats() {
                let words = if kind.has_volume_choice() { choice(formats.words()) } else { Vec::new() };
                options(&mut w, "volOptions", formats.default_format().as_str(), "targetFormatType", &words);
            }
            w.close();
        }
        w.finish()
    }
}

/// The words a client may choose from, in front of them that for no format.
fn choice(mut words: Vec<&'static str>) -> Vec<&'static str> {
    const NONE: &str = "none";
    if words.first() != Some(&NONE) {
        words.insert(0, NONE);
    }
    words
}

fn options(w: &mut Writer, element: &str, default: &str, list: &str, words: &[&str]) {
    w.open(element);
    w.open("defaultFormat");
    w.attr_str("type", default);
    w.close();
    w.open("enum");
    w.attr_str("name", list);
    w.force_children();
    for word in words {
        w.leaf_str("value", word);
    }
    w.close();
    w.close();
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_is_printed_reads_back() {
        let document = StoragePoolCapabilities::new(|kind| matches!(kind, PoolType::Dir | PoolType::Rbd));
        let printed = document.format();
        assert_eq!(StoragePoolCapabilities::parse(&printed).unwrap(), document);
        assert!(printed.contains("<pool type='dir' supported='yes'>\n    <volOptions>"), "{printed}");
        assert!(printed.contains("<pool type='zfs' supported='no'>\n  </pool>\n"), "{printed}");
        assert!(printed.contains("      <enum name='targetFormatType'>\n      </enum>\n"), "{printed}");
    }

    #[test]
    fn unknown_words_are_refused() {
        for xml in [
            "<x/>",
            "<storagepoolCapabilities><pool type='tape' supported='no'/></storagepoolCapabilities>",
            "<storagepoolCapabilities><pool type='dir' supported='maybe'/></storagepoolCapabilities>",
            "<storagepoolCapabilities><pool type='dir'/></storagepoolCapabilities>",
            "<storagepoolCapabilities>",
        ] {
            assert!(StoragePoolCapabilities::parse(xml).is_err(), "{xml}");
        }
    }
}
