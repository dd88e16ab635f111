//! From a binary's answers to an [`Emulator`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use oxivirt_core::{Error, Result};
use serde_json::{Value, json};

use super::schema::Schema;
use super::{Accel, AccelCaps, Ask, CpuModel, Emulator, Machine, arch, cpu, platform};
use crate::monitor::Failure;

pub(super) struct Reader {
    emulator: Emulator,
}

impl Reader {
    pub(super) fn new(binary: &Path) -> Self {
        Self {
            emulator: Emulator {
                binary: binary.to_owned(),
                version: 0,
                package: String::new(),
                arch: String::new(),
                accels: BTreeMap::new(),
                types: BTreeSet::new(),
                properties: BTreeMap::new(),
                commands: BTreeSet::new(),
                events: BTreeSet::new(),
                features: BTreeSet::new(),
                options: BTreeMap::new(),
                tpm_models: BTreeSet::new(),
                tpm_types: BTreeSet::new(),
                displays: BTreeSet::new(),
                netdevs: BTreeSet::new(),
                gic: Vec::new(),
                sev: None,
                sgx: None,
                hyperv: None,
            },
        }
    }

    /// Asks all; gives the way of execution that is really in use.
    pub(super) fn everything(&mut self, ask: &mut dyn Ask) -> Result<Accel> {
        let caps = &mut self.emulator;
        let version = must(ask, "query-version", Value::Null)?;
        let part = |name: &str| {
            version.pointer(&format!("/qemu/{name}")).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok())
        };
        let (Some(major), Some(minor), Some(micro)) = (part("major"), part("minor"), part("micro")) else {
            return Err(Error::internal("the answer to 'query-version' holds no version"));
        };
        caps.version = major
            .checked_mul(1_000_000)
            .and_then(|n| n.checked_add(minor.checked_mul(1000)?))
            .and_then(|n| n.checked_add(micro))
            .ok_or_else(|| Error::internal("the answer to 'query-version' holds no sensible version"))?;
        if caps.version < OLDEST {
            return Err(Error::config_unsupported(format!(
                "QEMU {major}.{minor}.{micro} is too old, 6.2.0 or newer is needed"
            )));
        }
        caps.package = text(&version, "package").unwrap_or_default().to_owned();
        let target = must(ask, "query-target", Value::Null)?;
        let name = text(&target, "arch").unwrap_or_default();
        caps.arch = arch::of_target(name)
            .ok_or_else(|| Error::internal(format!("unknown target architecture '{name}'")))?
            .to_owned();
        let schema = must(ask, "query-qmp-schema", Value::Null)?;
        for entry in list(&schema) {
            let set = match text(entry, "meta-type") {
                Some("command") => &mut caps.commands,
                Some("event") => &mut caps.events,
                _ => continue,
            };
            set.extend(text(entry, "name").map(str::to_owned));
        }
        let schema = Schema::new(&schema);
        caps.displays = schema.words(schema.answer("query-display-options"), "type");
        caps.features = FEATURES.iter().filter(|place| schema.has(place)).map(|place| (*place).to_owned()).collect();
        caps.netdevs = schema.words(schema.arguments("netdev_add"), "type");
        let kvm = must(ask, "query-kvm", Value::Null)?;
        let types = must(ask, "qom-list-types", Value::Null)?;
        caps.types = list(&types).filter_map(|t| Some(text(t, "name")?.to_owned())).collect();
        let accel = match kvm.get("enabled").and_then(Value::as_bool) {
            Some(true) => Accel::Kvm,
            // Only the binary of a system that has it knows it.
            _ if caps.types.contains("hvf-accel") => Accel::Hvf,
            _ => Accel::Tcg,
        };
        let max_cpu = cpu::max_type(&caps.arch);
        let objects: Vec<&str> = OBJECTS.iter().copied().chain(max_cpu.as_deref()).collect();
        for (command, names) in [("device-list-properties", DEVICES), ("qom-list-properties", objects.as_slice())] {
            // The type that all these boards share is abstract, and such are not listed.
            let shared = |name: &str| name == "generic-pc-machine" && matches!(caps.arch.as_str(), "x86_64" | "i686");
            for name in names.iter().filter(|n| caps.types.contains(**n) || shared(n)) {
                // A type that cannot be looked into simply has no properties.
                if let Some(answer) = may(ask, command, json!({"typename": name}))? {
                    let set = list(&answer).filter_map(|p| Some(text(p, "name")?.to_owned())).collect();
                    caps.properties.insert((*name).to_owned(), set);
                }
            }
        }
        if let Some(options) = may(ask, "query-command-line-options", Value::Null)? {
            for option in list(&options) {
                let Some(name) = text(option, "option") else { continue };
                let parameters = option.get("parameters").map(list).into_iter().flatten();
                let names = parameters.filter_map(|p| Some(text(p, "name")?.to_owned())).collect();
                caps.options.insert(name.to_owned(), names);
            }
        }
        let words =
            |answer: Option<Value>| answer.iter().flat_map(list).filter_map(|v| Some(v.as_str()?.to_owned())).collect();
        caps.tpm_models = words(may(ask, "query-tpm-models", Value::Null)?);
        caps.tpm_types = words(may(ask, "query-tpm-types", Value::Null)?);
        self.platform(ask)?;
        self.accel(ask, accel)?;
        Ok(accel)
    }

    /// Asks what only some architectures have.
    fn platform(&mut self, ask: &mut dyn Ask) -> Result<()> {
        let caps = &mut self.emulator;
        let mut question = |command: &str| match caps.commands.contains(command) {
            true => may(ask, command, Value::Null),
            false => Ok(None),
        };
        if matches!(caps.arch.as_str(), "aarch64" | "armv7l") {
            caps.gic = question("query-gic-capabilities")?.iter().flat_map(list).filter_map(platform::gic).collect();
        }
        if matches!(caps.arch.as_str(), "x86_64" | "i686") {
            caps.sev = question("query-sev-capabilities")?.as_ref().and_then(platform::sev);
            caps.sgx = question("query-sgx-capabilities")?.as_ref().and_then(platform::sgx);
            caps.hyperv = cpu::hyperv(ask)?;
        }
        Ok(())
    }

    /// Asks what depends on the way of execution.
    pub(super) fn accel(&mut self, ask: &mut dyn Ask, accel: Accel) -> Result<()> {
        let machines = must(ask, "query-machines", Value::Null)?;
        let models = may(ask, "query-cpu-definitions", Value::Null)?;
        let caps = AccelCaps {
            machines: list(&machines).filter_map(machine).collect(),
            cpu_models: models.iter().flat_map(list).filter_map(cpu_model).collect(),
            full_cpu: cpu::full(ask, &self.emulator, accel)?,
        };
        if caps.machines.is_empty() {
            return Err(Error::internal("the answer to 'query-machines' holds no machine"));
        }
        self.emulator.accels.insert(accel, caps);
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Emulator> {
        if self.emulator.accels.is_empty() {
            return Err(Error::internal("no way of execution works"));
        }
        Ok(self.emulator)
    }
}

