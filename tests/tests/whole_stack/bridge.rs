//! Guests on a bridge of the host.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use oxivirt_tests::{fixture, process, skip};

use super::{Host, Outcome, SOON};

/// A bridge for one test, gone when dropped.
pub(super) struct Bridge(pub(super) String);

impl Bridge {
    /// `None` after skipping the test where none can be made.
    pub(super) fn new() -> Option<Bridge> {
        if skip::lacks(&["ip"]) {
            return None;
        }
        static LAST: AtomicU32 = AtomicU32::new(0);
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        // An interface's name has at most 15 bytes.
        let bridge = Bridge(format!("oxi{}x{number}", std::process::id()));
        match bridge.ip(&["link", "add", &bridge.0, "type", "bridge"]) {
            Ok(_) => Some(bridge),
            Err(message) => {
                skip::skip(&format!("no bridge can be made: {message}"));
                None
            }
        }
    }

    fn ip(&self, arguments: &[&str]) -> Result<String, String> {
        process::succeed(Command::new("ip").args(arguments), "ip", SOON).map(|finished| finished.stdout)
    }

    /// Names of the interfaces on it.
    pub(super) fn ports(&self) -> Result<Vec<String>, String> {
        let text = self.ip(&["-brief", "link", "show", "master", &self.0])?;
        Ok(text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect())
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        let _ = self.ip(&["link", "del", &self.0]);
    }
}

/// An idle guest with a card on a bridge.
fn on_bridge(name: &str, bridge: &str) -> String {
    let devices = format!(
        "<devices><interface type='bridge'><mac address='52:54:00:0b:51:07'/><source bridge='{bridge}'/>\
         <model type='virtio'/></interface></devices></domain>"
    );
    fixture::idle_guest(name).replace("</domain>", &devices)
}

#[test]
fn a_guest_is_on_its_bridge_while_it_runs() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    let Some(bridge) = Bridge::new() else { return Ok(()) };
    host.define(&on_bridge("bridged", &bridge.0))?;
    assert!(bridge.ports()?.is_empty());
    host.virsh(&["start", "bridged"])?;
    let ports = bridge.ports()?;
    let interfaces = host.virsh(&["domiflist", "bridged"])?;
    assert_eq!(ports.len(), 1, "{ports:?}");
    assert!(interfaces.contains(&ports[0]) && interfaces.contains("52:54:00:0b:51:07"), "{interfaces}");
    host.virsh(&["destroy", "bridged"])?;
    assert!(bridge.ports()?.is_empty(), "the port is gone with the guest");
    Ok(())
}

#[test]
fn a_bridge_that_is_not_there_is_a_clear_error() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    host.define(&on_bridge("lost", "oxi-no-bridge"))?;
    let message = host.refused(&["start", "lost"])?;
    assert!(message.contains("oxi-no-bridge"), "{message}");
    host.reaches("lost", "shut off (failed)", SOON)
}
