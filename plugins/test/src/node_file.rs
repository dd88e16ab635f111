//! The host of `test:///default`, and hosts from `<node>` files.

mod beginning;

use std::path::Path;
use std::sync::Arc;

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::interface::HostInterface;
use oxivirt_conf::node_device::{NodeDeviceDefinition, ParseAs};
use oxivirt_conf::storage_pool::PoolDefinition;
use oxivirt_conf::storage_volume::{CapacityRule, VolumeDefinition};
use oxivirt_conf::xml::{Document, Node as Element};
use oxivirt_core::constants::DomainStateCode;
use oxivirt_core::{Error, ErrorDomain, Host, Result};

use beginning::Beginning;

use crate::node::Node;
use crate::state::{Nothing, Snapshot, State, Status};
use crate::storage::add_volume;
use crate::{defaults, definition, interfaces, networks, storage};

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
        return Err(unexpected(root, "node"));
    }
    users(root)?;
    let state = State::new(host, node(root)?);
    each(root, file, "domain", |element| {
        let definition = definition::parse_node(element)?;
        let beginning = Beginning::parse(element, &definition.name, file)?;
        add(&state, definition, beginning)
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
            return Err(unexpected(root, name));
        }
        add(root)?;
    }
    Ok(())
}

fn unexpected(root: Element<'_>, wanted: &str) -> Error {
    let text = format!("expecting root element of '{wanted}', not '{}'", root.name());
    Error::xml(text).in_domain(ErrorDomain::XML)
}

/// The text of a file that the host's file, or who opened it, names.
fn read(file: &Path) -> Result<String> {
    let failed = |what: &str, source: &std::io::Error| {
        Error::system(format!("Failed to {what} file '{}'", file.display()), source).in_domain(ErrorDomain::NONE)
    };
    let opened = std::fs::File::open(file).map_err(|source| failed("open", &source))?;
    let folder = opened.metadata().is_ok_and(|about| about.is_dir());
    match oxivirt_util::file::read_text(file, SIZE_MAX) {
        Ok(text) => Ok(text),
        Err(_) if folder => Err(failed("read", &rustix::io::Errno::ISDIR.into())),
        Err(source) => Err(failed("read", &source)),
    }
}

/// Whom the host lets in: nobody when there are any, since a connection here cannot be asked for a password.
///
/// Errors: `XML_ERROR` for a user without name, `INVALID_ARG` when there are users.
fn users(root: Element<'_>) -> Result<()> {
    let users = root.children_named("auth").flat_map(|auth| auth.children_named("user"));
    let mut count = 0_usize;
    for user in users {
        if user.text().is_empty() {
            return Err(Error::xml("missing username in /node/auth/user field"));
        }
        count += 1;
    }
    match count {
        0 => Ok(()),
        _ => Err(Error::invalid_arg("Missing authentication credentials").in_domain(ErrorDomain::AUTH)),
    }
}

/// A number of the host: digits alone; absent where nothing is said.
fn number(text: Option<&str>, most: i64) -> std::result::Result<Option<i64>, ()> {
    match text {
        None | Some("") => Ok(None),
        Some(text) if text.strip_prefix('+').unwrap_or(text).bytes().all(|byte| byte.is_ascii_digit()) => {
            text.parse().ok().filter(|number| *number <= most).map(Some).ok_or(())
        }
        Some(_) => Err(()),
    }
}

/// What the file says about the host; the rest is as by default.
fn node(root: Element<'_>) -> Result<Node> {
    let mut node = Node { cells: Vec::new(), ..Node::default() };
    let info = &mut node.info;
    if let Some(cpu) = root.child("cpu") {
        let read = |name: &str| -> Result<Option<i32>> {
            let text = cpu.child_text(name);
            let found = number(text.as_deref(), i64::from(i32::MAX));
            let found = found.map_err(|()| Error::xml(format!("invalid node cpu {name} value")))?;
            Ok(found.and_then(|number| i32::try_from(number).ok()))
        };
        let fields = [
            ("nodes", &mut info.nodes),
            ("sockets", &mut info.sockets),
            ("cores", &mut info.cores),
            ("threads", &mut info.threads),
        ];
        for (name, value) in fields {
            *value = read(name)?.unwrap_or(*value);
        }
        let all = [info.nodes, info.sockets, info.cores, info.threads];
        let all = all.iter().fold(1_i32, |product, part| product.saturating_mul(*part));
        info.cpus = read("active")?.unwrap_or(all);
        info.mhz = read("mhz")?.unwrap_or(info.mhz);
        if let Some(model) = cpu.child_text("model").filter(|model| !model.is_empty()) {
            // The wire has room for so many bytes.
            const MODEL_MAX: usize = 31;
            if model.len() > MODEL_MAX {
                return Err(Error::internal(format!("Model {model} too big for destination")));
            }
            info.model = model.as_ref().into();
        }
    }
    let memory = root.child_text("memory");
    let memory = number(memory.as_deref(), i64::MAX).map_err(|()| Error::xml("invalid node memory value"))?;
    if let Some(memory) = memory {
        info.memory = memory.unsigned_abs();
    }
    Ok(node)
}

fn add(state: &State, definition: DomainDefinition, beginning: Beginning) -> Result<()> {
    let definition = Arc::new(definition);
    let mut status = Status::new(beginning.state);
    status.managed_save = beginning.managed_save;
    status.snapshots = Arc::new(beginning.snapshots);
    let snapshot = if beginning.state == DomainStateCode::SHUTOFF {
        Snapshot::inactive(definition, status)
    } else {
        let id = state.domains.next_id()?;
        // Whoever started it did not ask this driver.
        status.tainted = definition.devices.interfaces.iter().any(|interface| interface.script.is_some());
        let stored = (!beginning.transient).then(|| Arc::clone(&definition));
        Snapshot::active(definition::running(&definition, id), stored, Some(id), status)
    };
    state.domains.insert(snapshot, Nothing).map(drop).map_err(|error| error.in_domain(ErrorDomain::DOMAIN))
}
