//! All devices in QEMU's order, and those that are small enough to be here.

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::{
    Address, BalloonModel, Channel, ChannelTarget, CharKind, Console, ControllerType, DiskBus, DiskDevice, Input,
    InputBus, InputType, MemBalloon, Panic, PanicModel, Rng, RngBackend, Serial, Watchdog, WatchdogAction,
    WatchdogModel,
};
use oxivirt_core::{Error, Result};

use super::chardev::{Use, chardev};
use super::controller::virtio_driver;
use super::{
    Builder, Props, audio, controller, disk, display, extras, filesystem, graphics, hostdev, memory, net, place, tpm,
};

/// Devices before the sandbox.
pub(super) fn all(b: &mut Builder<'_>) -> Result<()> {
    let d = &b.domain.devices;
    for one in &d.iommus {
        extras::iommu(b, one)?;
    }
    controller::controllers(b)?;
    memory::modules(b)?;
    let own_device = b.is_q35();
    floppy_boot(b, own_device)?;
    for hub in &d.hubs {
        let props = Props::new().text("driver", "usb-hub").text("id", super::alias(&hub.info)?);
        let place = place::device(b, &hub.info, "hub")?;
        b.json("-device", &props.and(&place));
    }
    controller::of_kind(b, ControllerType::Ccid)?;
    for one in &d.disks {
        disk::disk(b, one)?;
    }
    for one in &d.filesystems {
        filesystem::filesystem(b, one)?;
    }
    for one in &d.interfaces {
        net::interface(b, one)?;
    }
    for one in &d.smartcards {
        extras::smartcard(b, one)?;
    }
    for one in &d.serials {
        serial(b, one)?;
    }
    for one in &d.parallels {
        let alias = super::alias(&one.info)?.to_owned();
        let id = chardev(b, &one.source, &alias, Use::Parallel)?;
        let props = Props::new().text("driver", "isa-parallel").text("chardev", id).text("id", alias);
        b.json("-device", &props);
    }
    for one in &d.channels {
        channel(b, one)?;
    }
    consoles(b)?;
    for one in &d.tpms {
        tpm::tpm(b, one)?;
    }
    for one in &d.inputs {
        if let Some(props) = input(b, one)? {
            b.json(if one.kind == InputType::Evdev { "-object" } else { "-device" }, &props);
        }
    }
    for one in &d.audios {
        let props = audio::audio(b, one)?;
        b.json("-audiodev", &props);
    }
    for one in &d.graphics {
        graphics::graphics(b, one)?;
    }
    for one in &d.videos {
        if let Some(props) = display::video(b, one)? {
            b.json("-device", &props);
        }
    }
    for one in &d.sounds {
        for props in display::sound(b, one)? {
            b.json("-device", &props);
        }
    }
    for one in &d.watchdogs {
        watchdog(b, one)?;
    }
    watchdog_action(b);
    for one in &d.redirdevs {
        extras::redirdev(b, one)?;
    }
    hostdev::all(b, crate::aliases::free_index(b.domain))?;
    if let Some(from) = b.incoming {
        b.pair("-incoming", from.to_owned());
    }
    for one in &d.memballoons {
        if let Some(props) = balloon(b, one)? {
            b.json("-device", &props);
        }
    }
    for one in &d.rngs {
        rng(b, one)?;
    }
    for one in &d.nvrams {
        if let Some(Address::SpaprVio { reg: Some(reg) }) = &one.info.address {
            b.pair("-global", format!("spapr-nvram.reg={reg:#x}"));
        }
    }
    Ok(())
}

