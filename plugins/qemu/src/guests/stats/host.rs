//! What the host knows of a guest without asking it.

use oxivirt_conf::domain::devices::{Interface, InterfaceSource};

use super::Record;
use crate::process::{cpu_time, net_traffic};
use crate::state::{Run, Snapshot};

/// CPU time of the whole process.
pub(super) fn cpu(record: &mut Record, snapshot: &Snapshot, run: &Run) {
    if let Some(times) = cpu_time::parts_of_process(run.process.pid()) {
        record.ulong("cpu.time", times.time);
        record.ulong("cpu.user", times.user);
        record.ulong("cpu.system", times.system);
    }
    let tune = snapshot.definition().cputune.as_deref();
    let monitors = tune.map_or(0, |tune| tune.cachetune.iter().map(|cache| cache.monitors.len()).sum::<usize>());
    record.uint("cpu.cache.monitor.count", u32::try_from(monitors).unwrap_or(u32::MAX));
}

/// Number and times of virtual CPUs.
pub(super) fn vcpus(record: &mut Record, snapshot: &Snapshot, run: Option<&Run>) {
    let vcpu = &snapshot.definition().vcpu;
    record.uint("vcpu.current", vcpu.current);
    record.uint("vcpu.maximum", vcpu.maximum);
    let Some(run) = run else { return };
    let pid = run.process.pid();
    for vcpu in snapshot.status.vcpus.iter() {
        let name = |what: &str| format!("vcpu.{}.{what}", vcpu.index);
        let Some(times) = cpu_time::of_thread(pid, vcpu.thread) else { continue };
        record.int(name("state"), 1);
        record.ulong(name("time"), times.time);
        // Clients expect it even where the kernel does not count.
        record.ulong(name("wait"), cpu_time::io_wait_of_thread(pid, vcpu.thread).unwrap_or(0));
        if let Some(delay) = cpu_time::delay_of_thread(pid, vcpu.thread) {
            record.ulong(name("delay"), delay);
        }
    }
}

/// Traffic of network cards that have a device on the host.
pub(super) fn interfaces(record: &mut Record, snapshot: &Snapshot) {
    if !snapshot.is_active() {
        return;
    }
    let cards = &snapshot.definition().devices.interfaces;
    record.uint("net.count", u32::try_from(cards.len()).unwrap_or(u32::MAX));
    for (at, card) in cards.iter().enumerate() {
        let Some(device) = card.target.as_ref().and_then(|target| target.dev.as_deref()) else { continue };
        record.text(format!("net.{at}.name"), device);
        let Some(traffic) = traffic(card) else { continue };
        for (name, direction) in [("rx", traffic.received), ("tx", traffic.sent)] {
            record.ulong(format!("net.{at}.{name}.bytes"), direction.bytes);
            record.ulong(format!("net.{at}.{name}.pkts"), direction.packets);
            record.ulong(format!("net.{at}.{name}.errs"), direction.errors);
            record.ulong(format!("net.{at}.{name}.drop"), direction.drops);
        }
    }
}

/// What went through a card, seen from the guest; none without a device on the host.
pub(crate) fn traffic(card: &Interface) -> Option<net_traffic::Traffic> {
    let device = card.target.as_ref()?.dev.as_deref()?;
    let traffic = net_traffic::of_device(device)?;
    // What the guest sends the host's end of the pair receives; a device that
    // stands for the guest's own card counts as the guest does.
    Some(match card.connection() {
        InterfaceSource::Direct { .. } => traffic,
        _ => traffic.from_other_end(),
    })
}

/// Counters of the host's processors that are on.
pub(super) fn counters(record: &mut Record, run: &Run) {
    let counters = run.marks.counters.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    for (name, value) in counters.read() {
        record.ulong(format!("perf.{name}"), value);
    }
}
