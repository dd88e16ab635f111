//! `<domainCapabilities>`: what a guest may have, from what a binary said.

mod cpu;
mod devices;
mod features;
mod os;
mod surroundings;

use std::sync::Arc;

use oxivirt_conf::domain_capabilities::{DomainCapabilities, MaxVcpus, Support};
use oxivirt_core::{Error, Result};

use crate::capabilities::{Accel, Catalog, Emulator, Machine};
use crate::document::host_arch;

pub use surroundings::Surroundings;
pub(crate) use surroundings::has_iommu;

/// The kind of guests that a document is about.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// What runs them.
    pub emulator: &'a Emulator,
    /// How they are executed.
    pub accel: Accel,
    /// Their board.
    pub machine: &'a Machine,
}

/// The document about guests on one emulator, board and way of execution.
///
/// * Errors: as of [`resolve`]. * Blocks for a probe the first time.
pub fn find(
    catalog: &Catalog,
    binary: Option<&str>,
    arch: Option<&str>,
    machine: Option<&str>,
    accel: Option<Accel>,
) -> Result<String> {
    let found = resolve(catalog, binary, arch, machine, accel)?;
    let subject = found.subject();
    Ok(document(subject, &Surroundings::this_host(subject)).to_xml())
}

/// A kind of guest that was asked for.
pub struct Resolved {
    emulator: Arc<Emulator>,
    accel: Accel,
    machine: Machine,
}

impl Resolved {
    /// What documents are made of.
    pub fn subject(&self) -> Subject<'_> {
        Subject { emulator: &self.emulator, accel: self.accel, machine: &self.machine }
    }
}

/// The emulator, board and way of execution that are meant.
///
/// What is left open is chosen as for a definition that leaves it open.
/// * Errors: `INVALID_ARG` for what is not there or does not go together.
/// * Blocks for a probe the first time.
pub fn resolve(
    catalog: &Catalog,
    binary: Option<&str>,
    arch: Option<&str>,
    machine: Option<&str>,
    accel: Option<Accel>,
) -> Result<Resolved> {
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
    if emulator.accel(accel).is_none() {
        return Err(Error::invalid_arg(format!(
            "the accel '{}' is not supported by '{}' on this host",
            word(accel),
            emulator.binary.display()
        )));
    }
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
    let machine = machine.clone();
    Ok(Resolved { emulator, accel, machine })
}

/// Everything that a kind of guest may have.
///
/// Where the emulator said nothing about this way of execution, what depends
/// on it is left out.
pub fn document(subject: Subject<'_>, host: &Surroundings) -> DomainCapabilities {
    let Subject { emulator, accel, machine } = subject;
    DomainCapabilities {
        path: Some(emulator.binary.to_string_lossy().into_owned()),
        domain: word(accel).to_owned(),
        machine: Some(machine.name.clone()),
        arch: emulator.arch.clone(),
        vcpu: emulator.accel(accel).map(|_| MaxVcpus { max: machine.max_cpus }),
        iothreads: Some(Support::when(emulator.has_type("iothread"))),
        os: Some(os::os(subject, host)),
        cpu: cpu::modes(subject, host),
        memory_backing: Some(devices::memory_backing(emulator)),
        devices: devices::devices(subject, host),
        features: features::features(subject, host),
    }
}

impl Subject<'_> {
    fn has(&self, name: &str) -> bool {
        self.emulator.has_type(name)
    }

    fn arch(&self) -> &str {
        &self.emulator.arch
    }

    fn is_x86(&self) -> bool {
        matches!(self.arch(), "x86_64" | "i686")
    }

    /// Whether the board's name begins so.
    fn board(&self, name: &str) -> bool {
        self.machine.name.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }
}

/// The way of execution as documents call it.
fn word(accel: Accel) -> &'static str {
    match accel {
        Accel::Kvm => "kvm",
        Accel::Hvf => "hvf",
        Accel::Tcg => "qemu",
    }
}

/// The words of those that are there, in order.
fn present<'a>(words: &[(&'a str, bool)]) -> Vec<&'a str> {
    words.iter().filter(|(_, there)| *there).map(|(word, _)| *word).collect()
}

/// The CPU that `host-model` stands for, with this board.
pub(crate) fn host_model(
    emulator: &Emulator,
    accel: Accel,
    machine: &Machine,
) -> Option<oxivirt_conf::domain_capabilities::HostModel> {
    cpu::host_model_of(Subject { emulator, accel, machine })
}
