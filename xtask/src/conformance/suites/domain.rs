//! Domain definitions without a driver's part.

use std::path::Path;

use oxivirt_conf::domain::{DomainDefinition, FormatFlags, NoHooks, ParseFlags};

use super::super::Case;
use super::super::files::{Answers, case, documents, named, same};

/// Domains that any driver could define.
pub(super) fn generic(folder: &Path) -> Result<Vec<Case>, String> {
    beside("domain-generic", folder)
}

/// Containers, as far as no driver adds to them.
pub(super) fn containers(folder: &Path) -> Result<Vec<Case>, String> {
    beside("lxc(xml)", folder)
}

fn beside(suite: &str, folder: &Path) -> Result<Vec<Case>, String> {
    documents(suite, folder, Answers::Beside, |_, input| {
        let domain = DomainDefinition::parse(input, ParseFlags::INACTIVE, &NoHooks).map_err(|e| e.to_string())?;
        Ok(print(&domain)?)
    })
}

/// Complete domains of the QEMU driver, which must print as they were read.
pub(super) fn unchanged(folder: &Path) -> Result<Vec<Case>, String> {
    let all = named(folder, ".xml")?;
    // `NAME.ARCH-VERSION.xml` is the answer to the input `NAME.xml`.
    let is_answer = |name: &str| {
        let input = |at: usize| all.iter().any(|(other, _)| other == &name[..at]);
        name.match_indices('.').any(|(at, _)| input(at))
    };
    Ok(all
        .iter()
        .filter(|(name, text)| is_answer(name) && text.starts_with("<domain"))
        .map(|(name, text)| {
            case(name, || {
                let flags = ParseFlags::INACTIVE | ParseFlags::SKIP_POST_PARSE;
                let domain =
                    DomainDefinition::parse(text, flags, &NoHooks).map_err(|error| format!("refused: {error}"))?;
                same(text, &print(&domain)?)
            })
        })
        .collect())
}

fn print(domain: &DomainDefinition) -> Result<String, String> {
    domain.format(FormatFlags::INACTIVE | FormatFlags::SECURE).map_err(|error| format!("cannot be printed: {error}"))
}
