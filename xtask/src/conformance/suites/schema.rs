//! Documents that must fit their schema before anything reads them.

use std::path::{Path, PathBuf};

use oxivirt_util::schema;

/// An installed schema.
pub(super) struct Schema(PathBuf);

impl Schema {
    /// Finds a schema and proves with a document that fits that it can be used: a missing tool must not
    /// look like a document that is refused.
    pub(super) fn find(name: &str, fits: &str) -> Result<Self, String> {
        let schema = Self(Path::new(schema::FOLDER).join(name));
        schema.check(fits).map(|()| schema)
    }

    /// Refuses a document that does not fit.
    pub(super) fn check(&self, document: &str) -> Result<(), String> {
        match schema::validate(&self.0, document) {
            Ok(None) => Ok(()),
            Ok(Some(complaints)) => Err(format!("{}: {complaints}", self.0.display())),
            Err(error) => Err(error.to_string()),
        }
    }
}
