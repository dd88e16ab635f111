//! Ports of networks.

use std::path::Path;

use oxivirt_conf::network_port::NetworkPort;

use super::super::Case;
use super::super::files::{Answers, documents};

/// Complete ports, which must print as they were read.
pub(super) fn ports(folder: &Path) -> Result<Vec<Case>, String> {
    documents("networkport", folder, Answers::Same, |_, input| Ok(NetworkPort::parse(input)?.format()))
}
