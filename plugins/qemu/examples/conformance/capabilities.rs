//! `qemucaps2xml`: what capabilities tell of a binary, made from recorded sessions.

use std::fs;
use std::path::Path;

use oxivirt_conf::capabilities::{Capabilities, Host, Iommu};
use oxivirt_conf::cpu::{HostCpu, NameList};
use oxivirt_conf::xml::YesNo;
use oxivirt_driver_qemu::capabilities::document::guest;

use super::cases::Case;
use super::emulators::Recordings;
use super::{Outcome, judged, xml};

/// A file is named `caps.ARCH[+VARIANT].xml`, of the newest recording.
pub(crate) fn suite(corpus: &Path) -> Result<Vec<super::Case>, String> {
    let folder = corpus.join("qemucaps2xml");
    let mut recordings = Recordings::new(corpus);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .map_err(|e| format!("{}: {e}", folder.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    files.sort();
    let named = files.iter().filter_map(|path| {
        let file = path.file_name()?.to_str()?;
        Some((path, file, file.strip_prefix("caps.")?.strip_suffix(".xml")?))
    });
    Ok(named.map(|(path, file, kind)| (file.to_owned(), judged(|| judge(path, kind, &mut recordings)))).collect())
}

fn judge(path: &Path, kind: &str, recordings: &mut Recordings) -> Outcome {
    let (arch, variant) = kind.split_once('+').map_or((kind, None), |(arch, variant)| (arch, Some(variant)));
    let case = Case {
        name: kind.to_owned(),
        input: path.to_owned(),
        arch: arch.to_owned(),
        version: "latest".to_owned(),
        variant: variant.map(str::to_owned),
        abi_update: false,
    };
    let emulator = recordings.of(&case)?.0;
    let mut guest = guest(&emulator);
    guest.arch.emulator = Some(format!("/usr/bin/qemu-system-{arch}"));
    // The answers are of a host without boards.
    guest.arch.machines.clear();
    guest.arch.domains.iter_mut().for_each(|domain| domain.machines.clear());
    let host = Host {
        cpu: Some(HostCpu { arch: Some(arch.to_owned()), ..HostCpu::default() }),
        power_management: Some(NameList::default()),
        iommu: Some(Iommu { support: YesNo::No }),
        ..Host::default()
    };
    let expected = fs::read_to_string(path).map_err(|e| e.to_string())?;
    xml::same(&expected, &Capabilities { host, guests: vec![guest] }.to_xml())
}
