//! Statistics of QEMU guests.

use std::time::{Duration, Instant};

use oxivirt_tests::process;
use rustix::process::Signal;

use super::{Host, Outcome};

#[test]
fn one_guest_has_every_group() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    let image = host.sandbox.root().join("disk.img");
    std::fs::write(&image, vec![0; 1 << 20]).map_err(|e| e.to_string())?;
    let disk = format!(
        "<devices><disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{}'/>
         <target dev='vda' bus='virtio'/></disk><interface type='user'/></devices></domain>",
        image.display()
    );
    host.define(&oxivirt_tests::fixture::idle_guest("g").replacen("</domain>", &disk, 1))?;
    let off = host.virsh(&["domstats", "g"])?;
    assert!(off.contains("state.state=5") && off.contains("block.0.capacity=1048576"), "{off}");
    assert!(!off.contains("cpu.time"), "{off}");
    host.virsh(&["start", "g"])?;
    let stats = host.virsh(&["domstats", "g"])?;
    for name in [
        "state.state=1",
        "cpu.time=",
        "cpu.user=",
        "cpu.haltpoll.success.time=",
        "balloon.current=32768",
        "balloon.rss=",
        "vcpu.current=1",
        "vcpu.0.state=1",
        "vcpu.0.delay=",
        "net.count=1",
        "block.count=1",
        "block.0.name=vda",
        "block.0.rd.reqs=",
        "block.0.fl.times=",
        "block.0.capacity=1048576",
        "block.0.physical=",
        "dirtyrate.calc_status=0",
    ] {
        assert!(stats.contains(name), "{name} is not in\n{stats}");
    }
    let counters = host.virsh(&["domblkstat", "g", "vda"])?;
    assert!(counters.contains("vda rd_req ") && counters.contains("vda flush_total_times "), "{counters}");
    let error = host.refused(&["domblkstat", "g", "vdx"])?;
    assert!(error.contains("invalid path: vdx"), "{error}");
    let times = host.virsh(&["cpu-stats", "g", "--total"])?;
    assert!(times.contains("cpu_time") && times.contains("system_time"), "{times}");
    Ok(())
}

#[test]
fn changing_memory_is_measured() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    host.start_idle("g")?;
    let error = host.refused(&["domdirtyrate-calc", "g", "--seconds", "100"])?;
    assert!(error.contains("choose value within [1, 60]"), "{error}");
    host.virsh(&["domdirtyrate-calc", "g", "--seconds", "1"])?;
    process::wait_for("the measurement", super::GUEST_LIMIT, || {
        let stats = host.virsh(&["domstats", "--dirtyrate", "g"]).ok()?;
        stats.contains("dirtyrate.megabytes_per_second=").then_some(())
    })
}

#[test]
fn counters_of_the_host_are_on_or_refused() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    host.start_idle("g")?;
    let error = host.refused(&["perf", "g", "--enable", "cmt"])?;
    assert!(error.contains("unable to enable host cpu perf event for cmt"), "{error}");
    host.virsh(&["perf", "g", "--enable", "page_faults", "--config"])?;
    assert!(host.virsh(&["dumpxml", "--inactive", "g"])?.contains("<event name='page_faults' enabled='yes'/>"));
    // A host that lets nobody count says so.
    match host.virsh(&["perf", "g", "--enable", "page_faults"]) {
        Ok(_) => {
            let stats = host.virsh(&["domstats", "--perf", "g"])?;
            assert!(stats.contains("perf.page_faults="), "{stats}");
        }
        Err(error) => assert!(error.contains("unable to enable host cpu perf event"), "{error}"),
    }
    Ok(())
}

#[test]
fn a_guest_that_hangs_costs_its_own_record_only() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    for name in ["a", "b", "c"] {
        host.start_idle(name)?;
    }
    let stopped = host.sandbox.guest_pid("b")?;
    process::signal(stopped, Signal::STOP);
    // Once somebody waited in vain nobody else does who does not want to.
    host.virsh(&["domstats", "--nowait", "--balloon", "--block"])?;
    let began = Instant::now();
    let stats = host.virsh(&["domstats", "--nowait"])?;
    let took = began.elapsed();
    process::signal(stopped, Signal::CONT);
    assert_eq!(stats.matches("Domain: ").count(), 3, "{stats}");
    assert_eq!(stats.matches("block.count=0").count(), 3, "{stats}");
    assert_eq!(stats.matches("dirtyrate.calc_status=0").count(), 2, "{stats}");
    assert!(took < Duration::from_secs(60), "{took:?}");
    Ok(())
}
