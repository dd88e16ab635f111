//! `-cpu`: model, features, enlightenments.

use oxivirt_conf::domain::{
    Cpu, CpuAddressMode, CpuCacheMode, CpuFeaturePolicy, CpuMatch, CpuMode, Features, HypervMode, Switch, TimerName,
};
use oxivirt_conf::xml::YesNo;
use oxivirt_core::{Error, Result};

use super::{Builder, on_off};

pub(super) fn cpu(b: &mut Builder<'_>) -> Result<()> {
    let domain = b.domain;
    // Some boards have a CPU that nobody names.
    if domain.cpu.is_none() && crate::arch::board(domain).is_some() {
        return Ok(());
    }
    let mut text = model(b)?;
    if domain.os.arch() == "armv7l" && b.emulator.arch == "aarch64" && b.is_kvm() {
        text.push_str(",aarch64=off");
    }
    let mut add = |name: &str, value: &str| text.push_str(&format!(",{name}={value}"));
    let present = |name: TimerName| domain.clock.timers.iter().find(|t| t.name == name).and_then(|t| t.present);
    if let Some(present) = present(TimerName::KvmClock) {
        add("kvmclock", on_off(present == YesNo::Yes));
    }
    if let Some(present) = present(TimerName::HypervClock) {
        add("hv-time", on_off(present == YesNo::Yes));
    }
    if let Some(frequency) = domain.clock.timers.iter().find(|t| t.name == TimerName::Tsc).and_then(|t| t.frequency) {
        add("tsc-frequency", &frequency.to_string());
    }
    let f = &domain.features;
    if let Some(eoi) = f.apic.and_then(|a| a.eoi) {
        add("kvm-pv-eoi", on_off(eoi.is_on()));
    }
    if let Some(state) = f.pvspinlock {
        add("kvm-pv-unhalt", on_off(state.0.is_on()));
    }
    hyperv(f, &mut add)?;
    kvm(f, &mut add);
    if let Some(state) = f.pmu {
        add("pmu", on_off(state.0.is_on()));
    }
    if let Some(cpu) = &domain.cpu {
        cache_and_bits(cpu, &mut add)?;
    }
    b.pair("-cpu", text);
    Ok(())
}

fn model(b: &Builder<'_>) -> Result<String> {
    let Some(cpu) = &b.domain.cpu else { return Err(Error::internal("guest without a CPU")) };
    if cpu.match_ == Some(CpuMatch::Minimum) {
        return Err(Error::internal("the CPU of match 'minimum' was not worked out"));
    }
    let mut text = match cpu.mode {
        CpuMode::HostPassthrough | CpuMode::Maximum => {
            if cpu.mode == CpuMode::HostPassthrough && !b.is_kvm() {
                return Err(Error::config_unsupported(format!(
                    "CPU mode '{}' for {} {} domain on {} host is not supported by hypervisor",
                    cpu.mode.as_str(),
                    b.domain.os.arch(),
                    "qemu",
                    b.domain.os.arch()
                )));
            }
            let name = if cpu.mode == CpuMode::Maximum { "max" } else { "host" };
            match cpu.migratable {
                Some(migratable) => format!("{name},migratable={}", on_off(migratable.is_on())),
                None => name.to_owned(),
            }
        }
        // POWER's compatible mode is a property of the board.
        CpuMode::HostModel if b.domain.os.arch().starts_with("ppc64") && b.is_kvm() => "host".to_owned(),
        CpuMode::HostModel => {
            return Err(Error::internal("the CPU of mode 'host-model' was not worked out"));
        }
        CpuMode::Custom => cpu.model.clone().ok_or_else(|| Error::internal("CPU without a model"))?,
    };
    if let Some(vendor) = &cpu.vendor_id {
        text.push_str(&format!(",vendor={vendor}"));
    }
    // Two that only the guest's own system can switch.
    let own = |name: &str| matches!(name, "osxsave" | "ospke");
    for feature in cpu.features.iter().filter(|f| !own(&f.name)) {
        let name = if b.is_x86() { feature_name(&feature.name) } else { feature.name.clone() };
        let state = match feature.policy {
            CpuFeaturePolicy::Force | CpuFeaturePolicy::Require | CpuFeaturePolicy::Optional => "on",
            CpuFeaturePolicy::Disable | CpuFeaturePolicy::Forbid => "off",
        };
        text.push_str(&format!(",{name}={state}"));
    }
    Ok(text)
}

/// QEMU's name of a feature.
fn feature_name(name: &str) -> String {
    match name {
        "cmp_legacy" => "cmp-legacy".to_owned(),
        "ds_cpl" => "ds-cpl".to_owned(),
        "pclmuldq" => "pclmulqdq".to_owned(),
        "fxsr_opt" => "fxsr-opt".to_owned(),
        "nodeid_msr" => "nodeid-msr".to_owned(),
        "nrip-save" | "nrip_save" => "nrip-save".to_owned(),
        "sse4_1" => "sse4.1".to_owned(),
        "sse4_2" => "sse4.2".to_owned(),
        other => other.replace('_', "-"),
    }
}

