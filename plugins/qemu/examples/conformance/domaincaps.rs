//! `domaincaps`: what guests may have, made from recorded sessions; and
//! `domaincaps(document)`: documents without a recording, which are only read
//! and printed.
//!
//! A file is named `HYPERVISOR_VERSION[-FLAVOUR…].ARCH[+VARIANT].xml`; a
//! flavour is a way of execution or a board.

use std::fs;
use std::path::{Path, PathBuf};

use oxivirt_conf::domain_capabilities::DomainCapabilities;
use oxivirt_driver_qemu::capabilities::{Accel, Emulator};
use oxivirt_driver_qemu::domain_capabilities::{Subject, Surroundings, document};
use oxivirt_driver_qemu::firmware;

use super::{Outcome, emulators, judged, xml};

/// Documents whose recording is there.
pub(crate) fn generated(corpus: &Path) -> Result<Vec<super::Case>, String> {
    let files = files(corpus)?.into_iter().filter_map(|(name, path)| Some((Kind::read(&name)?, name, path)));
    let recorded = files.filter_map(|(kind, name, path)| Some((kind.recording(corpus)?, kind, name, path)));
    Ok(recorded
        .map(|(recording, kind, name, path)| (name, judged(|| generate(corpus, &kind, &recording, &path))))
        .collect())
}

/// The others.
pub(crate) fn unchanged(corpus: &Path) -> Result<Vec<super::Case>, String> {
    let alone = |name: &str| Kind::read(name).and_then(|kind| kind.recording(corpus)).is_none();
    Ok(files(corpus)?.into_iter().filter(|(name, _)| alone(name)).map(|(name, path)| (name, print(&path))).collect())
}

fn files(corpus: &Path) -> Result<Vec<(String, PathBuf)>, String> {
    let folder = corpus.join("domaincaps");
    let failed = |e: std::io::Error| format!("{}: {e}", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(&folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(name) = file.strip_suffix(".xml") {
            files.push((name.to_owned(), path));
        }
    }
    files.sort();
    Ok(files)
}

/// What a document of this driver is about.
struct Kind {
    version: String,
    arch: String,
    variant: Option<String>,
    accel: Accel,
    machine: Option<String>,
}

impl Kind {
    fn read(name: &str) -> Option<Self> {
        let (rest, arch) = name.strip_prefix("qemu_")?.rsplit_once('.')?;
        let (arch, variant) = match arch.split_once('+') {
            Some((arch, variant)) => (arch, Some(variant.to_owned())),
            None => (arch, None),
        };
        let mut parts = rest.split('-');
        let version = parts.next()?.to_owned();
        let (mut accel, mut machine) = (Accel::Kvm, None);
        for flavour in parts {
            match flavour {
                "tcg" => accel = Accel::Tcg,
                "hvf" => accel = Accel::Hvf,
                board => machine = Some(board.to_owned()),
            }
        }
        Some(Self { version, arch: arch.to_owned(), variant, accel, machine })
    }

    fn recording(&self, corpus: &Path) -> Option<PathBuf> {
        let variant = self.variant.as_deref().map_or(String::new(), |variant| format!("+{variant}"));
        let file = format!("caps_{}_{}{variant}.replies", self.version, self.arch);
        Some(corpus.join("qemu-caps").join(file)).filter(|path| path.is_file())
    }
}

fn generate(corpus: &Path, kind: &Kind, recording: &Path, answer: &Path) -> Outcome {
    let expected = fs::read_to_string(answer).map_err(|e| e.to_string())?;
    let emulator = emulators::read(recording, &kind.arch)?;
    // The recorded answers call every binary after the architecture.
    let binary = format!("/usr/bin/qemu-system-{}", kind.arch).into();
    let emulator = Emulator { binary, ..emulator };
    // Boards are the same without the kernel's help, which some recordings do not have.
    let machine = [kind.accel, Accel::Tcg].into_iter().find_map(|accel| match &kind.machine {
        Some(name) => emulator.machine(accel, name),
        None => emulator.default_machine(accel),
    });
    let machine = machine.ok_or("there is no such board")?;
    let subject = Subject { emulator: &emulator, accel: kind.accel, machine };
    let found = document(subject, &host(corpus)).to_xml();
    if let Some(folder) = std::env::var_os("CONFORMANCE_OUT") {
        let file = Path::new(&folder).join(answer.file_name().unwrap_or_default());
        fs::write(&file, &found).map_err(|e| format!("{}: {e}", file.display()))?;
    }
    xml::same(&expected, &found)
}

/// The host of the recorded answers.
fn host(corpus: &Path) -> Surroundings {
    Surroundings {
        firmwares: firmware::load(&firmware::folders(&corpus.join("firmware"), None)),
        loaders: vec!["/obviously/fake/firmware1.fd".to_owned(), "/obviously/fake/firmware2.fd".to_owned()],
        physical_address_bits: Some(64),
        vfio: true,
        tpm_versions: vec!["2.0".to_owned()],
        sev_guests: Some((59, 450)),
        power_model: Some("POWER8".to_owned()),
    }
}

fn print(path: &Path) -> Outcome {
    let text = fs::read_to_string(path).map_err(|e| e.to_string())?;
    let document = DomainCapabilities::parse_document(&text).map_err(|e| format!("refused: {e}"))?;
    xml::same(&text, &document.to_xml())
}
