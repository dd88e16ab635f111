//! Devices that are one object or one line each.

use oxivirt_conf::domain::devices::{
    Crypto, CryptoBackendModel, Iommu, IommuModel, Pstore, RedirDev, RedirRule, Shmem, ShmemModel, ShmemRole,
    Smartcard, SmartcardKind, VirtioModel, Vsock,
};
use oxivirt_conf::xml::YesNo;
use oxivirt_core::{Error, Result};

use super::chardev::{Use, chardev};
use super::controller::virtio_driver;
use super::{Builder, Props, alias, escape, place};

/// An IOMMU that is a device; others are part of the board.
pub(super) fn iommu(b: &mut Builder<'_>, iommu: &Iommu) -> Result<()> {
    let d = &iommu.driver;
    let on = |v: Option<oxivirt_conf::xml::OnOff>| v.map(|v| v.is_on());
    let props = match iommu.model {
        IommuModel::SmmuV3 => return Ok(()),
        IommuModel::Intel => Props::new()
            .text("driver", "intel-iommu")
            .text("id", alias(&iommu.info)?)
            .maybe_on_off("intremap", on(d.intremap))
            .maybe_flag("caching-mode", on(d.caching_mode))
            .maybe_on_off("eim", on(d.eim))
            .maybe_flag("device-iotlb", on(d.iotlb))
            .maybe_number("aw-bits", d.aw_bits)
            .maybe_flag("dma-translation", on(d.dma_translation)),
        IommuModel::Virtio => {
            let place = place::device(b, &iommu.info, "iommu")?;
            Props::new().text("driver", "virtio-iommu").text("id", alias(&iommu.info)?).and(&place)
        }
    };
    b.json("-device", &props);
    Ok(())
}

pub(super) fn smartcard(b: &mut Builder<'_>, card: &Smartcard) -> Result<()> {
    let alias = alias(&card.info)?.to_owned();
    let emulated = |backend: &str| Props::new().text("driver", "ccid-card-emulated").text("backend", backend);
    let props = match &card.kind {
        SmartcardKind::Host => emulated("nss-emulated"),
        SmartcardKind::HostCertificates { certificates: [first, second, third], database } => emulated("certificates")
            .text("cert1", first)
            .text("cert2", second)
            .text("cert3", third)
            .text("db", database.as_deref().unwrap_or("/etc/pki/nssdb")),
        SmartcardKind::Passthrough(source) => {
            let id = chardev(b, source, &alias, Use::Plain)?;
            Props::new().text("driver", "ccid-card-passthru").text("chardev", id)
        }
    };
    let place = place::device(b, &card.info, "smartcard")?;
    b.json("-device", &props.text("id", alias).and(&place));
    Ok(())
}

pub(super) fn redirdev(b: &mut Builder<'_>, device: &RedirDev) -> Result<()> {
    let alias = alias(&device.info)?.to_owned();
    let id = chardev(b, &device.source, &alias, Use::Plain)?;
    let mut props = Props::new().text("driver", "usb-redir").text("chardev", id).text("id", alias);
    if let Some(filter) = &b.domain.devices.redir_filter {
        let rules: Result<Vec<String>> = filter.rules.iter().map(rule).collect();
        props = props.text("filter", rules?.join("|"));
    }
    let place = place::device(b, &device.info, "redirdev")?;
    let props = props.maybe_number("bootindex", b.boot_index(&device.info)).and(&place);
    b.json("-device", &props);
    Ok(())
}

/// Class, vendor, product, version, allowed; -1 for whatever it is.
fn rule(rule: &RedirRule) -> Result<String> {
    let hex = |value: Option<u32>, width: usize| match value {
        Some(value) => format!("0x{value:0width$X}"),
        None => "-1".to_owned(),
    };
    let version = match rule.version.as_deref() {
        None | Some("-1") => "-1".to_owned(),
        // Both parts are digits as USB counts them.
        Some(text) => {
            let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
            let parts = major.parse::<u32>().ok().zip(minor.parse::<u32>().ok());
            let (major, minor) = parts.ok_or_else(|| Error::xml(format!("'{text}' is no version of USB")))?;
            let digits = |n: u32| ((n / 10 % 10) << 4) | (n % 10);
            format!("0x{:04X}", (digits(major) << 8) | digits(minor))
        }
    };
    Ok(format!(
        "{}:{}:{}:{version}:{}",
        hex(rule.class.map(u32::from), 2),
        hex(rule.vendor.map(u32::from), 4),
        hex(rule.product.map(u32::from), 4),
        u8::from(rule.allow.is_yes())
    ))
}

