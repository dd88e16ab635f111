//! A network of the sandbox's own, with one bridge.

use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::look::Look;
use crate::process;

/// The bridge that guests are on.
pub(super) const BRIDGE: &str = "br-kills";

const LIMIT: Duration = Duration::from_secs(20);

/// A network namespace that lasts as long as a process of ours in it.
pub(super) struct Network(Child);

/// Whether this machine and user can make one.
pub fn is_possible() -> bool {
    rustix::process::geteuid().is_root()
        && ["unshare", "nsenter", "ip"].iter().all(|program| process::find_program(program).is_some())
        && std::path::Path::new("/dev/net/tun").exists()
}

impl Network {
    /// None where that is not possible.
    pub(super) fn new() -> Result<Option<Network>, String> {
        if !is_possible() {
            return Ok(None);
        }
        let mut command = Command::new("unshare");
        command.args(["--net", "sleep", "86400"]).stdin(Stdio::null());
        let child = command.spawn().map_err(|e| format!("a network of our own: {e}"))?;
        let network = Network(child);
        let own = std::fs::read_link("/proc/self/ns/net").map_err(|e| e.to_string())?;
        process::wait_for("a network of our own", LIMIT, || {
            let there = std::fs::read_link(format!("/proc/{}/ns/net", network.0.id())).ok()?;
            (there != own).then_some(())
        })?;
        network.ip(&["link", "add", BRIDGE, "type", "bridge"])?;
        network.ip(&["link", "set", BRIDGE, "up"])?;
        network.ip(&["link", "set", "lo", "up"])?;
        Ok(Some(network))
    }

    /// What to put before a command that is to run in it.
    pub(super) fn words(&self) -> Vec<String> {
        vec!["nsenter".to_owned(), format!("--net=/proc/{}/ns/net", self.0.id()), "--".to_owned()]
    }

    fn ip(&self, arguments: &[&str]) -> Result<String, String> {
        let words = self.words();
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).arg("ip").args(arguments);
        process::succeed(&mut command, &format!("ip {}", arguments.join(" ")), LIMIT).map(|done| done.stdout)
    }

    /// Tap devices that belong to no card, and cards without one.
    pub(super) fn strays(&self, look: &Look) -> Result<Vec<String>, String> {
        let listed = self.ip(&["-o", "link", "show", "master", BRIDGE])?;
        let names = listed.lines().filter_map(|line| line.split(':').nth(1)).map(|name| name.trim().to_owned());
        let found: BTreeSet<String> = names.collect();
        let wanted: BTreeSet<String> = look.domains.values().flat_map(|guest| guest.taps.iter().cloned()).collect();
        let all = self.ip(&["-o", "link", "show", "type", "tun"])?;
        let loose =
            all.lines().filter(|line| !line.contains(BRIDGE)).map(|line| format!("tap without a bridge: {line}"));
        let differ = wanted.symmetric_difference(&found).map(|name| match found.contains(name) {
            true => format!("tap device {name} is left over"),
            false => format!("tap device {name} is missing"),
        });
        Ok(differ.chain(loose).collect())
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
