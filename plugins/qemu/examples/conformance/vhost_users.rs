//! `vhostuser`: descriptors of programs that speak vhost-user, in their order, and those that are chosen.
//!
//! The programs of the corpus are shell scripts, run below its folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use oxivirt_core::Error;
use oxivirt_driver_qemu::vhost_user::{self, Abilities, Descriptor, GpuWants};

use super::{Outcome, judged};

pub(crate) fn suite(corpus: &Path) -> Result<Vec<super::Case>, String> {
    let root = corpus.join("vhostuser");
    let folders = vhost_user::folders(&root, Some(&root.join("home/user/.config")));
    let all = vhost_user::load(&folders);
    let mut cases = Vec::new();
    for (path, descriptor) in &all {
        let name = path.strip_prefix(&root).unwrap_or(path).display().to_string();
        cases.push((name, judged(|| asked(&root, descriptor))));
    }
    cases.push(("order".to_owned(), judged(|| order(&folders, &all))));
    let wants = GpuWants { virgl: true, render_node: true };
    let mut ask = |binary: &Path| ask(&root, binary);
    let gpu = vhost_user::choose_gpu(&all, wants, &mut ask);
    cases.push(("gpu".to_owned(), chosen(&all, "gpu", gpu.map_err(|e| e.to_string()))));
    let fs = vhost_user::choose_file_system(&all, &mut ask);
    cases.push(("fs".to_owned(), chosen(&all, "fs", fs.map_err(|e| e.to_string()))));
    Ok(cases)
}

fn ask(root: &Path, binary: &Path) -> Result<Abilities, Error> {
    let script = root.join(binary.strip_prefix("/").unwrap_or(binary));
    let failed = |e: &dyn std::fmt::Display| Error::internal(format!("{}: {e}", script.display()));
    let output = Command::new("sh").arg(&script).arg("--print-capabilities").output().map_err(|e| failed(&e))?;
    serde_json::from_slice(&output.stdout).map_err(|e| failed(&e))
}

/// A program serves what its descriptor says.
fn asked(root: &Path, descriptor: &Descriptor) -> Outcome {
    let can = ask(root, &descriptor.binary).map_err(|e| e.to_string())?;
    match can.kind == descriptor.kind {
        true => Ok(()),
        false => Err(format!("described as '{}', is '{}'", descriptor.kind, can.kind)),
    }
}

/// Every file that is not hidden by an empty or another one of its name comes once, in the order of names.
fn order(folders: &[PathBuf], found: &[(PathBuf, Descriptor)]) -> Outcome {
    let mut names: BTreeMap<String, PathBuf> = BTreeMap::new();
    for folder in folders {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            names.insert(entry.file_name().to_string_lossy().into_owned(), entry.path());
        }
    }
    let whole = |path: &&PathBuf| fs::metadata(path).is_ok_and(|file| file.len() > 0);
    let expected: Vec<&PathBuf> = names.values().filter(whole).collect();
    let found: Vec<&PathBuf> = found.iter().map(|(path, _)| path).collect();
    if found == expected { Ok(()) } else { Err(format!("expected {expected:?}, found {found:?}")) }
}

/// The first of its kind.
fn chosen(all: &[(PathBuf, Descriptor)], kind: &str, found: Result<PathBuf, String>) -> Outcome {
    let expected = all.iter().find(|(_, descriptor)| descriptor.kind == kind).map(|(_, d)| d.binary.clone());
    match found {
        Ok(found) if Some(&found) == expected.as_ref() => Ok(()),
        other => Err(format!("expected {expected:?}, found {other:?}")),
    }
}
