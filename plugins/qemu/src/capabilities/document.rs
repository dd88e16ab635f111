//! `<capabilities>` from what binaries said.

use oxivirt_conf::capabilities as caps;
use oxivirt_conf::cpu::HostCpu;
use oxivirt_conf::xml::YesNo;
use oxivirt_core::{Error, Result};

use super::{Accel, AccelCaps, Catalog, Emulator, Machine, word_size};
use crate::document::host_arch;
use crate::domain_capabilities::has_iommu;

/// The document about this host and the guests it can run.
///
/// Blocks for probes the first time.
pub fn capabilities(catalog: &Catalog) -> Result<String> {
    let mut document = caps::Capabilities { host: host()?, guests: Vec::new() };
    for emulator in catalog.all() {
        document.guests.push(guest(&emulator));
    }
    Ok(document.to_xml())
}

fn host() -> Result<caps::Host> {
    let failed = |e: std::io::Error| Error::system("cannot look at the host", &e);
    let host = oxivirt_util::host::Host::this();
    let info = host.cpu_info().map_err(failed)?;
    let vendor = match info.vendor.as_str() {
        "GenuineIntel" => Some("Intel"),
        "AuthenticAMD" => Some("AMD"),
        "HygonGenuine" => Some("Hygon"),
        _ => None,
    };
    let node = host.node_topology().map_err(failed)?;
    let topology = oxivirt_conf::cpu::CpuTopology {
        sockets: node.sockets,
        dies: Some(1),
        clusters: Some(1),
        cores: node.cores,
        threads: node.threads,
    };
    let pages = host.pages().map_err(failed)?;
    let cpu = HostCpu {
        arch: Some(host_arch().to_owned()),
        vendor: vendor.map(str::to_owned),
        microcode: info.microcode.map(|version| oxivirt_conf::cpu::Microcode { version }),
        topology: Some(topology),
        pages: pages.iter().map(|p| oxivirt_conf::cpu::CpuPages::kib(p.size_kib)).collect(),
        ..HostCpu::default()
    };
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
        uuid: host_uuid(),
        cpu: Some(cpu),
        topology: Some(caps::HostTopology { cells, interconnects: None }),
        iommu: Some(caps::Iommu { support: has_iommu().into() }),
        ..caps::Host::default()
    })
}

/// The machine's own id; it stays the same over reboots.
fn host_uuid() -> Option<uuid::Uuid> {
    let from = |path: &str| uuid::Uuid::parse_str(std::fs::read_to_string(path).ok()?.trim()).ok();
    from("/sys/class/dmi/id/product_uuid").or_else(|| from("/etc/machine-id"))
}

fn guest(emulator: &Emulator) -> caps::Guest {
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
    let mut features = vec![];
    let x86 = matches!(emulator.arch.as_str(), "x86_64" | "i686");
    if emulator.arch == "i686" {
        features.push(caps::GuestFeature::plain("pae"));
        features.push(caps::GuestFeature::plain("nonpae"));
    }
    if x86 {
        features.push(caps::GuestFeature::switch("acpi", true, true));
        features.push(caps::GuestFeature::switch("apic", true, false));
    }
    features.push(caps::GuestFeature::plain("cpuselection"));
    features.push(caps::GuestFeature::plain("deviceboot"));
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
