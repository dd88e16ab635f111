//! Snapshots of domains.

use std::path::Path;

use oxivirt_conf::domain::NoHooks;
use oxivirt_conf::snapshot::{SnapshotDefinition, SnapshotFormat, SnapshotParse};
use oxivirt_conf::xml::Document;

use super::super::Case;
use super::super::files::{Answers, documents, named};
use super::schema::Schema;

/// Requests and what the driver makes of them; definitions of existing
/// snapshots, which have no request and print unchanged. A request without an
/// answer only has to be accepted: it cannot be its own answer, since the
/// time is put in.
///
/// What a driver puts in comes from the answer: the time, the uuid of the
/// domain, and whether the snapshot is the current one.
pub(super) fn snapshot(folder: &Path) -> Result<Vec<Case>, String> {
    let requests = named(&folder.join("in"), ".xml")?;
    let answers = named(&folder.join("out"), ".xml")?;
    let schema = Schema::find("domainsnapshot.rng", "<domainsnapshot/>")?;
    documents("snapshot", folder, Answers::Beside, |name, input| {
        let text =
            |list: &[(String, String)]| list.iter().find(|(other, _)| other == name).map(|(_, text)| text.clone());
        let answer = text(&answers).unwrap_or_else(|| input.to_owned());
        let answer = Document::parse(&answer)?;
        let answer = answer.root();
        let now = answer.child_value("creationTime")?.unwrap_or(0);
        let current: Option<u32> = answer.child_value("active")?;
        let exists = text(&requests).is_none();
        schema.check(input)?;
        let flags = SnapshotParse { redefine: exists, disks: true, internal: exists && current.is_some() };
        let (snapshot, _) = SnapshotDefinition::parse(input, flags, now, &NoHooks)?;
        let bare = answer.child("domain").filter(|domain| domain.attr("type").is_none());
        let domain_uuid = bare.map(|domain| domain.child_value("uuid")).transpose()?.flatten();
        let (internal, current) = (current.is_some(), current == Some(1));
        let printed = snapshot.format(SnapshotFormat { secure: true, internal, current, domain_uuid })?;
        Ok(if exists || text(&answers).is_some() { printed } else { input.to_owned() })
    })
}