/// Devices after the sandbox.
pub(super) fn late(b: &mut Builder<'_>) -> Result<()> {
    let features = &b.domain.features;
    if features.vmcoreinfo.is_some_and(|v| v.0.is_on()) {
        let props = Props::new().text("driver", "vmcoreinfo");
        b.json("-device", &props);
    }
    if let Some(enabled) = features.async_teardown {
        b.pair("-run-with", format!("async-teardown={}", super::on_off(enabled.0.is_yes())));
    }
    for one in &b.domain.devices.panics {
        if let Some(props) = panic(b, one)? {
            b.json("-device", &props);
        }
    }
    let d = &b.domain.devices;
    for one in &d.shmems {
        extras::shmem(b, one)?;
    }
    for one in &d.vsocks {
        extras::vsock(b, one)?;
    }
    for one in &d.cryptos {
        extras::crypto(b, one)?;
    }
    for one in &d.pstores {
        extras::pstore(b, one)?;
    }
    Ok(())
}

/// Refuses kinds of devices and settings that nothing below looks at.
pub(super) fn refuse_unknown(domain: &DomainDefinition) -> Result<()> {
    let d = &domain.devices;
    for (present, what) in [(!d.leases.is_empty(), "<lease>"), (domain.bootloader.is_some(), "<bootloader>")] {
        if present {
            return Err(Error::config_unsupported(format!("{what} is not supported by this driver yet")));
        }
    }
    Ok(())
}

/// The floppy controller has its boot order apart from the drives.
fn floppy_boot(b: &mut Builder<'_>, own_device: bool) -> Result<()> {
    let mut letters = Vec::new();
    let mut any = false;
    for one in &b.domain.devices.disks {
        if one.target.bus != Some(DiskBus::Fdc) || one.device != DiskDevice::Floppy {
            continue;
        }
        any = true;
        if let Some(index) = b.boot_index(&one.info) {
            let unit = match &one.info.address {
                Some(Address::Drive(at)) => at.unit,
                _ => 0,
            };
            letters.push((if unit == 0 { "A" } else { "B" }, index));
        }
    }
    if own_device && any {
        let mut props = Props::new().text("driver", "isa-fdc");
        for (letter, index) in letters {
            props = props.number(&format!("bootindex{letter}"), index);
        }
        b.json("-device", &props);
    } else {
        for (letter, index) in letters {
            b.pair("-global", format!("isa-fdc.bootindex{letter}={index}"));
        }
    }
    Ok(())
}

pub(super) fn serial(b: &mut Builder<'_>, s: &Serial) -> Result<()> {
    let alias = super::alias(&s.info)?.to_owned();
    let model = s.model.as_deref().unwrap_or("isa-serial").to_owned();
    let id = chardev(b, &s.source, &alias, Use::Plain)?;
    if s.target_type.as_deref().is_none_or(|target| target == "system-serial") {
        // The board's own port, which is only told where to write.
        b.pair("-serial", format!("chardev:{id}"));
        return Ok(());
    }
    let mut props = Props::new().text("driver", &model).text("chardev", id).text("id", alias);
    match model.as_str() {
        "isa-serial" => props = props.number("index", s.port.unwrap_or(0)),
        "isa-debugcon" | "usb-serial" | "pci-serial" | "sclpconsole" | "sclplmconsole" | "spapr-vty" => {}
        other => {
            return Err(Error::config_unsupported(format!(
                "serial device model '{other}' is not supported by this driver"
            )));
        }
    }
    let place = place::device(b, &s.info, "serial")?;
    b.json("-device", &props.and(&place));
    Ok(())
}

pub(super) fn channel(b: &mut Builder<'_>, c: &Channel) -> Result<()> {
    let alias = super::alias(&c.info)?.to_owned();
    let id = chardev(b, &c.source, &alias, Use::Plain)?;
    match &c.target {
        ChannelTarget::Virtio { name, .. } => {
            let place = place::device(b, &c.info, "channel")?;
            // What the agent of SPICE listens to.
            let usual = matches!(c.source.kind, CharKind::SpiceVmc).then_some("com.redhat.spice.0");
            let props = Props::new()
                .text("driver", "virtserialport")
                .and(&place)
                .text("chardev", id)
                .text("id", alias)
                .maybe_text("name", name.as_deref().or(usual));
            b.json("-device", &props);
            Ok(())
        }
        ChannelTarget::GuestFwd { address, port } => {
            let forward = Props::new().text("str", format!("tcp:{address}:{port}-chardev:{id}"));
            let props = Props::new().text("type", "user").list("guestfwd", [&forward]).text("id", alias);
            net::netdev(b, &props);
            Ok(())
        }
        ChannelTarget::Xen { .. } => Err(Error::config_unsupported("channel type 'xen' is not supported by QEMU")),
    }
}

