//! `firmware`: descriptors of firmware, read and written again.
//!
//! `out/PATH` is the answer to `PATH`, which without one is its own; texts for people are no part of it.

use std::fs;
use std::path::{Path, PathBuf};

use oxivirt_driver_qemu::firmware::{self, Descriptor};
use serde_json::Value;

use super::{Outcome, judged};

pub(crate) fn suite(corpus: &Path) -> Result<Vec<super::Case>, String> {
    let root = corpus.join("firmware");
    let folders = firmware::folders(&root, Some(&root.join("home/user")));
    let mut cases = Vec::new();
    for folder in &folders {
        let mut files = listed(folder)?;
        files.sort();
        for path in files.iter().filter(|path| fs::metadata(path).is_ok_and(|file| file.len() > 0)) {
            let name = path.strip_prefix(&root).unwrap_or(path);
            let answer = root.join("out").join(name);
            cases.push((name.display().to_string(), judged(|| judge(path, &answer))));
        }
    }
    cases.push(("preferred".to_owned(), judged(|| preferred(&folders))));
    Ok(cases)
}

fn judge(path: &Path, answer: &Path) -> Outcome {
    let text = fs::read_to_string(path).map_err(|e| e.to_string())?;
    let read = serde_json::from_str::<Descriptor>(&text);
    if path.file_name().is_some_and(|name| name.to_string_lossy().contains("-invalid")) {
        return read.err().map(|_| ()).ok_or("accepted, must be refused".to_owned());
    }
    let descriptor = read.map_err(|e| format!("refused: {e}"))?;
    let expected = if answer.is_file() { fs::read_to_string(answer).map_err(|e| e.to_string())? } else { text };
    let mut expected: Value = serde_json::from_str(&expected).map_err(|e| e.to_string())?;
    if let Some(fields) = expected.as_object_mut() {
        fields.shift_remove("description");
        fields.shift_remove("tags");
    }
    let found = serde_json::to_value(&descriptor).map_err(|e| e.to_string())?;
    if found == expected { Ok(()) } else { Err(format!("expected {expected}, found {found}")) }
}

/// Every file that is not hidden by an empty or another one of its name comes once, in the order of names.
fn preferred(folders: &[PathBuf]) -> Outcome {
    let mut names: std::collections::BTreeMap<String, PathBuf> = std::collections::BTreeMap::new();
    for folder in folders {
        for path in listed(folder)? {
            names.insert(path.file_name().unwrap_or_default().to_string_lossy().into_owned(), path);
        }
    }
    let read = |path: &PathBuf| serde_json::from_slice::<Descriptor>(&fs::read(path).ok()?).ok();
    let expected: Vec<Descriptor> = names.values().filter_map(read).collect();
    if firmware::load(folders) == expected { Ok(()) } else { Err("the order or the number differs".to_owned()) }
}

fn listed(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    Ok(paths.filter(|path| path.extension().is_some_and(|end| end == "json")).collect())
}
