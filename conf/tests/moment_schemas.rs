//! What is printed about snapshots, checkpoints and backups fits the published
//! schemas.
//!
//! The inputs are the corpus and the seeds of the fuzz targets.

use std::path::{Path, PathBuf};

use oxivirt_conf::backup::{BackupDefinition, BackupForm};
use oxivirt_conf::checkpoint::{CheckpointDefinition, CheckpointFormat, CheckpointParse};
use oxivirt_conf::domain::NoHooks;
use oxivirt_conf::snapshot::{SnapshotDefinition, SnapshotFormat, SnapshotParse};
use oxivirt_tests::{corpus, skip};
use oxivirt_util::schema;

/// The schema, unless it or its program is missing, which is said.
fn schema(name: &str) -> Option<PathBuf> {
    let file = Path::new(schema::FOLDER).join(format!("{name}.rng"));
    if !file.exists() {
        skip::skip(&format!("'{}' is missing", file.display()));
        return None;
    }
    (!skip::lacks(&["xmllint"])).then_some(file)
}

fn fits(schema: &Path, what: &Path, printed: &str) {
    let complaint = schema::validate(schema, printed).expect("xmllint runs");
    assert_eq!(complaint, None, "{}:\n{printed}", what.display());
}

/// The documents in the corpus and among the seeds that fit the schema
/// themselves: what a file of the daemon says beyond it is not for users.
fn documents(schema: &Path, suite: &str, target: &str) -> Vec<(PathBuf, String)> {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/seeds").join(target);
    let corpus = corpus::suite(suite).into_iter().flat_map(|folder| ["in", "out"].map(|part| folder.join(part)));
    let mut found = Vec::new();
    for folder in corpus.chain([seeds]) {
        let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for path in entries.map(|entry| entry.expect("an entry").path()) {
            let text = std::fs::read_to_string(&path).expect("the document is readable");
            if schema::validate(schema, &text).expect("xmllint runs").is_none() {
                found.push((path, text));
            }
        }
    }
    assert!(!found.is_empty(), "there are seeds at least");
    found
}

#[test]
fn snapshots_fit() {
    let Some(schema) = schema("domainsnapshot") else { return };
    for (path, text) in documents(&schema, "snapshot", "domain_snapshot_xml") {
        let mut accepted = 0;
        for redefine in [false, true] {
            let flags = SnapshotParse { redefine, disks: true, internal: false };
            let Ok((snapshot, _)) = SnapshotDefinition::parse(&text, flags, 5, &NoHooks) else { continue };
            for internal in [false, true] {
                let flags = SnapshotFormat { secure: true, internal, current: internal, domain_uuid: None };
                fits(&schema, &path, &snapshot.format(flags).expect("prints"));
            }
            accepted += 1;
        }
        assert!(accepted > 0, "{} is refused", path.display());
    }
}

#[test]
fn checkpoints_fit() {
    let Some(schema) = schema("domaincheckpoint") else { return };
    for (path, text) in documents(&schema, "checkpoint", "domain_checkpoint_xml") {
        for redefine in [false, true] {
            let flags = CheckpointParse { redefine, internal: false };
            let Ok((mut checkpoint, _)) = CheckpointDefinition::parse(&text, flags, 5, &NoHooks) else { continue };
            for disk in checkpoint.disks.iter_mut().filter(|disk| disk.bitmap.is_some()) {
                disk.size = Some(1 << 40);
            }
            let flags = CheckpointFormat { secure: true, size: true, ..CheckpointFormat::default() };
            fits(&schema, &path, &checkpoint.format(flags).expect("prints"));
        }
    }
}

#[test]
fn backups_fit() {
    let Some(schema) = schema("domainbackup") else { return };
    for (path, text) in documents(&schema, "backup", "domain_backup_xml") {
        let backup = BackupDefinition::parse(&text, BackupForm::Public);
        let backup = backup.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        fits(&schema, &path, &backup.format(BackupForm::Public));
    }
}