/// Consoles that are devices of their own; the first may only be another
/// name of the first serial line.
fn consoles(b: &mut Builder<'_>) -> Result<()> {
    let domain = b.domain;
    for (at, c) in domain.devices.consoles.iter().enumerate() {
        match c.target_type.as_deref() {
            Some("serial") | None if at == 0 && !domain.devices.serials.is_empty() => {}
            _ => console(b, c)?,
        }
    }
    Ok(())
}

/// A console that is a device of its own.
pub(super) fn console(b: &mut Builder<'_>, c: &Console) -> Result<()> {
    let line = c.target_type.as_deref().unwrap_or("serial");
    let driver = match line {
        "virtio" => "virtconsole",
        "sclp" => "sclpconsole",
        "sclplm" => "sclplmconsole",
        other => {
            return Err(Error::config_unsupported(format!(
                "console target type '{other}' is not supported by this driver"
            )));
        }
    };
    let alias = super::alias(&c.info)?.to_owned();
    let id = chardev(b, &c.source, &alias, Use::Plain)?;
    let place = if line == "virtio" { place::device(b, &c.info, "console")? } else { Props::new() };
    let props = Props::new().text("driver", driver).and(&place).text("chardev", id).text("id", alias);
    b.json("-device", &props);
    Ok(())
}

pub(super) fn input(b: &Builder<'_>, i: &Input) -> Result<Option<Props>> {
    let alias = super::alias(&i.info)?;
    let bus = i.bus.unwrap_or(InputBus::Ps2);
    let bad = || {
        Error::config_unsupported(format!(
            "input type='{}' bus='{}' is not supported by this driver",
            i.kind.as_str(),
            bus.as_str()
        ))
    };
    if i.kind == InputType::Evdev {
        let source = i.source.as_ref().ok_or_else(bad)?;
        return Ok(Some(
            Props::new()
                .text("qom-type", "input-linux")
                .text("id", alias)
                .text("evdev", &source.path)
                .maybe_flag("repeat", source.repeat.map(|v| v.is_on()))
                .maybe_flag("grab_all", source.grab.map(|_| true))
                .maybe_text("grab-toggle", source.grab_toggle.map(|v| v.as_str())),
        ));
    }
    let props = match bus {
        // The board has them.
        InputBus::Ps2 => return Ok(None),
        InputBus::Usb => {
            let driver = match i.kind {
                InputType::Mouse => "usb-mouse",
                InputType::Tablet => "usb-tablet",
                InputType::Keyboard => "usb-kbd",
                _ => return Err(bad()),
            };
            Props::new().text("driver", driver).text("id", alias)
        }
        InputBus::Virtio => {
            let base = match i.kind {
                InputType::Mouse => "virtio-mouse-pci",
                InputType::Tablet => "virtio-tablet-pci",
                InputType::Keyboard => "virtio-keyboard-pci",
                InputType::Passthrough => "virtio-input-host-pci",
                InputType::Evdev => return Err(bad()),
            };
            let driver = virtio_driver(base, i.model.map_or("", |m| m.as_str()))?;
            Props::new()
                .text("driver", place::virtio_driver(&driver, &i.info))
                .and(&place::virtio(Some(&i.driver)))
                .text("id", alias)
                .maybe_text("evdev", i.source.as_ref().map(|s| &s.path))
        }
        _ => return Err(bad()),
    };
    Ok(Some(props.and(&place::device(b, &i.info, "input")?)))
}