fn machine(value: &Value) -> Option<Machine> {
    let flag = |key| value.get(key).and_then(Value::as_bool);
    let name = text(value, "name")?;
    if name == "none" {
        return None;
    }
    Some(Machine {
        name: name.to_owned(),
        alias: text(value, "alias").map(str::to_owned),
        is_default: flag("is-default").unwrap_or(false),
        max_cpus: value.get("cpu-max").and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok()).unwrap_or(1),
        hotplug_cpus: flag("hotpluggable-cpus").unwrap_or(false),
        default_cpu: text(value, "default-cpu-type").map(str::to_owned),
        default_ram_id: text(value, "default-ram-id").map(str::to_owned),
        numa_mem: flag("numa-mem-supported").unwrap_or(true),
        deprecated: flag("deprecated").unwrap_or(false),
        acpi: flag("acpi"),
    })
}

fn cpu_model(value: &Value) -> Option<CpuModel> {
    let blockers = value.get("unavailable-features").map(|v| {
        let names = list(v).filter_map(|f| Some(f.as_str()?.to_owned()));
        names.collect()
    });
    Some(CpuModel {
        name: text(value, "name")?.to_owned(),
        typename: text(value, "typename")?.to_owned(),
        blockers,
        deprecated: value.get("deprecated").and_then(Value::as_bool).unwrap_or(false),
        alias_of: text(value, "alias-of").map(str::to_owned),
    })
}

fn must(ask: &mut dyn Ask, command: &str, arguments: Value) -> Result<Value> {
    ask.ask(command, arguments).map_err(|failure| failure.into_probe_error(command))
}

/// As `must`, where a refusal only means "does not have that".
pub(super) fn may(ask: &mut dyn Ask, command: &str, arguments: Value) -> Result<Option<Value>> {
    match ask.ask(command, arguments) {
        Ok(value) => Ok(Some(value)),
        Err(Failure::Refused { .. }) => Ok(None),
        Err(failure) => Err(failure.into_probe_error(command)),
    }
}

pub(super) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

pub(super) fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str()
}

/// QEMU 6.2.0, the oldest that the command line written here suits.
const OLDEST: u32 = 6_002_000;

/// Values of commands that decide something.
const FEATURES: &[&str] = &[
    "block-commit/backing-mask-protocol",
    "chardev-add/backend/socket/data/reconnect-ms",
    "netdev_add/stream/reconnect-ms",
];

/// Device types whose properties decide something.
const DEVICES: &[&str] = &[
    "virtio-blk-pci",
    "virtio-net-pci",
    "virtio-scsi-pci",
    "virtio-net-ccw",
    "virtio-scsi-ccw",
    "vfio-pci",
    "scsi-hd",
    "ide-hd",
    "PIIX4_PM",
    "usb-redir",
    "usb-storage",
    "kvm-pit",
    "VGA",
    "vmware-svga",
    "qxl",
    "virtio-gpu-pci",
    "virtio-gpu-device",
    "ICH9-LPC",
    "virtio-balloon-pci",
    "virtio-balloon-ccw",
    "intel-iommu",
    "mch",
    "nvdimm",
    "pcie-root-port",
    "usb-host",
    "virtio-mem-pci",
    "virtio-iommu-pci",
];

/// Other object types whose properties decide something.
const OBJECTS: &[&str] = &["memory-backend-file", "memory-backend-memfd", "generic-pc-machine"];
