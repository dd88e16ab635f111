//! `qemu-memlock`: how much memory QEMU may lock.
//!
//! The corpus has the guests, `tests/conformance/memory-lock.txt` the bytes of each: `NAME: BYTES`, 0 for no more
//! than usual.

use std::fs;
use std::path::Path;

use oxivirt_conf::domain::{DomainDefinition, NoHooks, ParseFlags};
use oxivirt_driver_qemu::memory_lock;
use oxivirt_tests::assets;

use super::{Outcome, judged};

pub(crate) fn suite(corpus: &Path) -> Result<Vec<super::Case>, String> {
    let file = assets::workspace().join("tests/conformance/memory-lock.txt");
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
            (name.to_owned(), judged(|| judge(path, limit)))
        })
        .collect())
}

fn judge(path: &Path, limit: Option<&str>) -> Outcome {
    let text = fs::read_to_string(path).map_err(|e| e.to_string())?;
    let domain = DomainDefinition::parse(&text, ParseFlags::INACTIVE, &NoHooks).map_err(|e| e.to_string())?;
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
