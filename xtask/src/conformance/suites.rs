//! The suites of documents and configuration files.

use std::path::Path;

use oxivirt_conf::domain::{DomainDefinition, FormatFlags, NoHooks, ParseFlags};
use oxivirt_util::config::Config;

use super::files::{case, named, same, text};
use super::{Case, Suite};

/// Every suite: its name, its folder in the corpus, and what it does there.
pub(super) const SUITES: [(&str, &str, Suite); 3] = [
    ("conf", "conf", configuration),
    ("domain-generic", "domain-generic", domain_generic),
    ("domain-unchanged", "qemu", domain_unchanged),
];

/// Configuration files print as recorded.
fn configuration(folder: &Path) -> Result<Vec<Case>, String> {
    named(folder, ".conf")?
        .into_iter()
        .map(|(name, input)| {
            let expected = text(&folder.join(format!("{name}.out")))?;
            Ok(case(&name, || {
                let config = Config::parse(name.as_str(), &input).map_err(|e| e.to_string())?;
                // One recorded answer lacks the last line break.
                same(expected.trim_end(), config.to_string().trim_end())
            }))
        })
        .collect()
}

/// Inputs of the generic suite that are refused.
const REFUSED: &[&str] = &[
    "cachetune-colliding-allocs",
    "cachetune-colliding-monitor",
    "cachetune-colliding-types",
    "chardev-reconnect-missing-timeout",
    "chardev-tcp-missing-host",
    "chardev-unix-redirdev-missing-path",
    "chardev-unix-smartcard-missing-path",
    "graphics-vnc-socket-attr-listen-socket-mismatch",
    "memorytune-colliding-allocs",
    "memorytune-colliding-cachetune",
    "name-slash-fail",
    "network-interface-mac-check",
];

/// Domains that any driver could define, byte for byte; without an answer an input prints as it is.
fn domain_generic(folder: &Path) -> Result<Vec<Case>, String> {
    let answers = named(&folder.join("out"), ".xml")?;
    let answer = |name: &str| answers.iter().find(|(other, _)| other == name).map(|(_, text)| text.clone());
    let inputs = named(&folder.join("in"), ".xml")?;
    Ok(inputs
        .iter()
        .map(|(name, input)| {
            case(name, || {
                let parsed = DomainDefinition::parse(input, ParseFlags::INACTIVE, &NoHooks);
                match (parsed, REFUSED.contains(&name.as_str())) {
                    (Err(_), true) => Ok(()),
                    (Ok(_), true) => Err("accepted, must be refused".to_owned()),
                    (Err(error), false) => Err(format!("refused: {error}")),
                    (Ok(domain), false) => same(answer(name).as_ref().unwrap_or(input), &print(&domain)?),
                }
            })
        })
        .collect())
}

/// Complete domains of the QEMU driver, which must print as they were read.
fn domain_unchanged(folder: &Path) -> Result<Vec<Case>, String> {
    // `name.arch-version.xml` is an answer, `name.xml` an input.
    let complete = |name: &str, text: &str| name.contains('.') && text.starts_with("<domain");
    Ok(named(folder, ".xml")?
        .into_iter()
        .filter(|(name, text)| complete(name, text))
        .map(|(name, text)| {
            case(&name, || {
                let flags = ParseFlags::INACTIVE | ParseFlags::SKIP_POST_PARSE;
                let domain =
                    DomainDefinition::parse(&text, flags, &NoHooks).map_err(|error| format!("refused: {error}"))?;
                same(&text, &print(&domain)?)
            })
        })
        .collect())
}

fn print(domain: &DomainDefinition) -> Result<String, String> {
    domain.format(FormatFlags::INACTIVE | FormatFlags::SECURE).map_err(|error| format!("cannot be printed: {error}"))
}
