//! `qemu-active`: definitions of running guests, and what is stored of them.

use std::fs;
use std::path::Path;

use oxivirt_conf::domain::{DomainDefinition, FormatFlags, ParseFlags};
use oxivirt_driver_qemu::hooks::{Hooks, Site};

use super::cases;
use super::emulators::{One, Recordings};
use super::xml::same;
use super::{Outcome, judged};

/// `NAME-active.CAPS.xml` and `NAME-inactive.CAPS.xml` are how `qemu/NAME.xml`,
/// read as a running guest, is shown and stored. Where that file is missing
/// the active answer is its own input.
pub(crate) fn suite(corpus: &Path) -> Result<Vec<super::Case>, String> {
    let mut recordings = Recordings::new(corpus);
    let mut outcomes = Vec::new();
    for (case, answers) in cases::find_all(&corpus.join("qemu-active"))? {
        let Some(answer) = answers.get("xml") else { continue };
        let outcome = judged(|| shown(corpus, &case, answer, &recordings.of(&case)?));
        outcomes.push((case.name, outcome));
    }
    Ok(outcomes)
}

fn shown(corpus: &Path, case: &cases::Case, answer: &Path, emulators: &One) -> Outcome {
    let stem = case.input.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let name = stem.strip_suffix("-active").or_else(|| stem.strip_suffix("-inactive")).unwrap_or(&stem);
    let active = case.name.replacen(&format!("{name}-inactive"), &format!("{name}-active"), 1);
    let inputs = [corpus.join(format!("qemu/{name}.xml")), corpus.join(format!("qemu-active/{active}.xml"))];
    let input = inputs.iter().find(|path| path.is_file()).ok_or("there is no input")?;
    let read = |path: &Path| fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()));
    let site = Site {
        nvram: "/var/lib/libvirt/qemu/nvram".into(),
        channels: Vec::new(),
        firmware: Vec::new(),
        pci_devices: "/nonexistent".into(),
        audio: Default::default(),
    };
    let hooks = Hooks { emulators, host_arch: &case.arch, site };
    let domain = DomainDefinition::parse(&read(input)?, ParseFlags::NONE, &hooks);
    let domain = domain.map_err(|error| format!("refused: {error}"))?;
    let flags = if stem.ends_with("-inactive") { FormatFlags::INACTIVE } else { FormatFlags::NONE };
    let found = domain.format(FormatFlags::SECURE | flags).map_err(|error| format!("cannot be printed: {error}"))?;
    same(&read(answer)?, &found)
}
