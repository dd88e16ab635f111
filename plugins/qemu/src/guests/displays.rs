//! What displays get when their guest starts: ports and places to listen at.

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::{GraphicsKind, Listen};
use oxivirt_core::{Error, Result};

use super::Guests;
use crate::live as places;
use crate::process::GuestFiles;
use crate::settings::Settings;

impl Guests {
    /// Gives displays ports, and the place that they listen at by default.
    ///
    /// * `ports` – every port that is taken for the guest, also when this fails.
    pub(super) fn fill_displays(
        &self,
        live: &mut DomainDefinition,
        files: &GuestFiles,
        settings: &Settings,
        ports: &mut Vec<u16>,
    ) -> Result<()> {
        for graphics in &mut live.devices.graphics {
            let rules = match &graphics.kind {
                GraphicsKind::Vnc(_) => &settings.vnc,
                GraphicsKind::Spice(_) => &settings.spice,
                _ => continue,
            };
            places::listen(graphics, files, settings);
            match graphics.listens.first_mut() {
                Some(Listen::Socket { .. } | Listen::None) | None => continue,
                Some(Listen::Network { network, address }) => *address = Some(self.neighbours().address(network)?),
                Some(Listen::Address { .. }) => {}
            }
            let range = &settings.display_ports;
            let mut take = |what: &str, range| -> Result<u16> {
                let free = self.ports.acquire(what, range)?;
                ports.push(free);
                Ok(free)
            };
            let mut fixed = Vec::new();
            match &mut graphics.kind {
                GraphicsKind::Vnc(vnc) => {
                    match vnc.autoport {
                        true => vnc.port = take("VNC", range)?.into(),
                        false => fixed.push(vnc.port),
                    }
                    match vnc.websocket {
                        Some(-1) => vnc.websocket = Some(take("VNC WebSocket", &settings.websocket_ports)?.into()),
                        Some(port) => fixed.push(port),
                        None => {}
                    }
                }
                GraphicsKind::Spice(spice) => {
                    match spice.autoport || spice.port == -1 {
                        true => spice.port = take("SPICE", range)?.into(),
                        false => fixed.push(spice.port),
                    }
                    match spice.tls_port == -1 || (spice.autoport && rules.tls.is_some()) {
                        true if rules.tls.is_none() => {
                            return Err(Error::config_unsupported(
                                "Auto allocation of spice TLS port requested but spice TLS is disabled in qemu.conf",
                            ));
                        }
                        true => spice.tls_port = take("SPICE", range)?.into(),
                        false => fixed.push(spice.tls_port),
                    }
                }
                _ => {}
            }
            for port in fixed.into_iter().filter_map(|port| u16::try_from(port).ok()).filter(|port| *port != 0) {
                self.ports.reserve(port);
                ports.push(port);
            }
        }
        Ok(())
    }
}
