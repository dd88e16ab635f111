//! Limits of the traffic of a network device, kept by the kernel's traffic
//! control through the program `tc`.

use std::process::Command;

use oxivirt_conf::net::{BandwidthLimit, BandwidthLimits};
use oxivirt_core::{Error, Result};
use oxivirt_util::process::{RunOptions, run};

/// Gives a device the limits of a guest's card, in place of those it has.
///
/// * `limits` – none, and a direction without an average, is no limit.
///   Inbound is what the guest receives.
/// * Errors: `CONFIG_UNSUPPORTED` for a guarantee, which needs a network that
///   hands them out; `INTERNAL_ERROR` with the words of `tc`, after which the
///   device has no limits.
pub fn set_limits(device: &str, limits: Option<&BandwidthLimits>) -> Result<()> {
    let side = |limit: Option<&BandwidthLimit>| limit.filter(|limit| limit.average.is_some()).cloned();
    let inbound = side(limits.and_then(|limits| limits.inbound.as_ref()));
    let outbound = side(limits.and_then(|limits| limits.outbound.as_ref()));
    if limits.and_then(|limits| limits.inbound.as_ref()).is_some_and(|limit| limit.floor.is_some()) {
        return Err(Error::config_unsupported("bandwidth floor needs a network that guarantees it"));
    }
    clear(device);
    let set = inbound.map_or(Ok(()), |limit| to_guest(device, &limit));
    let set = set.and_then(|()| outbound.map_or(Ok(()), |limit| from_guest(device, &limit)));
    set.inspect_err(|_| clear(device))
}

/// Takes all limits away. A device that has none is fine.
fn clear(device: &str) {
    for place in ["root", "ingress"] {
        // It says so when there was nothing.
        let _ = tc(&["qdisc", "del", "dev", device, place]);
    }
}

/// What the guest receives is what its device sends.
fn to_guest(device: &str, limit: &BandwidthLimit) -> Result<()> {
    let rate = speed(limit.average);
    let (ceil, burst) = (speed(limit.peak), size(limit.burst));
    tc(&["qdisc", "add", "dev", device, "root", "handle", "1:", "htb", "default", "1"])?;
    let mut class = vec!["class", "add", "dev", device, "parent", "1:", "classid", "1:1", "htb", "rate", &rate];
    if limit.peak.is_some() {
        class.extend(["ceil", &ceil]);
    }
    if limit.burst.is_some() {
        class.extend(["burst", &burst]);
    }
    tc(&class)?;
    // Fairness between streams; a kernel without it keeps the limit all the same.
    if let Err(error) = tc(&["qdisc", "add", "dev", device, "parent", "1:1", "handle", "2:", "sfq", "perturb", "10"]) {
        tracing::debug!(device, %error, "streams share the limit as they come");
    }
    Ok(())
}

/// What the guest sends is what its device receives; too much of it is dropped.
fn from_guest(device: &str, limit: &BandwidthLimit) -> Result<()> {
    let rate = speed(limit.average);
    let burst = size(limit.burst.or(limit.average));
    tc(&["qdisc", "add", "dev", device, "ingress"])?;
    tc(&[
        "filter", "add", "dev", device, "parent", "ffff:", "protocol", "all", "u32", "match", "u32", "0", "0",
        "police", "rate", &rate, "burst", &burst, "mtu", "64kb", "drop", "flowid", ":1",
    ])
}

fn speed(kib: Option<u64>) -> String {
    format!("{}kbps", kib.unwrap_or(0))
}

fn size(kib: Option<u64>) -> String {
    format!("{}kb", kib.unwrap_or(0))
}

fn tc(arguments: &[&str]) -> Result<()> {
    let failed = |why: String| Error::internal(format!("'tc {}' failed: {why}", arguments.join(" ")));
    let mut command = Command::new("tc");
    command.args(arguments);
    let finished = run(&mut command, &RunOptions::default()).map_err(|e| failed(e.to_string()))?;
    if finished.status.success() { Ok(()) } else { Err(failed(finished.complaint())) }
}
