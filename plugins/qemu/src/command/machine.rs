//! The board: machine, memory, CPUs in number, boot.

use oxivirt_conf::domain::devices::{IommuModel, MemoryModel, SoundModel};
use oxivirt_conf::domain::{CpuMode, CpuTopology, GenId, IoApicDriver, OsType, SmbiosMode, SysInfoEntry, SysInfoType};
use oxivirt_conf::xml::{OnOff, YesNo};
use oxivirt_core::{Error, Result};

use super::{Builder, Props, escape, memory, on_off, place};
use crate::capabilities::Accel;

/// `-machine`, `-accel`.
pub(super) fn machine(b: &mut Builder<'_>, flash: &[(&'static str, String)]) -> Result<()> {
    let domain = b.domain;
    let f = &domain.features;
    if domain.os.kind.kind != Some(OsType::Hvm) {
        return Err(Error::config_unsupported("this driver runs only guests of type 'hvm'"));
    }
    let mut text = format!("{},usb=off", domain.os.machine());
    let mut add = |name: &str, value: &str| text.push_str(&format!(",{name}={value}"));
    if let Some(vmport) = f.vmport {
        add("vmport", on_off(vmport.0.is_on()));
    }
    if let Some(smm) = f.smm {
        add("smm", on_off(smm.state.is_on()));
        if smm.tseg.is_some() && !b.is_q35() {
            return Err(Error::config_unsupported("SMM TSEG is only supported with the q35 machine type"));
        }
    }
    for cipher in domain.keywrap.iter().flat_map(|k| &k.ciphers) {
        add(&format!("{}-key-wrap", cipher.name.as_str()), on_off(cipher.state.is_on()));
    }
    if let Some(ps2) = f.ps2 {
        add("i8042", on_off(ps2.0.is_on()));
    }
    match f.ioapic.and_then(|i| i.driver) {
        Some(IoApicDriver::Qemu) => add("kernel_irqchip", "split"),
        Some(IoApicDriver::Kvm) => add("kernel_irqchip", "on"),
        None => {}
    }
    if let Some(version) = f.gic.as_ref().and_then(|gic| gic.version) {
        add("gic-version", version.as_str());
    }
    if let Some(aia) = &f.aia {
        add("aia", aia.0.as_str());
    }
    if domain.devices.iommus.iter().any(|i| i.model == IommuModel::SmmuV3) {
        add("iommu", "smmuv3");
    }
    add(
        "dump-guest-core",
        on_off(domain.memory_dump_core.map_or(b.settings.dump_guest_core, |dump| dump == OnOff::On)),
    );
    if domain.memory_backing.as_ref().is_some_and(|m| m.nosharepages) {
        add("mem-merge", "off");
    }
    if domain.devices.memories.iter().any(|m| m.model == MemoryModel::Nvdimm) {
        add("nvdimm", "on");
    }
    if let Some(id) = b.main_memory_id().filter(|_| memory::cells_kib(domain).is_none()) {
        add("memory-backend", &id);
    }
    // `host-model` with a model is the host's CPU as that generation.
    if let Some(model) = domain.cpu.as_ref().filter(|cpu| cpu.mode == CpuMode::HostModel).and_then(|c| c.model.as_ref())
        && domain.os.arch().starts_with("ppc64")
    {
        add("max-cpu-compat", &model.to_ascii_lowercase());
    }
    if memory::has_hmat(domain) {
        add("hmat", "on");
    }
    let enclaves = domain.devices.memories.iter().filter(|m| m.model == MemoryModel::SgxEpc);
    for (at, module) in enclaves.enumerate() {
        add(&format!("sgx-epc.{at}.memdev"), &format!("mem{}", super::alias(&module.info)?));
        if let Some(node) = module.target.node {
            add(&format!("sgx-epc.{at}.node"), &node.to_string());
        }
    }
    if domain.launch_security.is_some() {
        add("confidential-guest-support", "lsec0");
    }
    for (name, node) in flash {
        add(name, node);
    }
    if domain.devices.sounds.iter().any(|s| s.model == SoundModel::PcSpk)
        && let Some(id) = b.audio_for_displays()
    {
        add("pcspk-audiodev", &id);
    }
    let hpet = domain.clock.timers.iter().find(|t| t.name.as_str() == "hpet").and_then(|t| t.present);
    if let Some(present) = hpet {
        add("hpet", on_off(present == YesNo::Yes));
    }
    let machine = b.emulator.machine(b.accel(), domain.os.machine());
    if (b.is_x86() && !has_no_acpi_option(b)) || machine.is_some_and(|machine| machine.acpi == Some(true)) {
        add("acpi", on_off(f.acpi));
    }
    if let Some(parameter) = boot_parameter(b) {
        add("loadparm", parameter);
    }
    b.pair("-machine", text);
    let accel = match (b.is_kvm(), f.kvm.as_ref().and_then(|k| k.dirty_ring)) {
        (false, _) if b.accel() == Accel::Hvf => "hvf".to_owned(),
        (false, _) => "tcg".to_owned(),
        (true, Some(ring)) if ring.state.is_on() => {
            let size = ring.size.ok_or_else(|| Error::xml("dirty-ring needs a size"))?;
            format!("kvm,dirty-ring-size={size}")
        }
        (true, _) => "kvm".to_owned(),
    };
    let accel = match f.tcg.and_then(|t| t.tb_cache) {
        Some(size) if b.accel() == Accel::Tcg => format!("{accel},tb-size={}", size.0 / 1024),
        _ => accel,
    };
    b.pair("-accel", accel);
    if let Some(tseg) = f.smm.and_then(|s| s.tseg) {
        b.pair("-global", format!("mch.extended-tseg-mbytes={}", tseg >> 20));
    }
    refuse_features(b)
}