fn hyperv(f: &Features, add: &mut dyn FnMut(&str, &str)) -> Result<()> {
    let Some(h) = &f.hyperv else { return Ok(()) };
    if h.mode == HypervMode::Passthrough {
        add("hv-passthrough", "on");
        return Ok(());
    }
    let mut switch = |name: &str, on: bool| {
        if on {
            add(name, "on");
        }
    };
    let is = |s: Option<Switch>| s.is_some_and(|s| s.0.is_on());
    switch("hv-relaxed", is(h.relaxed));
    switch("hv-vapic", is(h.vapic));
    if let Some(spin) = h.spinlocks.filter(|s| s.state.is_on()) {
        let retries = spin.retries.ok_or_else(|| Error::xml("hyperv spinlocks need retries"))?;
        add("hv-spinlocks", &format!("{retries:#x}"));
    }
    let mut switch = |name: &str, on: bool| {
        if on {
            add(name, "on");
        }
    };
    switch("hv-vpindex", is(h.vpindex));
    switch("hv-runtime", is(h.runtime));
    switch("hv-synic", is(h.synic));
    if let Some(stimer) = h.stimer.filter(|s| s.state.is_on()) {
        switch("hv-stimer", true);
        switch("hv-stimer-direct", is(stimer.direct));
    }
    switch("hv-reset", is(h.reset));
    if let Some(vendor) = h.vendor_id.as_ref().filter(|v| v.state.is_on()) {
        add("hv-vendor-id", vendor.value.as_deref().unwrap_or_default());
    }
    let mut switch = |name: &str, on: bool| {
        if on {
            add(name, "on");
        }
    };
    switch("hv-frequencies", is(h.frequencies));
    switch("hv-reenlightenment", is(h.reenlightenment));
    if let Some(flush) = h.tlbflush.filter(|s| s.state.is_on()) {
        switch("hv-tlbflush", true);
        switch("hv-tlbflush-direct", is(flush.direct));
        switch("hv-tlbflush-ext", is(flush.extended));
    }
    switch("hv-ipi", is(h.ipi));
    switch("hv-evmcs", is(h.evmcs));
    switch("hv-avic", is(h.avic));
    switch("hv-emsr-bitmap", is(h.emsr_bitmap));
    switch("hv-xmm-input", is(h.xmm_input));
    Ok(())
}

fn kvm(f: &Features, add: &mut dyn FnMut(&str, &str)) {
    let Some(k) = &f.kvm else { return };
    let is = |s: Option<Switch>| s.map(|s| s.0.is_on());
    if is(k.hidden) == Some(true) {
        add("kvm", "off");
    }
    if is(k.hint_dedicated) == Some(true) {
        add("kvm-hint-dedicated", "on");
    }
    if is(k.poll_control) == Some(true) {
        add("kvm-poll-control", "on");
    }
    if is(k.pv_ipi) == Some(false) {
        add("kvm-pv-ipi", "off");
    }
}

fn cache_and_bits(cpu: &Cpu, add: &mut dyn FnMut(&str, &str)) -> Result<()> {
    if let Some(cache) = &cpu.cache {
        match (cpu.mode, cache.mode) {
            (_, CpuCacheMode::Emulate) => {
                add("l3-cache", "on");
                if matches!(cpu.mode, CpuMode::HostPassthrough | CpuMode::Maximum) {
                    add("host-cache-info", "off");
                }
            }
            (CpuMode::HostPassthrough | CpuMode::Maximum, CpuCacheMode::Passthrough) => {
                add("host-cache-info", "on");
                add("l3-cache", "off");
            }
            (CpuMode::HostPassthrough | CpuMode::Maximum, CpuCacheMode::Disable) => {
                add("host-cache-info", "off");
                add("l3-cache", "off");
            }
            (_, CpuCacheMode::Disable) => add("l3-cache", "off"),
            (_, CpuCacheMode::Passthrough) => {
                return Err(Error::config_unsupported(
                    "CPU cache mode 'passthrough' needs CPU mode 'host-passthrough'",
                ));
            }
        }
    }
    if let Some(bits) = &cpu.maxphysaddr {
        match bits.mode {
            CpuAddressMode::Passthrough => {
                add("host-phys-bits", "on");
                if let Some(limit) = bits.limit {
                    add("host-phys-bits-limit", &limit.to_string());
                }
            }
            CpuAddressMode::Emulate => {
                let bits = bits.bits.ok_or_else(|| Error::xml("maxphysaddr mode='emulate' needs bits"))?;
                add("phys-bits", &bits.to_string());
            }
        }
    }
    Ok(())
}