pub(super) fn watchdog(b: &mut Builder<'_>, w: &Watchdog) -> Result<()> {
    let alias = super::alias(&w.info)?.to_owned();
    let driver = match w.model {
        // Built into the board; only told not to be deaf.
        WatchdogModel::Itco => {
            b.pair("-global", "ICH9-LPC.noreboot=off".into());
            return Ok(());
        }
        WatchdogModel::I6300esb => "i6300esb",
        WatchdogModel::Ib700 => "ib700",
        WatchdogModel::Diag288 => return Err(Error::config_unsupported("watchdog 'diag288' needs an s390 machine")),
    };
    let place = place::device(b, &w.info, "watchdog")?;
    let props = Props::new().text("driver", driver).text("id", alias).and(&place);
    b.json("-device", &props);
    Ok(())
}

/// One action for all watchdogs.
fn watchdog_action(b: &mut Builder<'_>) {
    let Some(watchdog) = b.domain.devices.watchdogs.first() else { return };
    let word = match watchdog.action {
        // A dump is made by the daemon while the guest stands.
        WatchdogAction::Dump => "pause",
        action => action.as_str(),
    };
    b.pair("-watchdog-action", word.into());
}

fn balloon(b: &Builder<'_>, m: &MemBalloon) -> Result<Option<Props>> {
    let model = match m.model {
        BalloonModel::None => return Ok(None),
        BalloonModel::Virtio => "",
        BalloonModel::Transitional => "virtio-transitional",
        BalloonModel::NonTransitional => "virtio-non-transitional",
        BalloonModel::Xen => {
            return Err(Error::config_unsupported("memory balloon model 'xen' is not supported by QEMU"));
        }
    };
    let props = Props::new()
        .text("driver", place::virtio_driver(&virtio_driver("virtio-balloon-pci", model)?, &m.info))
        .and(&place::virtio(Some(&m.driver)))
        .text("id", super::alias(&m.info)?)
        .maybe_flag("deflate-on-oom", m.autodeflate.map(|v| v.is_on()))
        .maybe_flag("free-page-reporting", m.free_page_reporting.map(|v| v.is_on()));
    Ok(Some(props.and(&place::device(b, &m.info, "memballoon")?)))
}

pub(super) fn rng(b: &mut Builder<'_>, r: &Rng) -> Result<()> {
    let alias = super::alias(&r.info)?.to_owned();
    let object = format!("obj{alias}");
    let backend = match &r.backend {
        RngBackend::Random(path) => Props::new()
            .text("qom-type", "rng-random")
            .text("id", &object)
            .text("filename", path.as_deref().unwrap_or("/dev/urandom")),
        RngBackend::Egd(source) => {
            let id = chardev(b, source, &alias, Use::Plain)?;
            Props::new().text("qom-type", "rng-egd").text("id", &object).text("chardev", id)
        }
        RngBackend::Builtin => Props::new().text("qom-type", "rng-builtin").text("id", &object),
    };
    b.json("-object", &backend);
    let mut props = Props::new()
        .text("driver", place::virtio_driver(&virtio_driver("virtio-rng-pci", r.model.as_str())?, &r.info))
        .and(&place::virtio(Some(&r.driver)))
        .text("rng", object)
        .text("id", alias);
    if let Some(rate) = &r.rate {
        props = props.number("max-bytes", rate.bytes).number("period", rate.period.unwrap_or(1000));
    }
    let place = place::device(b, &r.info, "rng")?;
    b.json("-device", &props.and(&place));
    Ok(())
}

/// The device; none where the board has it.
fn panic(b: &Builder<'_>, p: &Panic) -> Result<Option<Props>> {
    match p.model {
        Some(PanicModel::Isa) | None => {
            Ok(Some(Props::new().text("driver", "pvpanic").and(&place::device(b, &p.info, "panic")?)))
        }
        Some(PanicModel::Pvpanic) => {
            Ok(Some(Props::new().text("driver", "pvpanic-pci").and(&place::device(b, &p.info, "panic")?)))
        }
        Some(PanicModel::Pseries | PanicModel::S390) => Ok(None),
        Some(other) => Err(Error::config_unsupported(format!(
            "panic model '{}' is not supported by this driver yet",
            other.as_str()
        ))),
    }
}
