//! Interfaces of the host.

use std::path::Path;

use oxivirt_conf::interface::HostInterface;

use super::super::Case;
use super::super::files::{Answers, documents};

/// Complete interfaces, which must print as they were read.
pub(super) fn interfaces(folder: &Path) -> Result<Vec<Case>, String> {
    documents("interface", folder, Answers::Same, |_, input| Ok(HostInterface::parse(input)?.format()))
}
