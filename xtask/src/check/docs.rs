//! Every crate says what it is, every driver has a README, links lead somewhere,
//! and README names every command.

use std::fs;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use oxivirt_tests::assets;

use super::Findings;

pub(super) fn findings() -> Result<Findings, String> {
    let root = assets::workspace();
    let mut findings = Findings::new();
    for folder in crate_folders(root) {
        crate_docs(root, &folder, &mut findings);
    }
    let pages = pages(root);
    for page in &pages {
        links(root, page, &mut findings);
    }
    commands(root, &mut findings);
    Ok(findings)
}

/// The folders of the workspace's crates.
fn crate_folders(root: &Path) -> Vec<PathBuf> {
    let plain = ["core", "core/macros", "util", "conf", "daemon", "tests", "xtask"].map(|name| root.join(name));
    let drivers = assets::plugin_names().into_iter().map(|name| root.join("plugins").join(name));
    plain.into_iter().chain(drivers).collect()
}

fn crate_docs(root: &Path, folder: &Path, findings: &mut Findings) {
    let name = relative(root, folder);
    let top = ["src/lib.rs", "src/main.rs"].map(|file| folder.join(file)).into_iter().find(|file| file.is_file());
    let text = top.and_then(|file| fs::read_to_string(file).ok()).unwrap_or_default();
    if !text.starts_with("//!") && !text.contains("#![doc = include_str!") {
        findings.push(format!("{name}: the crate does not say what it is"));
    }
    if name.starts_with("plugins/") && !folder.join("README.md").is_file() {
        findings.push(format!("{name}: a driver needs a README.md"));
    }
}

/// The pages people read: at the root, in `docs`, and of every crate.
fn pages(root: &Path) -> Vec<PathBuf> {
    let mut pages = Vec::new();
    let folders = [root.to_owned(), root.join("docs"), root.join("docs/decisions")];
    for folder in folders.into_iter().chain(crate_folders(root)) {
        let files = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        pages.extend(files.filter(|file| file.extension().is_some_and(|extension| extension == "md")));
    }
    pages
}

/// Reports links of a page to files that are not there.
fn links(root: &Path, page: &Path, findings: &mut Findings) {
    let text = fs::read_to_string(page).unwrap_or_default();
    let folder = page.parent().unwrap_or(root);
    for target in targets(&text) {
        let file = target.split('#').next().unwrap_or_default();
        if !file.is_empty() && !file.contains("://") && !file.starts_with("mailto:") && !folder.join(file).exists() {
            findings.push(format!("{}: link to {file}, which does not exist", relative(root, page)));
        }
    }
}

/// The targets of `[text](target)` links outside code.
fn targets(text: &str) -> Vec<&str> {
    let mut fenced = false;
    let mut found = Vec::new();
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        if fenced || line.starts_with("    ") {
            continue;
        }
        for (index, plain) in line.split('`').enumerate() {
            if index % 2 == 0 {
                found.extend(
                    plain.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target),
                );
            }
        }
    }
    found
}

fn commands(root: &Path, findings: &mut Findings) {
    let readme = fs::read_to_string(root.join("README.md")).unwrap_or_default();
    for command in crate::Arguments::command().get_subcommands() {
        let call = format!("cargo xtask {}", command.get_name());
        if !readme.contains(&call) {
            findings.push(format!("README.md: does not mention `{call}`"));
        }
    }
}

fn relative(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_in_code_are_no_links() {
        let text = "see [a](docs/A.md#part) and `[b](B.md)`\n```\n[c](C.md)\n```\n[d](D.md)";
        assert_eq!(targets(text), ["docs/A.md#part", "D.md"]);
    }

    #[test]
    fn a_dead_link_is_found() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let page = folder.path().join("page.md");
        fs::write(&page, "[gone](nowhere.md) [site](https://example.org) [here](page.md)").expect("a page");
        let mut findings = Findings::new();
        links(folder.path(), &page, &mut findings);
        assert_eq!(findings, ["page.md: link to nowhere.md, which does not exist"]);
    }
}
