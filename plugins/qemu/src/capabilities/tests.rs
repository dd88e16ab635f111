#![allow(clippy::unwrap_used)]

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use super::*;

/// The real binary, or none with a loud word.
pub(crate) fn real_binary() -> Option<PathBuf> {
    let found = Catalog::new(PathBuf::from("/nonexistent")).binary_for("x86_64");
    if found.is_none() {
        eprintln!("SKIPPED: no qemu-system-x86_64 on this host, nothing was tested");
    }
    found
}

fn script(folder: &std::path::Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn a_real_binary_answers_and_is_remembered_on_disk() {
    let Some(binary) = real_binary() else { return };
    let folder = tempfile::tempdir().unwrap();
    let first = Catalog::new(folder.path().to_owned()).get(&binary).unwrap();
    assert_eq!(first.arch, "x86_64");
    assert!(first.version >= 6_002_000);
    let q35 = first.machine(Accel::Tcg, "q35").unwrap();
    assert!(q35.name.starts_with("pc-q35-") && q35.max_cpus > 1);
    assert!(first.default_machine(Accel::Tcg).unwrap().name.starts_with("pc-i440fx-"));
    assert!(first.has_type("virtio-blk-pci") && first.has_property("virtio-blk-pci", "write-cache"));
    assert!(first.has_command("blockdev-add") && first.events.contains("SHUTDOWN"));
    assert!(first.cpu_model_of_type(Accel::Tcg, "qemu64-x86_64-cpu").is_some());
    let kept = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(kept, 1);
    let began = Instant::now();
    let second = Catalog::new(folder.path().to_owned()).get(&binary).unwrap();
    assert_eq!(first, second);
    assert!(began.elapsed() < Duration::from_millis(400), "the cache was not used");
}

#[test]
fn a_binary_that_refuses_says_why_in_its_own_words() {
    let folder = tempfile::tempdir().unwrap();
    let binary = script(folder.path(), "qemu-system-x86_64", "echo 'no such machine: moon' >&2; exit 1");
    let error = probe(&binary, Duration::from_secs(10)).unwrap_err();
    assert!(error.message().contains("no such machine: moon"), "{error}");
    assert!(error.message().contains("qemu-system-x86_64"), "{error}");
}

#[test]
fn a_binary_that_hangs_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let binary = script(folder.path(), "qemu-system-x86_64", "exec sleep 60");
    let began = Instant::now();
    let error = probe(&binary, Duration::from_millis(600)).unwrap_err();
    assert_eq!(error.code(), oxivirt_core::ErrorCode::OPERATION_TIMEOUT);
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_missing_binary_is_an_error_that_names_it() {
    let error = Catalog::new(PathBuf::from("/nonexistent")).get("/nonexistent/qemu".as_ref()).unwrap_err();
    assert!(error.message().contains("/nonexistent/qemu"), "{error}");
}

#[test]
fn names_map_both_ways() {
    assert_eq!(arch_of_binary("qemu-system-i386"), Some("i686"));
    assert_eq!(arch_of_binary("qemu-system-x86_64-microvm"), None);
    assert_eq!(word_size("aarch64"), Some(64));
}
