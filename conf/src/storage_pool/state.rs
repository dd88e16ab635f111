//! `<poolstate>`: a running pool, in the file that a daemon reads after a
//! restart.

use oxivirt_core::{Error, Result};

use super::PoolDefinition;
use crate::xml::{Document, Element, WriteMode, Writer};

/// Prints the file's document.
pub fn format_state(pool: &PoolDefinition) -> String {
    let mut w = Writer::new(WriteMode { live: true, secure: true, status: true, ..WriteMode::default() });
    w.open("poolstate");
    w.element("pool", pool);
    w.finish()
}

/// Reads the file's document.
///
/// Errors: as for [`PoolDefinition::parse`].
pub fn parse_state(xml: &str) -> Result<PoolDefinition> {
    let document = Document::parse(xml)?;
    let root = document.root();
    if root.name() != "poolstate" {
        return Err(Error::xml(format!("expecting root element of 'poolstate', not '{}'", root.name())));
    }
    <PoolDefinition as Element>::parse(root.child("pool").ok_or_else(|| root.missing_child("pool"))?)
}
