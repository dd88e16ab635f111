//! The domain document against libvirt's own test data, beyond the suites
//! that `cargo xtask conformance` runs.
//!
//! Without the data these tests are skipped.

use std::collections::BTreeMap;
use std::path::Path;

use oxivirt_conf::domain::devices::DiskBus;
use oxivirt_conf::domain::{DomainDefinition, FormatFlags, NoHooks, ParseFlags};
use oxivirt_core::Result;
use oxivirt_tests::corpus;

/// Fails with every case that is not as expected.
fn judge(suite: &str, total: usize, failed: &BTreeMap<String, String>) {
    println!("{suite}: {} of {total} as expected", total - failed.len());
    for (case, why) in failed {
        println!("--- {suite}/{case}: {why}");
    }
    assert!(failed.is_empty(), "{} unexpected failures in {suite}", failed.len());
    assert!(total > 0, "the folder of {suite} is empty");
}

fn documents(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the entry can be read").path();
        let name = path.file_name().expect("an entry has a name").to_string_lossy().into_owned();
        if name.ends_with(".xml") {
            found.push((name, std::fs::read_to_string(&path).expect("the file can be read")));
        }
    }
    found.sort();
    found
}

/// The first line in which two texts differ.
fn difference(expected: &str, found: &str) -> Option<String> {
    if expected == found {
        return None;
    }
    let (mut left, mut right) = (expected.lines(), found.lines());
    for line in 1.. {
        let (a, b) = (left.next(), right.next());
        if a != b {
            return Some(format!("line {line}: expected {:?}, found {:?}", a.unwrap_or("(end)"), b.unwrap_or("(end)")));
        }
        if a.is_none() {
            break;
        }
    }
    Some("line ends differ".to_owned())
}

fn print(def: &DomainDefinition, flags: FormatFlags) -> Result<String> {
    def.format(flags)
}

/// The generic defaults and checks leave a complete document alone.
#[test]
fn generic_defaults_leave_complete_qemu_documents_alone() {
    let Some(folder) = corpus::suite("qemu") else { return };
    let mut failed = BTreeMap::new();
    let mut total = 0;
    for (name, text) in documents(&folder) {
        if !is_answer(&folder, &name) || !text.starts_with("<domain") {
            continue;
        }
        total += 1;
        let problem = match DomainDefinition::parse(&text, ParseFlags::INACTIVE, &NoHooks) {
            Err(error) => Some(format!("refused: {error}")),
            Ok(def) => match print(&def, FormatFlags::INACTIVE | FormatFlags::SECURE) {
                Ok(found) => difference(&text, &found),
                Err(error) => Some(error.to_string()),
            },
        };
        if let Some(problem) = problem {
            failed.insert(name, problem);
        }
    }
    judge("qemu-defaults", total, &failed);
}

/// Documents of running domains: nothing that only a running one has is lost.
#[test]
fn live_documents_print_unchanged() {
    let mut cases = Vec::new();
    for folder in ["qemu-active", "qemu-hotplug/domains"] {
        let Some(folder) = corpus::suite(folder) else { return };
        cases.extend(documents(&folder));
    }
    let mut failed = BTreeMap::new();
    for (name, text) in &cases {
        // The inactive form is printed from the running domain.
        let inactive = name.contains("-inactive");
        let running = name.replace("-inactive", "-active");
        let source = cases.iter().find(|(other, _)| *other == running).map_or(text, |(_, text)| text);
        let format = if inactive { FormatFlags::INACTIVE } else { FormatFlags::NONE } | FormatFlags::SECURE;
        let problem = match DomainDefinition::parse(source, ParseFlags::SKIP_POST_PARSE, &NoHooks) {
            Err(error) => Some(format!("refused: {error}")),
            Ok(def) => match print(&def, format) {
                Ok(found) => difference(text, &found),
                Err(error) => Some(error.to_string()),
            },
        };
        if let Some(problem) = problem {
            failed.insert(name.clone(), problem);
        }
    }
    judge("live", cases.len(), &failed);
}

/// Inputs of the QEMU suite: what was printed reads back to the same.
#[test]
fn qemu_documents_survive_a_round() {
    let Some(folder) = corpus::suite("qemu") else { return };
    let mut failed = BTreeMap::new();
    let mut total = 0;
    for (name, text) in documents(&folder) {
        let refused = documents_err(&folder, &name);
        if is_answer(&folder, &name) || !text.contains("<domain") || refused {
            continue;
        }
        total += 1;
        let round = || -> Result<Option<String>> {
            let flags = ParseFlags::INACTIVE;
            let format = FormatFlags::INACTIVE | FormatFlags::SECURE;
            let mut first = DomainDefinition::parse(&text, flags, &NoHooks)?;
            let printed = first.format(format)?;
            // A guest is started with it, but libvirt prints it for USB disks alone.
            for disk in first.devices.disks.iter_mut().filter(|disk| disk.target.bus == Some(DiskBus::Scsi)) {
                disk.target.removable = None;
            }
            let second = DomainDefinition::parse(&printed, flags, &NoHooks)?;
            if let Some(difference) = difference(&printed, &second.format(format)?) {
                return Ok(Some(difference));
            }
            Ok(difference(&format!("{first:#?}"), &format!("{second:#?}")).map(|d| format!("the values differ, {d}")))
        };
        let problem = match round() {
            Ok(problem) => problem,
            Err(error) => Some(format!("refused: {error}")),
        };
        if let Some(problem) = problem {
            failed.insert(name, problem);
        }
    }
    judge("qemu-round", total, &failed);
}

/// Whether a file is the answer to an input: `name.arch-version.xml` beside
/// `name.xml`.
fn is_answer(folder: &Path, name: &str) -> bool {
    let mut stem = name.trim_end_matches(".xml");
    while let Some((shorter, _)) = stem.rsplit_once('.') {
        if folder.join(format!("{shorter}.xml")).exists() {
            return true;
        }
        stem = shorter;
    }
    false
}

/// Whether any answer to this input is an error.
fn documents_err(folder: &Path, name: &str) -> bool {
    let stem = format!("{}.", name.trim_end_matches(".xml"));
    std::fs::read_dir(folder).expect("the folder can be read").flatten().any(|entry| {
        let other = entry.file_name().to_string_lossy().into_owned();
        other.starts_with(&stem) && other.ends_with(".err")
    })
}