/// Older versions of QEMU have an option of its own for a PC without ACPI.
fn has_no_acpi_option(b: &Builder<'_>) -> bool {
    b.emulator.version < 8_000_000
}

/// `-no-acpi`.
pub(super) fn no_acpi(b: &mut Builder<'_>) {
    if b.is_x86() && has_no_acpi_option(b) && !b.domain.features.acpi {
        b.flag("-no-acpi");
    }
}

/// What the firmware of s390 is told to load from the first device, where only the board can be told.
fn boot_parameter<'a>(b: &Builder<'a>) -> Option<&'a str> {
    if !matches!(b.domain.os.arch(), "s390" | "s390x") || place::devices_take_loadparm(b.emulator) {
        return None;
    }
    let d = &b.domain.devices;
    let disks = d.disks.iter().map(|x| &x.info);
    let infos = disks.chain(d.interfaces.iter().map(|x| &x.info)).chain(d.hostdevs.iter().map(|x| &x.info));
    let first = infos.filter_map(|info| info.boot.as_ref()).find(|boot| boot.order == 1)?;
    first.loadparm.as_deref()
}

fn refuse_features(b: &Builder<'_>) -> Result<()> {
    let f = &b.domain.features;
    for (present, what) in [
        (f.xen.is_some(), "xen"),
        (f.capabilities.is_some(), "capabilities"),
        (f.hpt.is_some(), "hpt"),
        (f.nested_hv.is_some(), "nested-hv"),
        (f.ccf_assist.is_some(), "ccf-assist"),
        (f.cfpc.is_some() || f.sbbc.is_some() || f.ibs.is_some(), "cfpc, sbbc or ibs"),
        (f.ras.is_some(), "ras"),
        (f.hap.is_some(), "hap"),
        (f.msrs.is_some(), "msrs"),
        (f.privnet, "privnet"),
    ] {
        if present {
            return Err(Error::config_unsupported(format!(
                "feature '{what}' is not supported for architecture '{}' and machine type '{}'",
                b.domain.os.arch(),
                b.domain.os.machine()
            )));
        }
    }
    Ok(())
}

/// `-smp`.
pub(super) fn cpus(b: &mut Builder<'_>) -> Result<()> {
    let vcpu = &b.domain.vcpu;
    // Those that can be taken away again are plugged in later.
    let later =
        b.domain.vcpus.iter().filter(|v| v.enabled.is_yes() && v.hotpluggable.is_some_and(YesNo::is_yes)).count();
    let boot = vcpu.current.saturating_sub(u32::try_from(later).unwrap_or(u32::MAX)).max(1);
    let mut text = boot.to_string();
    if boot != vcpu.maximum {
        text.push_str(&format!(",maxcpus={}", vcpu.maximum));
    }
    match b.domain.cpu.as_ref().and_then(|c| c.topology.as_ref()) {
        Some(CpuTopology { sockets, dies, clusters, cores, threads }) => {
            text.push_str(&format!(
                ",sockets={sockets},dies={dies},clusters={clusters},cores={cores},threads={threads}"
            ));
        }
        None => text.push_str(&format!(",sockets={},cores=1,threads=1", vcpu.maximum)),
    }
    b.pair("-smp", text);
    Ok(())
}

/// `-object iothread`.
pub(super) fn iothreads(b: &mut Builder<'_>) -> Result<()> {
    let domain = b.domain;
    for thread in &domain.iothreads {
        let mut props = Props::new().text("qom-type", "iothread").text("id", format!("iothread{}", thread.id));
        props = props
            .maybe_number("thread-pool-min", thread.thread_pool_min)
            .maybe_number("thread-pool-max", thread.thread_pool_max);
        if let Some(poll) = &thread.poll {
            props = props
                .maybe_number("poll-max-ns", poll.max)
                .maybe_number("poll-grow", poll.grow)
                .maybe_number("poll-shrink", poll.shrink);
        }
        b.json("-object", &props);
    }
    if let Some(main) = &domain.default_iothread {
        let props = Props::new()
            .text("qom-type", "main-loop")
            .text("id", "main-loop")
            .maybe_number("thread-pool-min", main.thread_pool_min)
            .maybe_number("thread-pool-max", main.thread_pool_max);
        b.json("-object", &props);
    }
    Ok(())
}

