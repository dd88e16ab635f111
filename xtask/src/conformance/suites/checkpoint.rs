//! Checkpoints of domains.

use std::path::Path;

use oxivirt_conf::checkpoint::{CheckpointDefinition, CheckpointFormat, CheckpointParse};
use oxivirt_conf::domain::NoHooks;
use oxivirt_conf::xml::Document;

use super::super::Case;
use super::super::files::{Answers, documents, named};
use super::backup::domain_of;
use super::schema::Schema;

/// Requests and what the driver makes of them; definitions of existing
/// checkpoints, which have no request and print unchanged.
///
/// What a driver puts in comes from the answer: the time, the checkpoint
/// before, the disks of the domain, and the sizes that it measured.
pub(super) fn checkpoint(folder: &Path) -> Result<Vec<Case>, String> {
    let requests = named(&folder.join("in"), ".xml")?;
    let answers = named(&folder.join("out"), ".xml")?;
    let schema = Schema::find("domaincheckpoint.rng", "<domaincheckpoint/>")?;
    documents("checkpoint", folder, Answers::Beside, |name, input| {
        let text =
            |list: &[(String, String)]| list.iter().find(|(other, _)| other == name).map(|(_, text)| text.clone());
        let exists = text(&requests).is_none();
        let answer = text(&answers).unwrap_or_else(|| input.to_owned());
        let answer = Document::parse(&answer)?;
        let answer = answer.root();
        let now = answer.child_value("creationTime")?.unwrap_or(0);
        let current: Option<u32> = answer.child_value("active")?;
        // The daemon's own files say more than the schema knows.
        if current.is_none() {
            schema.check(input)?;
        }
        let flags = CheckpointParse { redefine: exists, internal: exists && current.is_some() };
        let (mut checkpoint, _) = CheckpointDefinition::parse(input, flags, now, &NoHooks)?;
        if !exists {
            checkpoint.parent = answer.child("parent").map(|p| p.child_value("name")).transpose()?.flatten();
            checkpoint.align_disks(Some(&domain_of(answer)?))?;
        }
        let listed = answer.child("disks");
        for disk in listed.iter().flat_map(|disks| disks.children()) {
            let own = checkpoint.disks.iter_mut().find(|own| Some(own.name.as_str()) == disk.attr("name"));
            if let Some(own) = own {
                own.size = disk.value("size")?;
            }
        }
        let (internal, current) = (current.is_some(), current == Some(1));
        Ok(checkpoint.format(CheckpointFormat { secure: true, size: true, internal, current, ..Default::default() })?)
    })
}
