//! The domain document against libvirt's own test data.
//!
//! Without the data these tests are skipped.
//! Known failures stand with a reason in `domain/known-failures.txt`; a
//! listed case that passes fails the test, so that the list stays true.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use oxivirt_conf::domain::{DomainDefinition, DomainStatus, FormatFlags, NoHooks, ParseFlags, StatusPrivate};
use oxivirt_conf::xml::{Node, Writer};
use oxivirt_core::Result;
use oxivirt_tests::corpus;

/// `suite/case` and its reason.
fn known_failures() -> BTreeMap<String, String> {
    let text = include_str!("domain/known-failures.txt");
    let mut known = BTreeMap::new();
    for line in text.lines().filter(|l| !l.trim().is_empty() && !l.starts_with('#')) {
        let (case, reason) = line.split_once(": ").unwrap_or_else(|| panic!("no reason in '{line}'"));
        known.insert(case.to_owned(), reason.to_owned());
    }
    known
}

/// Holds the failures of a suite against the list.
fn judge(suite: &str, total: usize, failed: BTreeMap<String, String>) {
    let known = known_failures();
    let prefix = format!("{suite}/");
    let listed: BTreeSet<&str> = known.keys().filter_map(|k| k.strip_prefix(&prefix)).collect();
    println!("{suite}: {} of {total} as expected", total - failed.len());
    let unexpected: Vec<_> = failed.iter().filter(|(case, _)| !listed.contains(case.as_str())).collect();
    for (case, why) in &unexpected {
        println!("--- {suite}/{case}: {why}");
    }
    let cured: Vec<_> = listed.iter().filter(|case| !failed.contains_key(**case)).collect();
    assert!(cured.is_empty(), "listed as failures but passing, take them off the list: {cured:?}");
    assert!(unexpected.is_empty(), "{} unexpected failures in {suite}", unexpected.len());
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

/// Inputs that libvirt refuses in this suite.
const GENERIC_REFUSED: &[&str] = &[
    "cachetune-colliding-allocs.xml",
    "cachetune-colliding-monitor.xml",
    "cachetune-colliding-types.xml",
    "chardev-reconnect-missing-timeout.xml",
    "chardev-tcp-missing-host.xml",
    "chardev-unix-redirdev-missing-path.xml",
    "chardev-unix-smartcard-missing-path.xml",
    "graphics-vnc-socket-attr-listen-socket-mismatch.xml",
    "memorytune-colliding-allocs.xml",
    "memorytune-colliding-cachetune.xml",
    "name-slash-fail.xml",
];

#[test]
fn generic_documents_print_as_expected() {
    let Some(folder) = corpus::suite("domain-generic") else { return };
    let answers: BTreeMap<_, _> = documents(&folder.join("out")).into_iter().collect();
    let cases = documents(&folder.join("in"));
    let mut failed = BTreeMap::new();
    for (name, text) in &cases {
        let parsed = DomainDefinition::parse(text, ParseFlags::INACTIVE, &NoHooks);
        let problem = match parsed {
            Err(error) if !GENERIC_REFUSED.contains(&name.as_str()) => Some(format!("refused: {error}")),
            Err(_) => None,
            Ok(_) if GENERIC_REFUSED.contains(&name.as_str()) => Some("accepted, but must be refused".to_owned()),
            Ok(def) => match print(&def, FormatFlags::INACTIVE | FormatFlags::SECURE) {
                Ok(found) => difference(answers.get(name).unwrap_or(text), &found),
                Err(error) => Some(error.to_string()),
            },
        };
        if let Some(problem) = problem {
            failed.insert(name.clone(), problem);
        }
    }
    judge("generic", cases.len(), failed);
}

/// Reads every answer of the QEMU suite and prints it again.
fn answers_unchanged(suite: &str, flags: ParseFlags) {
    let Some(folder) = corpus::suite("qemu") else { return };
    let mut failed = BTreeMap::new();
    let mut total = 0;
    for (name, text) in documents(&folder) {
        if !is_answer(&folder, &name) || !text.starts_with("<domain") {
            continue;
        }
        total += 1;
        let problem = match DomainDefinition::parse(&text, flags, &NoHooks) {
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
    judge(suite, total, failed);
}

/// Answers of the QEMU suite are complete: reading one and printing it again
/// must not change a byte.
#[test]
fn complete_qemu_documents_print_unchanged() {
    answers_unchanged("qemu-answers", ParseFlags::INACTIVE | ParseFlags::SKIP_POST_PARSE);
}

/// The generic defaults and checks leave a complete document alone.
#[test]
fn generic_defaults_leave_complete_qemu_documents_alone() {
    answers_unchanged("qemu-defaults", ParseFlags::INACTIVE);
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
    judge("live", cases.len(), failed);
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
            let first = DomainDefinition::parse(&text, flags, &NoHooks)?;
            let printed = first.format(format)?;
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
    judge("qemu-round", total, failed);
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

/// Keeps the driver's elements as they are.
struct Kept(Vec<oxivirt_conf::xml::RawElement>);

impl StatusPrivate for Kept {
    fn parse(node: Node<'_>) -> Result<Self> {
        let own = |n: &Node<'_>| !matches!(n.name(), "taint" | "deprecation" | "domain");
        Ok(Self(node.children().filter(own).map(oxivirt_conf::xml::RawElement::copy).collect()))
    }

    fn format(&self, w: &mut Writer) {
        for element in &self.0 {
            w.element(&element.name, element);
        }
    }
}

#[test]
fn status_files_print_unchanged() {
    let Some(folder) = corpus::suite("qemu-status") else { return };
    let mut failed = BTreeMap::new();
    let cases = documents(&folder);
    for (name, text) in &cases {
        let answer = name.replace("-in.xml", "-out.xml");
        let expected = cases.iter().find(|(other, _)| *other == answer).map_or(text, |(_, text)| text);
        let problem = match DomainStatus::<Kept>::parse(text, &NoHooks) {
            Err(error) => Some(format!("refused: {error}")),
            Ok(status) => match status.format() {
                Ok(found) => difference(expected, &found),
                Err(error) => Some(error.to_string()),
            },
        };
        if let Some(problem) = problem {
            failed.insert(name.clone(), problem);
        }
    }
    judge("status", cases.len(), failed);
}