/// `-global` for sleeping, `-boot`, `-kernel` and its friends.
pub(super) fn boot(b: &mut Builder<'_>) -> Result<()> {
    let domain = b.domain;
    if let Some(pm) = &domain.pm {
        let chip = if b.is_q35() { "ICH9-LPC" } else { "PIIX4_PM" };
        for (state, name) in [(&pm.suspend_to_mem, "s3"), (&pm.suspend_to_disk, "s4")] {
            if let Some(enabled) = state.as_ref().and_then(|s| s.enabled) {
                let disable = i32::from(enabled == YesNo::No);
                b.pair("-global", format!("{chip}.disable_{name}={disable}"));
            }
        }
    }
    let os = &domain.os;
    let mut text = String::new();
    if let Some(menu) = &os.bootmenu
        && let Some(enable) = menu.enable
    {
        text.push_str(&format!("menu={},", on_off(enable.is_yes())));
        if let (true, Some(timeout)) = (enable.is_yes(), menu.timeout) {
            text.push_str(&format!("splash-time={timeout},"));
        }
    }
    if let Some(bios) = &os.bios {
        if bios.useserial.is_some() {
            return Err(Error::config_unsupported("<bios useserial> is not supported by this driver yet"));
        }
        if let Some(timeout) = bios.reboot_timeout {
            text.push_str(&format!("reboot-timeout={timeout},"));
        }
    }
    b.pair("-boot", text + "strict=on");
    for (option, value) in [
        ("-kernel", &os.direct.kernel),
        ("-initrd", &os.direct.initrd),
        ("-append", &os.direct.cmdline),
        ("-dtb", &os.direct.dtb),
        ("-shim", &os.direct.shim),
    ] {
        if let Some(value) = value {
            b.pair(option, value.clone());
        }
    }
    for table in &os.acpi_tables {
        let signature = match table.kind.as_str() {
            "slic" => "sig=SLIC,",
            "msdm" => "sig=MSDM,",
            _ => "",
        };
        b.pair("-acpitable", format!("{signature}file={}", escape(&table.path)));
    }
    Ok(())
}

/// The number that changes when the guest's memory is reverted.
pub(super) fn generation(b: &mut Builder<'_>) {
    if let Some(GenId::Given(id) | GenId::Generated(id)) = &b.domain.genid {
        let props = Props::new().text("driver", "vmgenid").text("guid", id.to_string()).text("id", "vmgenid0");
        b.json("-device", &props);
    }
}

/// `-smbios`.
pub(super) fn smbios(b: &mut Builder<'_>) -> Result<()> {
    let domain = b.domain;
    let wanted = domain.os.smbios.as_ref().is_some_and(|s| s.mode == SmbiosMode::Sysinfo);
    if domain.os.smbios.as_ref().is_some_and(|s| s.mode == SmbiosMode::Host) {
        return Err(Error::config_unsupported("smbios mode 'host' is not supported by this driver yet"));
    }
    if let Some(info) = domain.sysinfo.iter().find(|i| i.kind == SysInfoType::Smbios).filter(|_| wanted) {
        let block = |number: u32, entries: &[SysInfoEntry]| {
            let mut text = format!("type={number}");
            for entry in entries {
                text.push_str(&format!(",{}={}", entry.name, escape(&entry.value)));
            }
            text
        };
        let blocks = [(0, &info.bios), (1, &info.system)];
        for (number, entries) in
            blocks.into_iter().chain(info.base_boards.iter().map(|e| (2, e))).chain([(3, &info.chassis)])
        {
            if !entries.is_empty() {
                b.pair("-smbios", block(number, entries));
            }
        }
        if !info.oem_strings.is_empty() {
            let values: Vec<String> = info.oem_strings.iter().map(|v| format!(",value={}", escape(v))).collect();
            b.pair("-smbios", format!("type=11{}", values.concat()));
        }
    }
    for entry in domain.sysinfo.iter().filter(|i| i.kind == SysInfoType::FwCfg).flat_map(|i| &i.fwcfg) {
        let value = match (&entry.value, &entry.file) {
            (Some(value), _) => format!("string={}", escape(value)),
            (None, Some(file)) => format!("file={}", escape(file)),
            (None, None) => return Err(Error::xml(format!("fw_cfg entry '{}' has no value", entry.name))),
        };
        b.pair("-fw_cfg", format!("name={},{value}", escape(&entry.name)));
    }
    Ok(())
}
