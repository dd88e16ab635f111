//! Backups of domains.

use std::path::Path;

use oxivirt_conf::backup::{BackupDefinition, BackupForm};
use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::{Disk, StorageKind};
use oxivirt_conf::xml::{Document, Node};

use super::super::Case;
use super::super::files::{Answers, documents, named};
use super::schema::Schema;

/// Requests and what the driver makes of them, for the domain whose disks
/// the answer lists. Where the document has the state of the job it is the
/// daemon's own file, of which the schema knows nothing.
pub(super) fn backup(folder: &Path) -> Result<Vec<Case>, String> {
    let answers = named(&folder.join("out"), ".xml")?;
    let pull = "<domainbackup mode='pull'><server name='localhost'/></domainbackup>";
    let schema = Schema::find("domainbackup.rng", pull)?;
    documents("backup", folder, Answers::Beside, |name, input| {
        let answer = answers.iter().find(|(other, _)| other == name).map_or(input, |(_, text)| text);
        let answer = Document::parse(answer)?;
        let form = match answer.root().child("privateData") {
            Some(_) => BackupForm::Internal,
            None => BackupForm::Public,
        };
        if form == BackupForm::Public {
            schema.check(input)?;
        }
        let mut backup = BackupDefinition::parse(input, form)?;
        backup.align_disks(&domain_of(answer.root())?, "SUFFIX")?;
        Ok(backup.format(form))
    })
}

/// A domain with the disks that a document lists, each on an image of its own.
pub(super) fn domain_of(document: Node<'_>) -> Result<DomainDefinition, String> {
    let mut domain = DomainDefinition::default();
    for listed in document.child("disks").iter().flat_map(|disks| disks.children_named("disk")) {
        let name = listed.attr("name").ok_or("a disk without name in the answer")?;
        let mut disk = Disk::default();
        disk.target.dev = name.to_owned();
        disk.source.kind = StorageKind::File { path: Some(format!("/fake/{name}.qcow2")), fdgroup: None };
        domain.devices.disks.push(disk);
    }
    Ok(domain)
}
