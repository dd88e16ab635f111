//! Folders of the host in the guest.

use oxivirt_conf::domain::devices::{
    AccessMode, Filesystem, FilesystemDriverType, FilesystemType, Multidevs, VirtioModel, WritePolicy,
};
use oxivirt_core::{Error, Result};

use super::controller::virtio_driver;
use super::{Builder, Props, alias, escape, place};

pub(super) fn filesystem(b: &mut Builder<'_>, fs: &Filesystem) -> Result<()> {
    if fs.kind != FilesystemType::Mount {
        return Err(Error::config_unsupported(format!(
            "filesystem type '{}' is not supported by QEMU",
            fs.kind.as_str()
        )));
    }
    match fs.driver.kind {
        None | Some(FilesystemDriverType::Path) => plan9(b, fs, "local"),
        Some(FilesystemDriverType::Handle) => plan9(b, fs, "handle"),
        Some(FilesystemDriverType::Virtiofs) => virtiofs(b, fs),
        Some(other) => Err(Error::config_unsupported(format!(
            "filesystem driver type '{}' is not supported by QEMU",
            other.as_str()
        ))),
    }
}

fn plan9(b: &mut Builder<'_>, fs: &Filesystem, driver: &str) -> Result<()> {
    let alias = alias(&fs.info)?.to_owned();
    let id = format!("fsdev-{alias}");
    let source = fs.source.path.as_deref().ok_or_else(|| Error::xml("a filesystem without a folder"))?;
    let mut text = driver.to_owned();
    if driver == "local" {
        text.push_str(match fs.accessmode {
            Some(AccessMode::Mapped) => ",security_model=mapped",
            Some(AccessMode::Squash) => ",security_model=none",
            Some(AccessMode::Passthrough) | None => ",security_model=passthrough",
        });
        if let Some(multidevs) = fs.multidevs.filter(|m| *m != Multidevs::Default) {
            text.push_str(&format!(",multidevs={}", multidevs.as_str()));
        }
        for (name, mode) in [("fmode", fs.fmode), ("dmode", fs.dmode)] {
            if let Some(mode) = mode {
                text.push_str(&format!(",{name}={mode:04o}"));
            }
        }
    }
    if fs.driver.wrpolicy == Some(WritePolicy::Immediate) {
        text.push_str(",writeout=immediate");
    }
    text.push_str(&format!(",id={id},path={}", escape(source)));
    if fs.readonly {
        text.push_str(",readonly=on");
    }
    b.pair("-fsdev", text);
    let device = virtio_driver("virtio-9p-pci", fs.model.map_or("", VirtioModel::as_str))?;
    let place = place::device(b, &fs.info, "filesystem")?;
    let props = Props::new()
        .text("driver", place::virtio_driver(&device, &fs.info))
        .and(&place::virtio(Some(&fs.driver.virtio)))
        .text("id", alias)
        .text("fsdev", id)
        .text("mount_tag", &fs.target)
        .and(&place);
    b.json("-device", &props);
    Ok(())
}

fn virtiofs(b: &mut Builder<'_>, fs: &Filesystem) -> Result<()> {
    let alias = alias(&fs.info)?.to_owned();
    let id = format!("chr-vu-{alias}");
    let socket = match &fs.source.socket {
        Some(socket) => socket.clone(),
        None => {
            let socket = b.state_file(&format!("{alias}-fs.sock"));
            b.host.virtiofs(fs, &socket)?;
            socket
        }
    };
    b.chardev(format!("socket,id={id},path={}", escape(&socket)))?;
    let place = place::device(b, &fs.info, "filesystem")?;
    let props = Props::new()
        .text("driver", place::virtio_driver("vhost-user-fs-pci", &fs.info))
        .and(&place::virtio(Some(&fs.driver.virtio)))
        .text("id", alias)
        .text("chardev", id)
        .maybe_number("queue-size", fs.driver.queue)
        .text("tag", &fs.target)
        .maybe_number("bootindex", b.boot_index(&fs.info))
        .and(&place);
    b.json("-device", &props);
    Ok(())
}
