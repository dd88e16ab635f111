//! Files, folders and processes that belong to no guest.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::look::Look;
use crate::process;
use crate::sandbox::Sandbox;

/// What is there and belongs to no guest, and what is missing of one.
pub(super) fn strays(sandbox: &Sandbox, look: &Look) -> Vec<String> {
    let mut findings = Vec::new();
    let root = sandbox.root();
    let (run, lib, config) =
        (root.join("run/libvirt/qemu"), root.join("var/lib/libvirt/qemu"), root.join("etc/libvirt/qemu"));
    let active = || look.domains.iter().filter(|(_, guest)| guest.active);
    let persistent = || look.domains.iter().filter(|(_, guest)| guest.persistent);
    let with = |end: &'static str| move |name: &String| format!("{name}{end}");
    let names: Vec<String> = active().map(|(name, _)| name.clone()).collect();
    let numbered: Vec<String> = active().map(|(name, guest)| format!("{}-{name}", guest.id)).collect();
    let definitions: Vec<String> = persistent().map(|(name, _)| format!("{name}.xml")).collect();
    let links = persistent().filter(|(_, guest)| guest.autostart).map(|(name, _)| format!("{name}.xml"));
    let mut compare = |folder: &Path, end: &str, wanted: BTreeSet<String>| {
        let found: BTreeSet<String> = entries(folder).into_iter().filter(|name| name.ends_with(end)).collect();
        for name in wanted.symmetric_difference(&found) {
            let how = if found.contains(name) { "is left over" } else { "is missing" };
            findings.push(format!("{} {how}", folder.join(name).display()));
        }
    };
    compare(&run, ".xml", names.iter().map(with(".xml")).collect());
    compare(&run, ".pid", names.iter().map(with(".pid")).collect());
    compare(&run.join("channel"), "", numbered.iter().cloned().collect());
    compare(&config, ".xml", definitions.into_iter().collect());
    compare(&config.join("autostart"), ".xml", links.collect());
    compare(&lib.join("ram"), "", BTreeSet::new());
    let folders: BTreeSet<String> = numbered.iter().map(|name| format!("domain-{name}")).collect();
    let found: BTreeSet<String> = entries(&lib).into_iter().filter(|name| name.starts_with("domain-")).collect();
    for name in folders.symmetric_difference(&found) {
        let how = if found.contains(name) { "is left over" } else { "is missing" };
        findings.push(format!("{} {how}", lib.join(name).display()));
    }
    for name in found.iter().filter(|name| lib.join(name).join("plugging.json").exists()) {
        findings.push(format!("a note of a change that did not end is in {name}"));
    }
    findings.extend(unfinished(root));
    findings.extend(processes(sandbox, &names));
    findings
}

/// What is left when there is no guest any more.
pub(super) fn rest(sandbox: &Sandbox) -> Vec<String> {
    // Logs stay, and what is known of QEMU's programs.
    const STAYS: &[&str] = &["autostarted", "autostart", "channel", "nvram", "ram", "networks"];
    let mut findings = Vec::new();
    for folder in ["run/libvirt/qemu", "var/lib/libvirt/qemu", "etc/libvirt/qemu"] {
        let path = sandbox.root().join(folder);
        for name in entries(&path) {
            if !STAYS.contains(&name.as_str()) || !entries(&path.join(&name)).is_empty() {
                findings.push(format!("{folder}/{name} is left over"));
            }
        }
    }
    findings
}

/// Files that were to replace others.
fn unfinished(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root.join("run"), root.join("var/lib"), root.join("etc")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.ends_with(".new") || name.ends_with(".tmp") {
                found.push(format!("{} is half written", entry.path().display()));
            }
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(entry.path());
            }
        }
    }
    found
}

/// Every QEMU is a guest's, every guest has one, and nothing else of the sandbox runs.
fn processes(sandbox: &Sandbox, names: &[String]) -> Vec<String> {
    let mut findings = Vec::new();
    let mut seen = BTreeSet::new();
    let children = process::children(sandbox.pid());
    for (pid, line) in sandbox.processes_with_lines() {
        if pid == sandbox.pid() || children.contains(&pid) && !line.contains("guest=") {
            continue;
        }
        // What writes a guest's log down lives as long as the guest.
        if line.contains("logkeeper") && names.iter().any(|name| line.contains(&format!("/{name}.log"))) {
            continue;
        }
        let guest = line.split_whitespace().find_map(|word| word.strip_prefix("guest=")?.split(',').next());
        match guest {
            Some(name) if names.iter().any(|known| known == name) => {
                if sandbox.guest_pid(name) != Ok(pid) {
                    findings
                        .push(format!("{name} is process {pid}, and the daemon noted {:?}", sandbox.guest_pid(name)));
                }
                if !seen.insert(name.to_owned()) {
                    findings.push(format!("{name} runs twice"));
                }
            }
            Some(name) => findings.push(format!("process {pid} is a QEMU of {name}, which does not run")),
            // What a driver's own process asked.
            None if children.iter().any(|child| process::children(*child).contains(&pid)) => {}
            None => findings.push(format!("process {pid} is left over: {}", line.get(..200).unwrap_or(&line))),
        }
    }
    for name in names.iter().filter(|name| !seen.contains(*name)) {
        findings.push(format!("{name} runs without a QEMU"));
    }
    findings
}

fn entries(folder: &Path) -> Vec<String> {
    let all = fs::read_dir(folder).into_iter().flatten().flatten();
    all.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}
