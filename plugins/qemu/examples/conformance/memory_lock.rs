//! `qemu-memlock`: how much memory QEMU may lock.
//!
//! The corpus has the guests, `tests/conformance/memory-lock.txt` the bytes of each: `NAME: BYTES`, 0 for no more
//! than usual.

use std::fs;
use std::path::Path;

use oxivirt_driver_qemu::memory_lock;
use oxivirt_tests::assets;

use super::cases::Case;
use super::circumstances::{Around, Circumstances};
use super::emulators::{One, Recordings};
use super::{Outcome, judged, xml};

pub(crate) fn suite(corpus: &Path) -> Result<Vec<super::Case>, String> {
    let file = assets::workspace().join("tests/conformance/memory-lock.txt");
    let (mut recordings, circumstances) = (Recordings::new(corpus), Circumstances::read()?);
    let limits = fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
    let folder = corpus.join("qemu-memlock");
    let mut files: Vec<_> = fs::read_dir(&folder)
        .map_err(|e| format!("{}: {e}", folder.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    files.sort();
    let named = files.iter().filter_map(|path| Some((path, path.file_stem()?.to_str()?)));
    Ok(named
        .map(|(path, name)| {
            let limit = limits.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            let case = Case {
                name: name.to_owned(),
                input: path.clone(),
                arch: architecture(path),
                version: "latest".to_owned(),
                variant: None,
                abi_update: false,
            };
            (name.to_owned(), judged(|| judge(&case, limit, &recordings.of(&case)?, &circumstances.of(name)?)))
        })
        .collect())
}

fn judge(case: &Case, limit: Option<&str>, emulators: &One, around: &Around) -> Outcome {
    let domain = xml::read(case, emulators, around).map_err(|e| e.to_string())?;
    let found = match memory_lock::limit(&domain) {
        None => "0".to_owned(),
        Some(lock) => lock.bytes.map_or("unlimited".to_owned(), |bytes| bytes.to_string()),
    };
    match limit {
        Some(limit) if limit == found => Ok(()),
        Some(limit) => Err(format!("expected {limit}, found {found}")),
        None => Err(format!("nothing is known of it; found {found}")),
    }
}

/// The guest's architecture, as its document says.
fn architecture(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let said = text.split_once("arch='").and_then(|(_, rest)| rest.split('\'').next());
    said.unwrap_or("x86_64").to_owned()
}
