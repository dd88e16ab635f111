//! Plugging a device into a running guest.

use oxivirt_conf::domain::devices::{
    CharKind, CharSource, Device, InterfaceTarget, RngBackend, VsockCid, WatchdogAction,
};
use oxivirt_conf::domain::{DeviceMut, DomainDefinition};
use oxivirt_conf::xml::KiB;
use oxivirt_core::{Error, Result};
use serde_json::{Value, json};

use super::journal::Attempt;
use super::step::{Step, run_all};
use super::{Part, PlugHost, Session, journal, prepare, remove_all};
use crate::command;
use crate::guests::throttle;
use crate::status;

/// A domain after a device was plugged.
#[derive(Debug, Clone)]
pub struct Attached {
    /// The live definition with it.
    pub definition: DomainDefinition,
    /// What it is called.
    pub alias: String,
}

/// Plugs a device into a running guest.
///
/// * `live` – the definition as it is; controllers that the device sits on are there.
/// * `device` – with its defaults filled in.
/// * Errors: `OPERATION_UNSUPPORTED` for what cannot be plugged,
///   `OPERATION_FAILED` for what collides with what is there, those of the
///   host and of QEMU. After an error nothing has changed.
/// * After success the [`journal`] still names its parts; it is ended when
///   the definition is on disk.
pub fn attach(
    session: &Session<'_>,
    host: &mut dyn PlugHost,
    live: &DomainDefinition,
    device: Device,
) -> Result<Attached> {
    prepare::check(live, &device)?;
    let highest = prepare::highest_node(session)?;
    let (mut definition, mut like, at) = prepare::enter(live, device, highest)?;
    let alias = like.as_mut().info().and_then(|info| info.alias.clone()).unwrap_or_default();
    let free = prepare::free(session, &definition)?;
    let device = definition.devices.nth(like.as_ref(), at).ok_or_else(|| Error::internal("the device is lost"))?;
    let arguments = command::plug(&session.request(&definition), &mut *host, device, free)?;
    let steps = Step::all(&arguments, &alias)?;
    let parts: Vec<Part> = steps.iter().map(Step::part).collect();
    // Before QEMU is told, so that the next daemon would know it too.
    if let Some(device) = definition.devices.nth_mut(like.as_ref(), at) {
        note_chosen(device, &steps, &*host);
    }
    journal::begin(session.files, &Attempt::new(&alias, parts.clone(), None, &definition)?)?;
    let outcome = before(session, &like).and_then(|()| run_all(session, host, &steps));
    let outcome = outcome.and_then(|answers| {
        let told = after(session, &like, &steps, &answers);
        told.inspect_err(|_| drop(remove_all(session, &parts)))
    });
    let found = match outcome {
        Ok(found) => found,
        Err(error) => {
            if let Err(error) = journal::end(session.files) {
                tracing::error!(domain = %live.name, %error, "cannot forget an attempt");
            }
            return Err(error);
        }
    };
    if let Some(device) = definition.devices.nth_mut(like.as_ref(), at) {
        note(device, &found)?;
    }
    Ok(Attached { definition, alias })
}

/// What QEMU chose.
#[derive(Debug, Default)]
struct Found {
    /// The terminal that it opened.
    terminal: Option<String>,
    /// Where it put memory, and how much of it the guest has, in bytes.
    memory: Option<(u64, Option<u64>)>,
    /// The node behind a device of the host.
    node: Option<String>,
}

/// What has to be said before the device is there.
fn before(session: &Session<'_>, device: &Device) -> Result<()> {
    let Device::Watchdog(watchdog) = device else { return Ok(()) };
    let word = match watchdog.action {
        // A dump is made by the daemon while the guest stands.
        WatchdogAction::Dump => "pause",
        action => action.as_str(),
    };
    session.run("watchdog-set-action", json!({"action": word})).map(drop)
}

/// What has to be said and asked when the device is there.
fn after(session: &Session<'_>, device: &Device, steps: &[Step], answers: &[Value]) -> Result<Found> {
    let mut found = Found::default();
    for (step, answer) in steps.iter().zip(answers) {
        match step {
            Step::Chardev(_) => found.terminal = answer.get("pty").and_then(Value::as_str).map(str::to_owned),
            Step::Node(node) => found.node = node.get("node-name").and_then(Value::as_str).map(str::to_owned),
            _ => {}
        }
    }
    let info = device.as_ref().info();
    let alias = info.and_then(|info| info.alias.as_deref()).unwrap_or_default();
    match device {
        Device::Interface(card) if card.link.as_ref().is_some_and(|link| link.state.as_str() == "down") => {
            session.run("set_link", json!({"name": alias, "up": false}))?;
        }
        Device::Disk(disk) => {
            if let Some(tune) = disk.iotune.as_deref().filter(|_| !disk.source.is_empty()) {
                throttle(session.monitor, disk, tune)?;
            }
        }
        Device::Memory(_) => found.memory = super::update::memory_of(session, alias)?,
        _ => {}
    }
    Ok(found)
}

/// Puts what the host chose into the definition.
fn note_chosen(device: DeviceMut<'_>, steps: &[Step], host: &dyn PlugHost) {
    match device {
        DeviceMut::Interface(card) => {
            if let Some((_, name)) = host.tap_names().into_iter().find(|(mac, _)| *mac == card.mac) {
                card.target.get_or_insert_with(InterfaceTarget::default).dev = Some(name);
            }
        }
        DeviceMut::Vsock(vsock) => {
            let cid = steps.iter().find_map(|step| match step {
                Step::Device(props) => props.get("guest-cid")?.as_u64(),
                _ => None,
            });
            if let Some(cid) = cid.and_then(|cid| u32::try_from(cid).ok()) {
                vsock.cid.get_or_insert_with(VsockCid::default).address = Some(cid);
            }
        }
        _ => {}
    }
}

/// Puts what QEMU chose into the definition.
fn note(device: DeviceMut<'_>, found: &Found) -> Result<()> {
    let terminal = |source: &mut CharSource| {
        if let CharKind::Pty { path } = &mut source.kind {
            path.clone_from(&found.terminal);
        }
    };
    match device {
        DeviceMut::Serial(device) => terminal(&mut device.source),
        DeviceMut::Console(device) => terminal(&mut device.source),
        DeviceMut::Channel(device) => terminal(&mut device.source),
        DeviceMut::RedirDev(device) => terminal(&mut device.source),
        DeviceMut::Rng(device) => {
            if let RngBackend::Egd(source) = &mut device.backend {
                terminal(source);
            }
        }
        DeviceMut::Memory(module) => {
            if let Some((base, size)) = found.memory {
                super::update::note_memory(module, base, size.map(|bytes| KiB(bytes / 1024)));
            }
        }
        DeviceMut::Hostdev(hostdev) => {
            if let Some(node) = &found.node {
                status::note_backend(hostdev, node)?;
            }
        }
        _ => {}
    }
    Ok(())
}
