//! A definition as the command line that would start it, for people to read or run by hand.
//!
//! Nothing is made, opened for the guest, or locked. Where a start would hand something over that it made, the line
//! has the path that QEMU would use by itself; the host's side of network cards is left to whoever runs the line.

mod paper;
mod shell;

use oxivirt_conf::domain::devices::{GraphicsKind, Interface, InterfaceSource, Listen};
use oxivirt_core::{Error, Result};

use crate::command::{self, Request};
use crate::document::{self, Schema};
use crate::guests::Guests;
use crate::neighbours::volumes;
use crate::process::environment;
use crate::{addresses, aliases, cpu_model, live};
use paper::Paper;

/// The environment and the command of a definition, quoted for a shell, in one line.
///
/// Errors: those of reading the definition; `CONFIG_UNSUPPORTED` for what cannot be expressed; those of other drivers
/// that keep a volume or secret of the guest's.
pub(crate) fn command_line(guests: &Guests, text: &str) -> Result<String> {
    let (catalog, settings) = (&guests.catalog, &*guests.settings());
    let mut domain = document::read_inactive(text, Schema::Ignore, catalog, &guests.folders, settings)?;
    let binary = domain.devices.emulator.clone().ok_or_else(|| Error::internal("guest without an emulator"))?;
    let emulator = catalog.get(binary.as_ref())?;
    let files = guests.folders.guest(-1, &domain.name);
    let neighbours = guests.neighbours();
    domain.devices.disks.iter_mut().try_for_each(|disk| volumes::resolve(disk, &*neighbours))?;
    domain.devices.interfaces.iter_mut().for_each(alone);
    domain.devices.channels.iter_mut().for_each(|channel| live::channel_socket(channel, &files));
    for graphics in &mut domain.devices.graphics {
        live::listen(graphics, &files, settings);
        if let Some(Listen::Network { network, address }) = graphics.listens.first_mut() {
            *address = Some(neighbours.address(network)?);
        }
        match &mut graphics.kind {
            GraphicsKind::Vnc(vnc) if vnc.autoport => vnc.port = FIRST_PORT,
            GraphicsKind::Spice(spice) if spice.autoport => {
                spice.port = FIRST_PORT + 1;
                if settings.spice.tls.is_some() {
                    spice.tls_port = FIRST_PORT + 2;
                }
            }
            _ => {}
        }
    }
    addresses::assign_usb(&mut domain)?;
    aliases::assign(&mut domain)?;
    aliases::number_images(&mut domain)?;
    cpu_model::expand(&mut domain, &emulator)?;
    let request =
        Request { domain: &domain, emulator: &emulator, files: &files, monitor_fd: -1, settings, incoming: None };
    let bus = guests.folders.run.join("dbus").join(format!("{}-dbus.sock", files.short_name));
    let mut paper = Paper::new(guests.borrower(&domain), bus, settings.memory.clone());
    let line = command::build(&request, &mut paper)?;
    let mut words = Vec::new();
    for (name, value) in environment(&files) {
        words.push(format!("{name}={}", shell::quoted(&value.to_string_lossy())));
    }
    words.extend(line.environment.iter().map(|(name, value)| format!("{name}={}", shell::quoted(value))));
    words.push(shell::quoted(&binary));
    words.extend(line.arguments.iter().map(|word| shell::quoted(word)));
    Ok(words.join(" "))
}

/// A card without what the daemon would put behind it: a device of the host that somebody else makes.
fn alone(net: &mut Interface) {
    if matches!(net.source, InterfaceSource::Hostdev { .. }) {
        return;
    }
    *net = Interface {
        mac: net.mac,
        model: net.model.take(),
        info: std::mem::take(&mut net.info),
        source: InterfaceSource::Ethernet,
        ..Interface::default()
    };
}

/// Where displays listen whose port is chosen at the start.
const FIRST_PORT: i32 = 5900;
