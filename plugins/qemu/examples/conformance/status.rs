//! `qemu-status`: status files of stock libvirt, read and printed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use oxivirt_conf::domain::DomainStatus;
use oxivirt_driver_qemu::hooks::{Emulators, Hooks, Site};
use oxivirt_driver_qemu::process::Folders;
use oxivirt_driver_qemu::status::{PrivateStatus, renew};

use super::xml::same;
use super::{Case, Outcome, judged};

/// A running guest is what it is: nothing about its binary is asked.
struct Unknown;

impl Emulators for Unknown {
    fn binary_for(&self, _: &str) -> Option<String> {
        None
    }

    fn get(&self, _: &str) -> Option<std::sync::Arc<oxivirt_driver_qemu::capabilities::Emulator>> {
        None
    }
}

/// `NAME-in.xml` is printed as `NAME-out.xml`; where one of them is missing
/// the other is both.
pub(crate) fn suite(corpus: &Path) -> Result<Vec<Case>, String> {
    let folder = corpus.join("qemu-status");
    let failed = |e: std::io::Error| format!("{}: {e}", folder.display());
    let mut files: BTreeMap<String, [Option<String>; 2]> = BTreeMap::new();
    for entry in fs::read_dir(&folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let parts = ["-in.xml", "-out.xml"].iter().enumerate();
        for (at, name) in parts.filter_map(|(at, ending)| Some((at, file.strip_suffix(ending)?))) {
            let text = fs::read_to_string(&path).map_err(failed)?;
            if let Some(place) = files.entry(name.to_owned()).or_default().get_mut(at) {
                *place = Some(text);
            }
        }
    }
    Ok(files
        .into_iter()
        .map(|(name, [input, answer])| {
            let outcome = judged(|| match (&input, &answer) {
                (Some(input), Some(answer)) => printed(input, answer),
                (Some(both), None) | (None, Some(both)) => printed(both, both),
                (None, None) => Ok(()),
            });
            (name, outcome)
        })
        .collect())
}

fn printed(input: &str, answer: &str) -> Outcome {
    let folders = Folders::system("/".as_ref());
    let hooks = Hooks { emulators: &Unknown, host_arch: "x86_64", site: Site::of(&folders) };
    let status = DomainStatus::<PrivateStatus>::parse(input, &hooks);
    let mut status = status.map_err(|error| format!("refused: {error}"))?;
    renew(&mut status.definition).map_err(|error| format!("notes refused: {error}"))?;
    let id = status.definition.id.and_then(|id| i32::try_from(id).ok()).ok_or("no id")?;
    status.private.fill(&folders.memory(id, &status.definition.name));
    same(answer, &status.format().map_err(|error| format!("cannot be printed: {error}"))?)
}
