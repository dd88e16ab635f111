#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use oxivirt_conf::domain::{NoHooks, ParseFlags};

use super::*;

fn guest(inside: &str) -> DomainDefinition {
    let text =
        format!("<domain type='qemu'><name>g</name><memory>1</memory><os><type>hvm</type></os>{inside}</domain>");
    DomainDefinition::parse(&text, ParseFlags::NONE, &NoHooks).unwrap()
}

fn file(path: &Path) -> HostFile {
    HostFile { path: PathBuf::from(path), writable: true, shared: false, owned: true, label: None }
}

fn owner(path: &Path) -> (u32, u32) {
    let meta = std::fs::metadata(path).unwrap();
    (meta.uid(), meta.gid())
}

fn root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("SKIPPED: only root can give files away");
    }
    root
}

const GUEST: Owners = Owners { user: 65534, group: 65533, remember: true };

#[test]
fn a_definition_says_whom_a_guest_runs_as() {
    let process = ProcessRules { user: Some(5), group: Some(6), ..ProcessRules::default() };
    assert_eq!(rules(&guest(""), &process).unwrap(), process);
    let fixed = guest("<seclabel type='static' model='dac' relabel='no'><label>+107:+108</label></seclabel>");
    if root() {
        let found = rules(&fixed, &process).unwrap();
        assert_eq!((found.user, found.group, found.groups), (Some(107), Some(108), vec![108]));
        assert_eq!(Owners::of(&fixed, &OwnerRules::default(), &process).unwrap(), None);
        let relabelled = guest("<seclabel type='static' model='dac' relabel='yes'><label>+7:+8</label></seclabel>");
        let owners = Owners::of(&relabelled, &OwnerRules::default(), &process).unwrap().unwrap();
        assert_eq!(owners.numbers(), (7, 8));
        let owners = Owners::of(&guest(""), &OwnerRules::default(), &process).unwrap().unwrap();
        assert_eq!(owners.numbers(), (5, 6));
    }
    let off = OwnerRules { dynamic: false, ..OwnerRules::default() };
    assert_eq!(Owners::of(&guest(""), &off, &process).unwrap(), None);
    assert_eq!(Owners::of(&guest(""), &OwnerRules::default(), &ProcessRules::default()).unwrap(), None);
    let unknown = guest("<seclabel type='static' model='dac'><label>nobody at all:0</label></seclabel>");
    assert!(rules(&unknown, &process).unwrap_err().message().contains("there is no user 'nobody at all'"));
}

#[test]
fn a_running_guest_tells_whom_its_files_belong_to() {
    let mut live = guest("");
    note(&mut live, Some(&GUEST));
    note(&mut live, Some(&GUEST));
    let label = label(&live).unwrap();
    assert_eq!(label.imagelabel.as_deref(), Some("+65534:+65533"));
    assert!(label.implicit && live.seclabels.len() == 1);
}

#[test]
fn files_change_hands_and_come_back() {
    if !root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("disk");
    std::fs::write(&path, "").unwrap();
    chown(&path, Some(12), Some(34)).unwrap();
    GUEST.give(&[file(&path), file(&folder.path().join("absent"))]).unwrap();
    assert_eq!(owner(&path), (65534, 65533));
    let marked = marks::take(&path, (1, 1)).is_ok_and(|count| count == 2);
    if marked {
        // A second guest uses it as well; the first to end changes nothing.
        GUEST.take_back(&[file(&path)]);
        assert_eq!(owner(&path), (65534, 65533));
        let other = Owners { user: 7, ..GUEST };
        let error = other.give(&[file(&path)]).unwrap_err();
        assert!(error.message().contains("which is already in use"), "{error}");
    }
    GUEST.take_back(&[file(&path)]);
    assert_eq!(owner(&path), if marked { (12, 34) } else { (0, 0) });
}

#[test]
fn what_others_may_use_is_not_given_back() {
    if !root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shared");
    std::fs::write(&path, "").unwrap();
    let shared = HostFile { shared: true, ..file(&path) };
    GUEST.give(std::slice::from_ref(&shared)).unwrap();
    GUEST.take_back(&[shared]);
    assert_eq!(owner(&path), (65534, 65533));
    let foreign = HostFile { owned: false, ..file(folder.path()) };
    GUEST.give(&[foreign]).unwrap();
    assert_eq!(owner(folder.path()), (0, 0));
    let labelled = HostFile { label: Some("+3:+4".into()), ..file(&path) };
    GUEST.give(&[labelled]).unwrap();
    assert_eq!(owner(&path), (3, 4));
}

#[test]
fn one_that_cannot_be_given_leaves_all_as_they_were() {
    if !root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("disk");
    std::fs::write(&path, "").unwrap();
    let wrong = HostFile { label: Some("nobody at all:0".into()), ..file(folder.path()) };
    assert!(GUEST.give(&[file(&path), wrong]).is_err());
    assert_eq!(owner(&path), (0, 0));
}
