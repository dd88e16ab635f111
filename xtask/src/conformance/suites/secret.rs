//! Secrets.

use std::path::Path;

use oxivirt_conf::secret::SecretDefinition;

use super::super::Case;
use super::super::files::{Answers, documents};

/// What is known about secrets.
pub(super) fn secrets(folder: &Path) -> Result<Vec<Case>, String> {
    documents("secret", folder, Answers::Same, |_, input| Ok(SecretDefinition::parse(input)?.format()))
}
