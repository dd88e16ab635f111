//! `<capabilities>` and `<domainCapabilities>` from what binaries said.

use std::sync::Arc;

use oxivirt_conf::capabilities as caps;
use oxivirt_conf::cpu::HostCpu;
use oxivirt_conf::domain_capabilities as dom;
use oxivirt_conf::domain_capabilities::Support;
use oxivirt_conf::xml::YesNo;
use oxivirt_core::{Error, Result};

use super::{Accel, AccelCaps, Catalog, Emulator, Machine, word_size};
use crate::document::host_arch;

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

fn has_iommu() -> bool {
    std::fs::read_dir("/sys/kernel/iommu_groups").is_ok_and(|mut entries| entries.next().is_some())
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

/// The document about guests on one emulator, board and way of execution.
///
/// What is left open is chosen as for a definition that leaves it open.
/// Errors: `INVALID_ARG` for what is not there or does not go together.
pub fn domain_capabilities(
    catalog: &Catalog,
    binary: Option<&str>,
    arch: Option<&str>,
    machine: Option<&str>,
    accel: Option<Accel>,
) -> Result<String> {
    let emulator: Arc<Emulator> = match binary {
        Some(binary) => catalog.get(binary.as_ref())?,
        None => {
            let arch = arch.unwrap_or_else(|| host_arch());
            let binary = catalog.binary_for(arch).ok_or_else(|| {
                Error::invalid_arg(format!("unable to find any emulator to serve '{arch}' architecture"))
            })?;
            catalog.get(&binary)?
        }
    };
    if let Some(arch) = arch
        && arch != emulator.arch
    {
        return Err(Error::invalid_arg(format!(
            "architecture from emulator '{}' doesn't match given architecture '{arch}'",
            emulator.arch
        )));
    }
    let accel = accel.unwrap_or_else(|| if emulator.accel(Accel::Kvm).is_some() { Accel::Kvm } else { Accel::Tcg });
    let Some(caps) = emulator.accel(accel) else {
        return Err(Error::invalid_arg(format!(
            "the accel '{}' is not supported by '{}' on this host",
            accel_word(accel),
            emulator.binary.display()
        )));
    };
    let found = match machine {
        Some(name) => emulator.machine(accel, name),
        None => emulator.default_machine(accel),
    };
    let machine = found.ok_or_else(|| {
        Error::invalid_arg(format!(
            "the machine '{}' is not supported by emulator '{}'",
            machine.unwrap_or("default"),
            emulator.binary.display()
        ))
    })?;
    Ok(document(&emulator, caps, machine, accel).to_xml())
}

fn accel_word(accel: Accel) -> &'static str {
    if accel == Accel::Kvm { "kvm" } else { "qemu" }
}

