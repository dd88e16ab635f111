//! `<sources>`: what a search for sources found.

use oxivirt_core::{Error, Result};

use super::{PoolSource, PoolType};
use crate::xml::{Document, WriteMode, Writer};

/// Prints what was found, one `<source>` each.
pub fn format_sources(found: &[PoolSource]) -> String {
    let mut w = Writer::new(WriteMode::default());
    w.open("sources");
    w.force_children();
    for source in found {
        source.format(&mut w);
    }
    w.finish()
}

/// Reads what [`format_sources`] prints.
///
/// Errors: as for [`PoolSource::parse_spec`].
pub fn parse_sources(xml: &str, kind: PoolType) -> Result<Vec<PoolSource>> {
    let document = Document::parse(xml)?;
    let root = document.root();
    if root.name() != "sources" {
        return Err(Error::xml(format!("expecting root element of 'sources', not '{}'", root.name())));
    }
    root.children_named("source").map(|source| PoolSource::parse(source, kind)).collect()
}
