//! `<devices>` and where memory comes from.

use oxivirt_conf::domain_capabilities::{Devices, Support};

use super::{Subject, Surroundings, present};
use crate::capabilities::Emulator;

pub(super) fn memory_backing(emulator: &Emulator) -> Support {
    let kinds = [
        ("file", emulator.has_type("memory-backend-file")),
        ("anonymous", true),
        ("memfd", emulator.has_type("memory-backend-memfd")),
    ];
    Support::yes().with("sourceType", present(&kinds))
}

pub(super) fn devices(subject: Subject<'_>, host: &Surroundings) -> Devices {
    Devices {
        disk: Some(disk(subject)),
        graphics: Some(graphics(subject.emulator)),
        video: Some(video(subject)),
        hostdev: Some(hostdev(subject, host)),
        rng: Some(rng(subject)),
        filesystem: Some(filesystem(subject)),
        tpm: Some(tpm(subject, host)),
        redirdev: Some(redirdev(subject)),
        channel: Some(channel(subject)),
        crypto: Some(crypto(subject)),
        interface: Some(interface(subject.emulator)),
        panic: Some(panic(subject)),
    }
}

fn disk(subject: Subject<'_>) -> Support {
    let pseries = subject.board("pseries");
    let kinds = [("disk", true), ("cdrom", true), ("floppy", !pseries), ("lun", true)];
    let buses = [
        ("ide", has_ide(subject)),
        ("fdc", !pseries),
        ("scsi", true),
        ("virtio", true),
        ("usb", subject.has("usb-storage")),
        ("sata", subject.has("ich9-ahci")),
    ];
    Support::yes()
        .with("diskDevice", present(&kinds))
        .with("bus", present(&buses))
        .with("model", virtio_models(subject, "virtio-blk-pci"))
}

/// Whether the board brings an IDE controller.
fn has_ide(subject: Subject<'_>) -> bool {
    match subject.arch() {
        "x86_64" | "i686" => {
            subject.machine.name == "pc" || subject.machine.name.starts_with("pc-") && !subject.board("pc-q35")
        }
        "sparc64" => subject.board("sun4u"),
        "mips" | "mipsel" | "mips64" | "mips64el" => subject.board("malta"),
        "ppc" | "ppc64" => subject.board("g3beige") || subject.board("mac99"),
        _ => false,
    }
}

/// The models of a device with a twin for each generation of the standard.
fn virtio_models(subject: Subject<'_>, pci: &str) -> Vec<&'static str> {
    let transitional = subject.has(&format!("{pci}-transitional"));
    let strict = subject.has(&format!("{pci}-non-transitional"));
    present(&[("virtio", true), ("virtio-transitional", transitional), ("virtio-non-transitional", strict)])
}

fn graphics(emulator: &Emulator) -> Support {
    let display = |kind: &str| emulator.displays.contains(kind);
    let kinds = [
        ("sdl", display("sdl")),
        ("vnc", emulator.has_command("query-vnc")),
        // Served by a program of its own, which QEMU feeds over the message bus.
        ("rdp", display("dbus")),
        ("spice", emulator.has_command("query-spice")),
        ("egl-headless", display("egl-headless")),
        ("dbus", display("dbus")),
    ];
    Support::yes().with("type", present(&kinds))
}

fn video(subject: Subject<'_>) -> Support {
    let has = |name: &str| subject.has(name);
    let models = [
        ("vga", has("VGA")),
        ("cirrus", has("cirrus-vga")),
        ("vmvga", has("vmware-svga")),
        ("qxl", has("qxl")),
        ("virtio", has("virtio-gpu-pci") || has("virtio-gpu-ccw") || has("virtio-gpu-device")),
        ("none", true),
        ("bochs", has("bochs-display")),
        ("ramfb", has("ramfb")),
    ];
    Support::yes().with("modelType", present(&models))
}

fn hostdev(subject: Subject<'_>, host: &Surroundings) -> Support {
    let vfio = host.vfio && subject.has("vfio-pci");
    Support::yes()
        .with("mode", ["subsystem"])
        .with("startupPolicy", ["default", "mandatory", "requisite", "optional"])
        .with("subsysType", present(&[("usb", true), ("pci", true), ("scsi", true)]))
        .with("capsType", Vec::<String>::new())
        .with("pciBackend", present(&[("default", vfio), ("vfio", vfio)]))
}

fn rng(subject: Subject<'_>) -> Support {
    let has = |name: &str| subject.has(name);
    let there = has("virtio-rng-pci") || has("virtio-rng-ccw") || has("virtio-rng-device");
    if !there {
        return Support::no();
    }
    Support::yes().with("model", virtio_models(subject, "virtio-rng-pci")).with(
        "backendModel",
        present(&[("random", has("rng-random")), ("egd", has("rng-egd")), ("builtin", has("rng-builtin"))]),
    )
}

fn filesystem(subject: Subject<'_>) -> Support {
    let shared = subject.has("virtio-9p-device");
    let kinds = [("path", shared), ("handle", shared), ("virtiofs", subject.has("vhost-user-fs-device"))];
    some("driverType", &kinds)
}

fn tpm(subject: Subject<'_>, host: &Surroundings) -> Support {
    let emulator = subject.emulator;
    let model = |name: &str| emulator.tpm_models.contains(name);
    let models = [
        ("tpm-tis", model("tpm-tis")),
        ("tpm-crb", model("tpm-crb")),
        ("tpm-spapr", model("tpm-spapr")),
        ("spapr-tpm-proxy", subject.has("spapr-tpm-proxy")),
    ];
    let software = emulator.tpm_types.contains("emulator");
    let backends = [
        ("passthrough", emulator.tpm_types.contains("passthrough")),
        ("emulator", software && !host.tpm_versions.is_empty()),
        ("external", software),
    ];
    let (models, backends) = (present(&models), present(&backends));
    if models.is_empty() || backends.is_empty() {
        return Support::no();
    }
    let versions = if software { host.tpm_versions.clone() } else { Vec::new() };
    Support::yes().with("model", models).with("backendModel", backends).with("backendVersion", versions)
}

fn redirdev(subject: Subject<'_>) -> Support {
    some("bus", &[("usb", subject.has("usb-redir"))])
}

fn channel(subject: Subject<'_>) -> Support {
    Support::yes()
        .with("type", present(&[("pty", true), ("unix", true), ("spicevmc", subject.has("chardev-spicevmc"))]))
}

fn crypto(subject: Subject<'_>) -> Support {
    let backends =
        [("builtin", subject.has("cryptodev-backend-builtin")), ("lkcf", subject.has("cryptodev-backend-lkcf"))];
    match subject.has("virtio-crypto-device") {
        true => {
            Support::yes().with("model", ["virtio"]).with("type", ["qemu"]).with("backendModel", present(&backends))
        }
        false => Support::no(),
    }
}

fn interface(emulator: &Emulator) -> Support {
    some("backendType", &[("default", true), ("passt", emulator.netdevs.contains("stream"))])
}

fn panic(subject: Subject<'_>) -> Support {
    some(
        "model",
        &[
            ("isa", subject.is_x86() && subject.has("pvpanic")),
            ("pseries", subject.board("pseries")),
            ("hyperv", subject.is_x86()),
            ("s390", subject.arch() == "s390x"),
            ("pvpanic", subject.has("pvpanic-pci")),
        ],
    )
}

/// Supported when there is any value at all.
fn some(name: &str, values: &[(&str, bool)]) -> Support {
    match present(values) {
        values if values.is_empty() => Support::no(),
        values => Support::yes().with(name, values),
    }
}