/// What this driver can make of it; what it cannot yet is not offered.
fn document(e: &Emulator, caps: &AccelCaps, machine: &Machine, accel: Accel) -> dom::DomainCapabilities {
    let has = |name: &str| e.has_type(name);
    let mut video: Vec<&str> = Vec::new();
    for (word, device) in [
        ("vga", "VGA"),
        ("cirrus", "cirrus-vga"),
        ("vmvga", "vmware-svga"),
        ("qxl", "qxl"),
        ("virtio", "virtio-gpu-pci"),
        ("none", "device"),
        ("bochs", "bochs-display"),
        ("ramfb", "ramfb"),
    ] {
        if has(device) {
            video.push(word);
        }
    }
    let q35 = machine.name.contains("q35");
    let mut buses = if q35 { vec!["fdc", "scsi", "virtio"] } else { vec!["ide", "fdc", "scsi", "virtio"] };
    if has("usb-storage") {
        buses.push("usb");
    }
    if has("ich9-ahci") {
        buses.push("sata");
    }
    let models = ["virtio", "virtio-transitional", "virtio-non-transitional"];
    let custom =
        dom::CustomCpu { models: caps.cpu_models.iter().filter(|m| is_named(&m.name)).map(cpu_model).collect() };
    let mut graphics = vec!["vnc"];
    if e.options.contains_key("spice") {
        graphics.push("spice");
    }
    let passthrough = accel == Accel::Kvm;
    let switch = |name: &str| Support::yes().with(name, ["on", "off"]);
    dom::DomainCapabilities {
        path: e.binary.to_string_lossy().into_owned(),
        domain: accel_word(accel).to_owned(),
        machine: Some(machine.name.clone()),
        arch: e.arch.clone(),
        vcpu: Some(dom::MaxVcpus { max: machine.max_cpus }),
        iothreads: Some(Support::when(has("iothread"))),
        os: Some(dom::Os {
            support: Support::yes().with("firmware", Vec::<String>::new()),
            loader: Some(Support::yes().with("type", ["rom"]).with("readonly", ["yes", "no"]).with("secure", ["no"])),
        }),
        cpu: dom::CpuModes {
            host_passthrough: if passthrough { switch("hostPassthroughMigratable") } else { Support::no() },
            maximum: switch("maximumMigratable"),
            host_model: None,
            custom: Some(custom),
        },
        memory_backing: Some(Support::yes().with("sourceType", Vec::<String>::new())),
        devices: dom::Devices {
            disk: Some(
                Support::yes()
                    .with("diskDevice", ["disk", "cdrom", "floppy", "lun"])
                    .with("bus", buses)
                    .with("model", models),
            ),
            graphics: Some(Support::yes().with("type", graphics)),
            video: Some(Support::yes().with("modelType", video)),
            hostdev: Some(Support::no()),
            rng: Some(
                Support::when(has("virtio-rng-pci"))
                    .with("model", models)
                    .with("backendModel", ["random", "egd", "builtin"]),
            ),
            filesystem: Some(Support::no()),
            tpm: Some(Support::no()),
            redirdev: Some(Support::no()),
            channel: Some(Support::yes().with("type", ["pty", "unix", "spicevmc"])),
            crypto: Some(Support::no()),
            interface: Some(Support::yes().with("backendType", ["default"])),
            panic: Some(Support::yes().with("model", ["isa", "pvpanic"])),
        },
        features: dom::Features {
            gic: Some(Support::no()),
            vmcoreinfo: Some(Support::no()),
            genid: Some(Support::no()),
            backing_store_input: Some(Support::yes()),
            backup: Some(Support::no()),
            async_teardown: Some(Support::when(
                e.options.get("run-with").is_some_and(|o| o.contains("async-teardown")),
            )),
            ps2: Some(Support::yes()),
            sev: Some(dom::Sev::default()),
            sgx: Some(dom::Sgx::default()),
            hyperv: None,
            launch_security: Some(Support::no()),
            ..dom::Features::default()
        },
    }
}

/// Models without a meaning of their own are not offered.
fn is_named(name: &str) -> bool {
    !matches!(name, "host" | "max" | "base")
}

fn cpu_model(model: &super::CpuModel) -> dom::CpuModel {
    let usable = match &model.blockers {
        None => dom::Usable::Unknown,
        Some(blockers) if blockers.is_empty() => dom::Usable::Yes,
        Some(_) => dom::Usable::No,
    };
    dom::CpuModel {
        usable,
        deprecated: model.deprecated.then_some(YesNo::Yes),
        vendor: vendor(&model.name).to_owned(),
        canonical: None,
        name: model.name.clone(),
        blockers: model.blockers.clone().unwrap_or_default(),
    }
}

/// Who makes CPUs of that name.
fn vendor(name: &str) -> &'static str {
    let starts = |words: &[&str]| words.iter().any(|w| name.starts_with(w));
    if starts(&["EPYC", "Opteron", "phenom", "athlon"]) {
        "AMD"
    } else if starts(&["Dhyana"]) {
        "Hygon"
    } else if starts(&["YongFeng"]) {
        "Zhaoxin"
    } else if starts(&["qemu", "kvm"]) {
        "unknown"
    } else {
        "Intel"
    }
}
