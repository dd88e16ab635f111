//! Edges between the workspace's crates run one way.
//!
//! The table below is the architecture. A crate that is not named in it is a
//! driver when it lies in `plugins/`, and otherwise may not exist.

use std::process::Command;
use std::time::Duration;

use oxivirt_tests::process;
use serde_json::Value;

use super::Findings;

/// Which crates of the workspace a crate may depend on, in any way.
const EDGES: &[(&str, &[&str])] = &[
    ("oxivirt-util", &[]),
    ("oxivirt-macros", &[]),
    ("oxivirt-core", &["oxivirt-util", "oxivirt-macros"]),
    ("oxivirt-conf", &["oxivirt-core", "oxivirt-macros", "oxivirt-util"]),
    ("oxivirt-daemon", &["oxivirt-core", "oxivirt-util"]),
    ("oxivirt-misbehaving-driver", &["oxivirt-core"]),
    ("oxivirt-neighbour-drivers", &["oxivirt-core"]),
    ("oxivirt-tests", &["oxivirt-core", "oxivirt-util", "oxivirt-misbehaving-driver", "oxivirt-neighbour-drivers"]),
    ("xtask", &["oxivirt-core", "oxivirt-conf", "oxivirt-util", "oxivirt-tests"]),
];

/// The same for every driver.
const DRIVER_EDGES: &[&str] = &["oxivirt-core", "oxivirt-conf", "oxivirt-util"];

/// What a crate may use in its tests on top, whichever crate it is.
const TEST_EDGES: &[&str] = &["oxivirt-tests"];

pub(super) fn findings() -> Result<Findings, String> {
    Ok(judge(&members()?))
}

/// One crate of the workspace.
struct Member {
    name: String,
    is_driver: bool,
    /// The workspace's crates it names, and whether only its tests do.
    edges: Vec<(String, bool)>,
}

fn judge(members: &[Member]) -> Findings {
    let mut findings = Findings::new();
    let driver = |name: &str| members.iter().any(|member| member.is_driver && member.name == name);
    for member in members {
        let allowed = match EDGES.iter().find(|(name, _)| *name == member.name) {
            Some((_, allowed)) => *allowed,
            None if member.is_driver => DRIVER_EDGES,
            None => {
                findings.push(format!("{}: no layer is given for this crate", member.name));
                continue;
            }
        };
        for (other, only_tests) in &member.edges {
            if allowed.contains(&other.as_str()) || (*only_tests && TEST_EDGES.contains(&other.as_str())) {
                continue;
            }
            let rule = match (member.is_driver, driver(other)) {
                (true, true) => "a driver never depends on a driver".to_owned(),
                (false, true) => "drivers are met as shared objects, never as crates".to_owned(),
                _ if other == "oxivirt-daemon" => "the daemon is met as a process, never as a crate".to_owned(),
                _ => format!("{} may depend on: {}", member.name, allowed.join(", ")),
            };
            findings.push(format!("{} -> {other}: {rule}", member.name));
        }
    }
    findings
}

/// The workspace's crates as cargo sees them.
fn members() -> Result<Vec<Member>, String> {
    let mut command: Command = crate::stage::cargo();
    command.args(["metadata", "--format-version", "1", "--no-deps"]);
    let answer = process::succeed(&mut command, "cargo metadata", Duration::from_secs(120))?;
    let metadata: Value = serde_json::from_str(&answer.stdout).map_err(|e| format!("cargo metadata: {e}"))?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata: no packages")?;
    Ok(packages
        .iter()
        .map(|package| Member {
            name: text(&package["name"]),
            is_driver: text(&package["manifest_path"]).contains("/plugins/"),
            edges: package["dependencies"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|dependency| dependency["path"].is_string())
                .map(|dependency| (text(&dependency["name"]), dependency["kind"] == "dev"))
                .collect(),
        })
        .collect())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, is_driver: bool, edges: &[(&str, bool)]) -> Member {
        let edges = edges.iter().map(|(name, test)| ((*name).to_owned(), *test)).collect();
        Member { name: name.into(), is_driver, edges }
    }

    #[test]
    fn a_driver_that_names_a_driver_is_found() {
        let members = [
            member("oxivirt-driver-a", true, &[("oxivirt-core", false), ("oxivirt-driver-b", true)]),
            member("oxivirt-driver-b", true, &[("oxivirt-tests", true)]),
        ];
        assert_eq!(judge(&members), ["oxivirt-driver-a -> oxivirt-driver-b: a driver never depends on a driver"]);
    }

    #[test]
    fn the_test_library_is_for_tests() {
        let findings = judge(&[member("oxivirt-daemon", false, &[("oxivirt-tests", false)])]);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].starts_with("oxivirt-daemon -> oxivirt-tests: "), "{findings:?}");
    }

    #[test]
    fn a_crate_without_a_layer_is_found() {
        assert_eq!(judge(&[member("stray", false, &[])]).len(), 1);
    }

    #[test]
    fn core_knows_no_documents() {
        let findings = judge(&[member("oxivirt-core", false, &[("oxivirt-conf", false)])]);
        assert_eq!(
            findings,
            ["oxivirt-core -> oxivirt-conf: oxivirt-core may depend on: oxivirt-util, oxivirt-macros"]
        );
    }
}