pub(super) fn shmem(b: &mut Builder<'_>, shmem: &Shmem) -> Result<()> {
    let alias = alias(&shmem.info)?.to_owned();
    let mut props = match shmem.model {
        ShmemModel::Ivshmem => {
            return Err(Error::config_unsupported("shmem model 'ivshmem' is not supported by this QEMU binary"));
        }
        ShmemModel::IvshmemPlain => {
            let id = format!("shmmem-{alias}");
            let object = Props::new()
                .text("qom-type", "memory-backend-file")
                .text("id", &id)
                .text("mem-path", format!("/dev/shm/{}", shmem.name))
                .number("size", shmem.size.unwrap_or(4 << 20))
                .flag("share", true);
            b.json("-object", &object);
            Props::new().text("driver", "ivshmem-plain").text("id", &alias).text("memdev", id)
        }
        ShmemModel::IvshmemDoorbell => {
            let usual = format!("/var/lib/libvirt/shmem-{}-sock", shmem.name);
            let path = shmem.server.as_ref().and_then(Option::as_ref).unwrap_or(&usual);
            let id = format!("char{alias}");
            b.chardev(format!("socket,id={id},path={}", escape(path)))?;
            let msi = shmem.msi.as_ref();
            Props::new()
                .text("driver", "ivshmem-doorbell")
                .text("id", &alias)
                .text("chardev", id)
                .maybe_number("vectors", msi.and_then(|m| m.vectors))
                .maybe_flag("ioeventfd", msi.and_then(|m| m.ioeventfd).map(|v| v.is_on()))
        }
    };
    props = props.maybe_on_off("master", shmem.role.map(|role| role == ShmemRole::Master));
    let place = place::device(b, &shmem.info, "shmem")?;
    b.json("-device", &props.and(&place));
    Ok(())
}

pub(super) fn vsock(b: &mut Builder<'_>, vsock: &Vsock) -> Result<()> {
    let asked = vsock.cid.as_ref().filter(|cid| !cid.auto.is_some_and(YesNo::is_yes)).and_then(|cid| cid.address);
    let (fd, cid) = b.host.vsock(asked)?;
    let driver = virtio_driver("vhost-vsock-pci", vsock.model.map_or("", VirtioModel::as_str))?;
    let place = place::device(b, &vsock.info, "vsock")?;
    let props = Props::new()
        .text("driver", place::virtio_driver(&driver, &vsock.info))
        .and(&place::virtio(Some(&vsock.driver)))
        .text("id", alias(&vsock.info)?)
        .number("guest-cid", cid)
        .text("vhostfd", fd.to_string())
        .and(&place);
    b.json("-device", &props);
    Ok(())
}

pub(super) fn crypto(b: &mut Builder<'_>, crypto: &Crypto) -> Result<()> {
    let alias = alias(&crypto.info)?.to_owned();
    let object = format!("obj{alias}");
    let backend = crypto.backend.as_ref();
    let kind = match backend.map(|c| c.model) {
        Some(CryptoBackendModel::Builtin) | None => "cryptodev-backend-builtin",
        Some(CryptoBackendModel::Lkcf) => "cryptodev-backend-lkcf",
    };
    let props =
        Props::new().text("qom-type", kind).text("id", &object).maybe_number("queues", backend.and_then(|c| c.queues));
    b.json("-object", &props);
    let place = place::device(b, &crypto.info, "crypto")?;
    let props = Props::new()
        .text("driver", place::virtio_driver("virtio-crypto-pci", &crypto.info))
        .and(&place::virtio(Some(&crypto.driver)))
        .text("cryptodev", object)
        .text("id", alias)
        .and(&place);
    b.json("-device", &props);
    Ok(())
}

pub(super) fn pstore(b: &mut Builder<'_>, pstore: &Pstore) -> Result<()> {
    let alias = alias(&pstore.info)?.to_owned();
    let path = pstore.path.as_deref().ok_or_else(|| Error::xml("<pstore> without a path"))?;
    let size = pstore.size.ok_or_else(|| Error::xml("<pstore> without a size"))?;
    let memory = format!("mem{alias}");
    let object = Props::new()
        .text("qom-type", "memory-backend-file")
        .text("id", &memory)
        .text("mem-path", path)
        .number("size", size.0.saturating_mul(1024))
        .flag("share", true);
    b.json("-object", &object);
    let place = place::device(b, &pstore.info, "pstore")?;
    let props = Props::new().text("driver", "acpi-erst").text("id", alias).text("memdev", memory).and(&place);
    b.json("-device", &props);
    Ok(())
}
