//! The host of `test:///default`, and hosts from `<node>` files.

use std::path::Path;

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::interface::HostInterface;
use oxivirt_conf::node_device::{NodeDeviceDefinition, ParseAs};
use oxivirt_conf::storage_pool::PoolDefinition;
use oxivirt_conf::storage_volume::{CapacityRule, VolumeDefinition};
use oxivirt_conf::xml::{Document, Node as Element};
use oxivirt_core::constants::DomainStateCode;
use oxivirt_core::{Error, Host, Result};
use std::sync::Arc;

use crate::node::Node;
use crate::state::{Nothing, Snapshot, State, Status};
use crate::storage::add_volume;
use crate::{defaults, definition, interfaces, networks, storage};

/// Namespace of what a file says about the state of a domain.
const STATE_NAMESPACE: &str = "http://libvirt.org/schemas/domain/test/1.0";

/// Largest file that is read.
const SIZE_MAX: usize = 16 << 20;

/// The host of `test:///default`.
pub(crate) fn default_host(host: Host) -> Result<State> {
    let state = State::new(host, Node::default());
    add(&state, definition::parse(defaults::DOMAIN, false)?, Beginning::default())?;
    state.add_network(networks::parse(defaults::NETWORK, false)?)?;
    state.interfaces.add(interfaces::parse(defaults::INTERFACE, false)?)?;
    state.add_pool(storage::parse(defaults::POOL, false)?, |_| Ok(()))?;
    for device in defaults::DEVICES {
        state.add_device(NodeDeviceDefinition::parse(device, ParseAs::Existing)?)?;
    }
    Ok(state)
}

/// The host that a file describes.
pub(crate) fn load(host: Host, file: &Path) -> Result<State> {
    let text = read(file)?;
    let document = Document::parse(&text).map_err(|error| error.context(file.display()))?;
    let root = document.root();
    if root.name() != "node" {
        return Err(Error::xml(format!("expecting root element of 'node', not '{}'", root.name())));
    }
    let state = State::new(host, node(root)?);
    each(root, file, "domain", |element| {
        let beginning = Beginning::parse(element)?;
        add(&state, definition::parse_node(element)?, beginning)
    })?;
    each(root, file, "network", |element| state.add_network_node(element))?;
    each(root, file, "interface", |element| state.interfaces.add(HostInterface::parse_node(element)?))?;
    each(root, file, "pool", |element| {
        let definition = <PoolDefinition as oxivirt_conf::xml::Element>::parse(element)?;
        let kind = definition.kind;
        state.add_pool(definition, |job| {
            each(element, file, "volume", |element| {
                add_volume(job, VolumeDefinition::parse_node(element, kind, CapacityRule::Required)?)
            })
        })
    })?;
    each(root, file, "device", |element| {
        state.add_device(NodeDeviceDefinition::parse_node(element, ParseAs::Existing)?)
    })?;
    Ok(state)
}

/// Does something with each element called `name` in `outer`; one with a
/// `file=` stands for the document of that file, beside the one of the host.
fn each(outer: Element<'_>, host: &Path, name: &str, mut add: impl FnMut(Element<'_>) -> Result<()>) -> Result<()> {
    for element in outer.children_named(name) {
        let Some(file) = element.attr("file") else {
            add(element)?;
            continue;
        };
        let path = host.parent().unwrap_or(Path::new("")).join(file);
        let text = read(&path)?;
        let document = Document::parse(&text).map_err(|error| error.context(path.display()))?;
        let root = document.root();
        if root.name() != name {
            let text = format!("expecting root element of '{name}', not '{}', in '{}'", root.name(), path.display());
            return Err(Error::xml(text));
        }
        add(root)?;
    }
    Ok(())
}

fn read(file: &Path) -> Result<String> {
    std::fs::File::open(file)
        .map_err(|source| Error::system(format!("Failed to open file '{}'", file.display()), &source))?;
    oxivirt_util::file::read_text(file, SIZE_MAX).map_err(|source| Error::system("Failed to read file", &source))
}

/// What the file says about the host; the rest is as by default.
fn node(root: Element<'_>) -> Result<Node> {
    let mut node = Node { cells: Vec::new(), ..Node::default() };
    let info = &mut node.info;
    if let Some(cpu) = root.child("cpu") {
        let fields = [
            ("nodes", &mut info.nodes),
            ("sockets", &mut info.sockets),
            ("cores", &mut info.cores),
            ("threads", &mut info.threads),
            ("active", &mut info.cpus),
            ("mhz", &mut info.mhz),
        ];
        for (name, value) in fields {
            if let Some(text) = cpu.child_text(name) {
                *value = text
                    .trim()
                    .parse()
                    .ok()
                    .filter(|number| *number >= 0)
                    .ok_or_else(|| Error::xml(format!("invalid node cpu {name} value")))?;
            }
        }
        if let Some(model) = cpu.child_text("model") {
            // The wire has room for so many bytes.
            const MODEL_MAX: usize = 31;
            if model.len() > MODEL_MAX {
                return Err(Error::xml(format!("node cpu model '{model}' is longer than {MODEL_MAX} bytes")));
            }
            info.model = model.as_ref().into();
        }
    }
    if let Some(text) = root.child_text("memory") {
        info.memory = text.trim().parse().map_err(|_| Error::xml("invalid node memory value"))?;
    }
    Ok(node)
}

/// The state in which a domain of a file begins.
struct Beginning {
    state: DomainStateCode,
    transient: bool,
    managed_save: bool,
}

impl Default for Beginning {
    fn default() -> Self {
        Self { state: DomainStateCode::RUNNING, transient: false, managed_save: false }
    }
}

impl Beginning {
    fn parse(domain: Element<'_>) -> Result<Self> {
        let mut beginning = Self::default();
        for element in domain.children().filter(|element| element.namespace() == Some(STATE_NAMESPACE)) {
            match element.name() {
                "runstate" => {
                    let number: i32 = element.text().trim().parse().map_err(|_| Error::xml("invalid runstate"))?;
                    beginning.state = DomainStateCode(number);
                    if beginning.state.name().is_none() {
                        return Err(Error::xml(format!("runstate '{number}' out of range'")));
                    }
                }
                "transient" => beginning.transient = true,
                "hasmanagedsave" => beginning.managed_save = true,
                _ => {}
            }
        }
        let off = beginning.state == DomainStateCode::SHUTOFF;
        if beginning.transient && off {
            return Err(Error::xml("transient domain cannot have runstate 'shutoff'"));
        }
        if beginning.managed_save && !off {
            return Err(Error::xml("domain with managedsave data can only have runstate 'shutoff'"));
        }
        Ok(beginning)
    }
}

fn add(state: &State, definition: DomainDefinition, beginning: Beginning) -> Result<()> {
    let definition = Arc::new(definition);
    let mut status = Status::new(beginning.state);
    status.managed_save = beginning.managed_save;
    let snapshot = if beginning.state == DomainStateCode::SHUTOFF {
        Snapshot::inactive(definition, status)
    } else {
        let id = state.domains.next_id()?;
        // Whoever started it did not ask this driver.
        status.tainted = definition.devices.interfaces.iter().any(|interface| interface.script.is_some());
        let stored = (!beginning.transient).then(|| Arc::clone(&definition));
        Snapshot::active(definition::running(&definition, id), stored, Some(id), status)
    };
    state.domains.insert(snapshot, Nothing).map(drop)
}
