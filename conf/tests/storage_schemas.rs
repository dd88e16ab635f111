//! What is printed about storage fits the published schemas.
//!
//! The inputs are the corpus and the seeds of the fuzz targets.

use std::path::{Path, PathBuf};

use oxivirt_conf::storage_pool::{PoolDefinition, PoolType};
use oxivirt_conf::storage_pool_capabilities::StoragePoolCapabilities;
use oxivirt_conf::storage_volume::{CapacityRule, Timestamps, VolumeDefinition, VolumeExtent};
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

fn fits(schema: &Path, what: &str, printed: &str) {
    let complaint = schema::validate(schema, printed).expect("xmllint runs");
    assert_eq!(complaint, None, "{what}:\n{printed}");
}

/// The documents in the corpus and among the seeds: where each stands, and its text.
fn documents(suite: &str, target: &str) -> Vec<(PathBuf, String)> {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/seeds").join(target);
    let corpus = corpus::suite(suite).into_iter().flat_map(|folder| ["in", "out"].map(|part| folder.join(part)));
    let mut found = Vec::new();
    for folder in corpus.chain([seeds]) {
        let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for path in entries.map(|entry| entry.expect("an entry").path()) {
            if path.extension().is_some_and(|extension| extension == "xml") {
                let text = std::fs::read_to_string(&path).expect("the document is readable");
                found.push((path, text));
            }
        }
    }
    found
}

#[test]
fn pools_fit() {
    let Some(schema) = schema("storagepool") else { return };
    let mut types = std::collections::HashSet::new();
    for (path, text) in documents("storagepool", "storage_pool_xml") {
        let mut pool = PoolDefinition::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (pool.capacity, pool.allocation, pool.available) = (3 << 40, 1 << 40, 2 << 40);
        fits(&schema, &path.display().to_string(), &pool.format());
        types.insert(pool.kind);
    }
    assert!(types.len() >= 9, "only {types:?} were checked");
}

#[test]
fn volumes_fit() {
    let Some(schema) = schema("storagevol") else { return };
    let documents = documents("storagevol", "storage_volume_xml");
    assert!(documents.len() >= 2, "there are seeds at least");
    for (path, text) in documents {
        let mut accepted = 0;
        for pool in [PoolType::Dir, PoolType::Disk, PoolType::Logical] {
            let Ok(mut volume) = VolumeDefinition::parse(&text, pool, CapacityRule::Optional) else { continue };
            volume.physical = Some(4096);
            volume.target.timestamps = Some(Timestamps::default());
            volume.extents = vec![VolumeExtent { device: "/dev/sda".into(), start: 0, end: 1 }];
            fits(&schema, &path.display().to_string(), &volume.format());
            accepted += 1;
        }
        assert!(accepted > 0, "{} is refused by every pool", path.display());
    }
}

#[test]
fn pool_capabilities_fit() {
    let Some(schema) = schema("storagepoolcaps") else { return };
    for all in [false, true] {
        fits(&schema, "capabilities", &StoragePoolCapabilities::new(|_| all).format());
    }
}
