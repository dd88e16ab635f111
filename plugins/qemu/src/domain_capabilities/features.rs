//! `<features>`.

use oxivirt_conf::capabilities::Amount;
use oxivirt_conf::domain_capabilities::{Features, GuestSection, Sev, Sgx, Support};
use oxivirt_conf::xml::YesNo;

use super::{Subject, Surroundings, present};
use crate::capabilities::{Accel, Emulator, SgxCaps};

pub(super) fn features(subject: Subject<'_>, host: &Surroundings) -> Features {
    let emulator = subject.emulator;
    let s390 = subject.arch() == "s390x";
    let protected = subject.has("s390-pv-guest");
    Features {
        gic: Some(gic(subject)),
        vmcoreinfo: Some(Support::when(subject.has("vmcoreinfo"))),
        genid: Some(Support::when(subject.has("vmgenid"))),
        backing_store_input: Some(Support::yes()),
        backup: Some(Support::yes()),
        async_teardown: Some(Support::when(
            emulator.options.get("run-with").is_some_and(|option| option.contains("async-teardown")),
        )),
        s390_pv: s390.then(|| Support::when(protected)),
        ps2: Some(Support::when(subject.is_x86() && emulator.has_property("generic-pc-machine", "i8042"))),
        sev: Some(sev(emulator, host)),
        sgx: Some(emulator.sgx.as_ref().map(sgx).unwrap_or_default()),
        hyperv: emulator.hyperv.as_ref().and_then(|told| {
            let known = HYPERV.iter().map(|(name, qemu)| (*name, told.contains(*qemu)));
            let known = present(&known.collect::<Vec<_>>());
            (!known.is_empty()).then(|| Support::yes().with("features", known))
        }),
        launch_security: Some(launch_security(subject, protected)),
    }
}

/// What Windows can be told: the document's name, QEMU's.
const HYPERV: &[(&str, &str)] = &[
    ("relaxed", "hv-relaxed"),
    ("vapic", "hv-vapic"),
    ("spinlocks", "hv-spinlocks"),
    ("vpindex", "hv-vpindex"),
    ("runtime", "hv-runtime"),
    ("synic", "hv-synic"),
    ("stimer", "hv-stimer"),
    ("reset", "hv-reset"),
    ("vendor_id", "hv-vendor-id"),
    ("frequencies", "hv-frequencies"),
    ("reenlightenment", "hv-reenlightenment"),
    ("tlbflush", "hv-tlbflush"),
    ("ipi", "hv-ipi"),
    ("evmcs", "hv-evmcs"),
    ("avic", "hv-avic"),
    ("emsr_bitmap", "hv-emsr-bitmap"),
    ("xmm_input", "hv-xmm-input"),
];

/// Only this board lets the version be chosen.
fn gic(subject: Subject<'_>) -> Support {
    let chosen = |accel: &crate::capabilities::Gic| match subject.accel {
        Accel::Kvm => accel.kernel,
        Accel::Tcg | Accel::Hvf => accel.emulated,
    };
    let mut versions: Vec<u32> = match subject.board("virt") {
        true => subject.emulator.gic.iter().filter(|gic| chosen(gic)).map(|gic| gic.version).collect(),
        false => Vec::new(),
    };
    versions.sort_unstable();
    match versions.is_empty() {
        true => Support::no(),
        false => Support::yes().with("version", versions.iter().map(u32::to_string)),
    }
}

fn sev(emulator: &Emulator, host: &Surroundings) -> Sev {
    let Some(caps) = &emulator.sev else { return Sev::default() };
    Sev {
        supported: YesNo::Yes,
        cbitpos: Some(caps.cbitpos),
        reduced_phys_bits: Some(caps.reduced_phys_bits),
        max_guests: host.sev_guests.map(|(plain, _)| plain),
        max_es_guests: host.sev_guests.map(|(_, registers)| registers),
        cpu0_id: caps.cpu0_id.clone(),
    }
}

fn sgx(caps: &SgxCaps) -> Sgx {
    let section = |(node, size): &(u32, u64)| GuestSection { node: *node, size: size / 1024, unit: "KiB".to_owned() };
    Sgx {
        supported: YesNo::Yes,
        flc: Some(caps.flc.into()),
        sgx1: Some(caps.sgx1.into()),
        sgx2: Some(caps.sgx2.into()),
        section_size: Some(Amount::kib(caps.size / 1024)),
        sections: caps.sections.iter().map(section).collect(),
    }
}

fn launch_security(subject: Subject<'_>, s390: bool) -> Support {
    let sev = subject.emulator.sev.is_some();
    let kinds = present(&[
        ("sev", sev && subject.has("sev-guest")),
        ("sev-snp", sev && subject.has("sev-snp-guest")),
        ("s390-pv", s390),
    ]);
    match kinds.is_empty() {
        true => Support::no(),
        false => Support::yes().with("sectype", kinds),
    }
}
