//! `<os>`: how guests boot.

use oxivirt_conf::domain_capabilities::{Os, Support};

use super::{Subject, Surroundings, present};

pub(super) fn os(subject: Subject<'_>, host: &Surroundings) -> Os {
    let suits = |of: &str| {
        let fitting = host.firmwares.iter().filter(|f| f.suits(subject.arch(), &subject.machine.name));
        fitting.flat_map(|f| &f.interface_types).any(|kind| kind == of)
    };
    // The board's own protection of the variables is needed as well.
    let secure = host
        .firmwares
        .iter()
        .any(|f| f.suits(subject.arch(), &subject.machine.name) && f.has("secure-boot") && f.has("requires-smm"));
    let loader = Support {
        values: host.loaders.clone(),
        ..Support::yes()
            .with("type", ["rom", "pflash"])
            .with("readonly", ["yes", "no"])
            .with("secure", present(&[("yes", secure), ("no", true)]))
    };
    Os {
        support: Support::yes().with("firmware", present(&[("bios", suits("bios")), ("efi", suits("uefi"))])),
        loader: Some(loader),
    }
}
