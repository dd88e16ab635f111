//! `<capabilities>` from what binaries said.

use oxivirt_conf::capabilities as caps;
use oxivirt_conf::cpu::{HostCpu, Signature, X86Map};
use oxivirt_conf::xml::YesNo;
use oxivirt_core::{Error, Result};

use super::{Accel, AccelCaps, Catalog, Emulator, Machine, word_size};
use crate::document::host_arch;
use crate::domain_capabilities::has_iommu;

/// The CPU of this host; its model and features where it tells them.
///
/// Errors: `SYSTEM_ERROR` where the system does not tell how it is built.
pub(crate) fn host_cpu() -> Result<HostCpu> {
    let failed = |e: std::io::Error| Error::system("cannot look at the host", &e);
    let host = oxivirt_util::host::Host::this();
    let info = host.cpu_info().map_err(failed)?;
    let node = host.node_topology().map_err(failed)?;
    let topology = oxivirt_conf::cpu::CpuTopology {
        sockets: node.sockets,
        dies: Some(1),
        clusters: Some(1),
        cores: node.cores,
        threads: node.threads,
    };
    let map = X86Map::get();
    let told = crate::sys::host_cpu().map(|data| data.cpu());
    let near = told.as_ref().and_then(|cpu| map.host(cpu));
    let signature = told.map(|cpu| Signature { family: cpu.family, model: cpu.model, stepping: cpu.stepping });
    Ok(HostCpu {
        arch: Some(host_arch().to_owned()),
        model: near.as_ref().map(|near| near.model.to_owned()),
        vendor: map.vendor(&info.vendor).map(str::to_owned),
        microcode: info.microcode.map(|version| oxivirt_conf::cpu::Microcode { version }),
        signature: signature.filter(|_| near.is_some()),
        topology: Some(topology),
        features: near.map(|near| near.features).unwrap_or_default(),
        pages: host.pages().map_err(failed)?.iter().map(|p| oxivirt_conf::cpu::CpuPages::kib(p.size_kib)).collect(),
        ..HostCpu::default()
    })
}

/// The document about this host and the guests it can run.
///
/// Blocks for probes the first time.
///
/// * `host_uuid`: which host this is, as the daemon knows it.
pub fn capabilities(catalog: &Catalog, host_uuid: Option<uuid::Uuid>) -> Result<String> {
    let mut document = caps::Capabilities { host: host(host_uuid)?, guests: Vec::new() };
    for emulator in catalog.all() {
        document.guests.push(guest(&emulator));
    }
    Ok(document.to_xml())
}

fn host(uuid: Option<uuid::Uuid>) -> Result<caps::Host> {
    let failed = |e: std::io::Error| Error::system("cannot look at the host", &e);
    let host = oxivirt_util::host::Host::this();
    let cpu = host_cpu()?;
    let mut cells = Vec::new();
    for cell in host.cells().map_err(failed)? {
        cells.push(caps::Cell {
            id: cell.id,
            memory: Some(caps::Amount::kib(cell.memory.total)),
            pages: cell.pages.iter().map(|p| caps::PageCount::kib(p.size_kib, p.total)).collect(),
            distances: cell.distances.iter().map(|(id, value)| caps::Distance { id: *id, value: *value }).collect(),
            caches: Vec::new(),
            cpus: cell
                .cpus
                .iter()
                .map(|(id, place)| match place {
                    Some(at) => caps::CellCpu {
                        id: *id,
                        socket_id: Some(at.socket),
                        die_id: Some(at.die),
                        cluster_id: Some(at.cluster),
                        core_id: Some(at.core),
                        siblings: Some(at.siblings.to_string()),
                    },
                    None => caps::CellCpu { id: *id, ..caps::CellCpu::default() },
                })
                .collect(),
        });
    }
    Ok(caps::Host {
        uuid,
        cpu: Some(cpu),
        topology: Some(caps::HostTopology { cells, interconnects: None }),
        iommu: Some(caps::Iommu { support: has_iommu().into() }),
        ..caps::Host::default()
    })
}

/// The guests that one binary can run.
pub fn guest(emulator: &Emulator) -> caps::Guest {
    let machines = |caps: &AccelCaps| -> Vec<caps::GuestMachine> {
        let line = |m: &Machine, name: &str, canonical: Option<&str>| caps::GuestMachine {
            canonical: canonical.map(str::to_owned),
            max_cpus: Some(m.max_cpus),
            deprecated: m.deprecated.then_some(YesNo::Yes),
            name: name.to_owned(),
        };
        let mut all = Vec::new();
        // The default comes first.
        let mut sorted: Vec<&Machine> = caps.machines.iter().collect();
        sorted.sort_by_key(|m| !m.is_default);
        for machine in sorted {
            all.push(line(machine, &machine.name, None));
            if let Some(alias) = &machine.alias {
                all.push(line(machine, alias, Some(&machine.name)));
            }
        }
        all
    };
    let tcg = emulator.accel(Accel::Tcg).map(&machines).unwrap_or_default();
    let mut domains = vec![caps::GuestDomain { domain_type: "qemu".to_owned(), emulator: None, machines: Vec::new() }];
    if let Some(kvm) = emulator.accel(Accel::Kvm) {
        let kvm = machines(kvm);
        let machines = if kvm == tcg { Vec::new() } else { kvm };
        domains.push(caps::GuestDomain { domain_type: "kvm".to_owned(), emulator: None, machines });
    }
    if let Some(hvf) = emulator.accel(Accel::Hvf) {
        let hvf = machines(hvf);
        let machines = if hvf == tcg { Vec::new() } else { hvf };
        domains.push(caps::GuestDomain { domain_type: "hvf".to_owned(), emulator: None, machines });
    }
    let arch = emulator.arch.as_str();
    let mut features = vec![];
    let x86 = matches!(arch, "x86_64" | "i686");
    if arch == "i686" {
        features.push(caps::GuestFeature::plain("pae"));
        features.push(caps::GuestFeature::plain("nonpae"));
    }
    if x86 || matches!(arch, "aarch64" | "loongarch64") {
        features.push(caps::GuestFeature::switch("acpi", true, true));
    }
    if x86 {
        features.push(caps::GuestFeature::switch("apic", true, false));
    }
    features.push(caps::GuestFeature::plain("cpuselection"));
    features.push(caps::GuestFeature::plain("deviceboot"));
    features.push(caps::GuestFeature::switch("disksnapshot", true, false));
    features.push(caps::GuestFeature::plain("externalSnapshot"));
    caps::Guest {
        os_type: "hvm".to_owned(),
        arch: caps::GuestArch {
            name: emulator.arch.clone(),
            wordsize: word_size(&emulator.arch).unwrap_or(64),
            emulator: Some(emulator.binary.to_string_lossy().into_owned()),
            loader: None,
            machines: tcg,
            domains,
        },
        features: Some(caps::GuestFeatures(features)),
    }
}
