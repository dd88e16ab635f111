//! Devices of the host.

use std::path::Path;

use oxivirt_conf::node_device::{DeviceView, NodeDeviceDefinition, ParseAs};

use super::super::Case;
use super::super::files::{Answers, documents, named};
use super::schema::Schema;

/// Devices as they are, and with `NAME_inactive` as they are defined: the answer to the input `NAME`.
pub(super) fn devices(folder: &Path) -> Result<Vec<Case>, String> {
    let inputs = named(&folder.join("in"), ".xml")?;
    let fits = "<device><name>a</name></device>";
    let schema = Schema::find("nodedev.rng", fits)?;
    documents("nodedev", folder, Answers::Beside, |name, input| {
        schema.check(input)?;
        let active = name.strip_suffix("_inactive");
        let view = if active.is_some() { DeviceView::Inactive } else { DeviceView::Active };
        let source = inputs.iter().find(|(other, _)| Some(other.as_str()) == active).map_or(input, |(_, text)| text);
        Ok(NodeDeviceDefinition::parse(source, ParseAs::Existing)?.format(view))
    })
}
