//! `qemu(xml)`: definitions that are read and printed, or refused.

use std::fs;
use std::path::Path;

use oxivirt_conf::domain::{DomainDefinition, FormatFlags, ParseFlags};
use oxivirt_core::Error;
use oxivirt_driver_qemu::firmware;
use oxivirt_driver_qemu::hooks::{Hooks, Site};

use super::cases::{self, Case};
use super::circumstances::{Around, Circumstances};
use super::emulators::{One, Recordings};
use super::{Outcome, judged};

pub(crate) fn suite(corpus: &Path) -> Result<Vec<super::Case>, String> {
    let mut recordings = Recordings::new(corpus);
    let circumstances = Circumstances::read()?;
    let mut outcomes = Vec::new();
    for (case, answers) in cases::find(&corpus.join("qemu"))? {
        // Where a definition is printed and an error stands beside it, the command line is what fails.
        let around = circumstances.of(&case.name)?;
        let mut with = |act: &dyn Fn(&One) -> Outcome| judged(|| act(&around.emulator(recordings.of(&case)?)));
        let outcome = match (answers.get("xml"), answers.get("err")) {
            (Some(answer), _) => with(&|emulators| printed(&case, answer, emulators, &around)),
            (None, Some(error)) => with(&|emulators| refused(&case, error, emulators, &around)),
            (None, None) => continue,
        };
        outcomes.push((case.name, outcome));
    }
    Ok(outcomes)
}

/// Reads the definition of a case.
pub(crate) fn read(case: &Case, emulators: &One, around: &Around) -> Result<DomainDefinition, Error> {
    let text = fs::read_to_string(&case.input)
        .map_err(|e| Error::system(format_args!("Failed to open file '{}'", case.input.display()), &e))?;
    let folder = case.input.parent().and_then(Path::parent).unwrap_or(Path::new("."));
    let site = Site {
        nvram: "/var/lib/libvirt/qemu/nvram".into(),
        channels: vec!["/var/lib/libvirt/qemu/channel/target".into(), "/run/libvirt/qemu/channel".into()],
        firmware: firmware::folders(&folder.join("firmware"), Some(&folder.join("firmware/home/user"))),
        pci_devices: around.pci_devices(),
        audio: around.settings.audio.clone(),
    };
    let hooks = Hooks { emulators, host_arch: &case.arch, site };
    let flags = match case.abi_update {
        true => ParseFlags::INACTIVE | ParseFlags::ABI_UPDATE,
        false => ParseFlags::INACTIVE,
    };
    DomainDefinition::parse(&text, flags, &hooks)
}

fn printed(case: &Case, answer: &Path, emulators: &One, around: &Around) -> Outcome {
    let expected = fs::read_to_string(answer).map_err(|e| e.to_string())?;
    let domain = read(case, emulators, around).map_err(|e| format!("refused: {e}"))?;
    let flags = FormatFlags::SECURE | FormatFlags::INACTIVE;
    let found = domain.format(flags).map_err(|e| format!("cannot be printed: {e}"))?;
    if let Some(folder) = std::env::var_os("CONFORMANCE_OUT") {
        let file = Path::new(&folder).join(format!("{}.xml", case.name));
        fs::write(&file, &found).map_err(|e| format!("{}: {e}", file.display()))?;
    }
    same(&expected, &found)
}

/// The text of a refusal is ours, but it is of the same kind.
fn refused(case: &Case, answer: &Path, emulators: &One, around: &Around) -> Outcome {
    let expected = fs::read_to_string(answer).map_err(|e| e.to_string())?;
    match read(case, emulators, around) {
        Ok(_) => Err(format!("accepted, must be refused: {}", expected.trim_end())),
        Err(error) => {
            let pattern = error.strings()[0].unwrap_or_default().to_owned();
            let standing = pattern.strip_suffix("%1$s").unwrap_or_default();
            match expected.starts_with(standing) {
                true => Ok(()),
                false => Err(format!("refused as `{error}`, must be refused as `{}`", expected.trim_end())),
            }
        }
    }
}

/// Equal, or the first line that is not.
pub(crate) fn same(expected: &str, found: &str) -> Outcome {
    if expected == found {
        return Ok(());
    }
    let (mut left, mut right) = (expected.lines(), found.lines());
    for number in 1.. {
        match (left.next(), right.next()) {
            (None, None) => break,
            (a, b) if a == b => {}
            (a, b) => {
                let show = |line: Option<&str>| line.map_or("nothing".to_owned(), |line| format!("`{}`", line.trim()));
                return Err(format!("line {number}: expected {}, found {}", show(a), show(b)));
            }
        }
    }
    Err("the ends of lines differ".to_owned())
}
