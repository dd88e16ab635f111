//! All virtio devices, whatever bus they sit on.

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::{
    BalloonModel, ControllerType, DeviceInfo, DiskBus, HostdevSource, InputBus, MdevModel, MemoryModel, SoundModel,
    VideoType,
};

/// Those that could sit on any bus for virtio, in the order in which places
/// are given out.
///
/// * `channels` – with host devices on the channel subsystem of s390.
pub(super) fn devices(domain: &mut DomainDefinition, channels: bool) -> Vec<&mut DeviceInfo> {
    let d = &mut domain.devices;
    let mut all: Vec<&mut DeviceInfo> = Vec::new();
    all.extend(d.disks.iter_mut().filter(|x| x.target.bus == Some(DiskBus::Virtio)).map(|x| &mut x.info));
    let virtio = |model: Option<&str>| model.is_some_and(|model| model.starts_with("virtio"));
    all.extend(d.interfaces.iter_mut().filter(|x| virtio(x.model.as_deref())).map(|x| &mut x.info));
    all.extend(d.sounds.iter_mut().filter(|x| x.model == SoundModel::Virtio).map(|x| &mut x.info));
    let hostdevs = d.hostdevs.iter_mut().filter(|x| match x.source {
        HostdevSource::ScsiHost { .. } => true,
        HostdevSource::Mdev { model, .. } => channels && model == MdevModel::VfioCcw,
        _ => false,
    });
    all.extend(hostdevs.map(|x| &mut x.info));
    all.extend(d.videos.iter_mut().filter(|x| x.model.kind == VideoType::Virtio).map(|x| &mut x.info));
    let controllers = d.controllers.iter_mut().filter(|x| match x.kind {
        ControllerType::VirtioSerial => true,
        ControllerType::Scsi => virtio(x.model.as_deref()),
        _ => false,
    });
    all.extend(controllers.map(|x| &mut x.info));
    all.extend(d.inputs.iter_mut().filter(|x| x.bus == Some(InputBus::Virtio)).map(|x| &mut x.info));
    all.extend(d.filesystems.iter_mut().map(|x| &mut x.info));
    let balloons = d.memballoons.iter_mut().filter(|x| !matches!(x.model, BalloonModel::None | BalloonModel::Xen));
    all.extend(balloons.map(|x| &mut x.info));
    all.extend(d.rngs.iter_mut().map(|x| &mut x.info));
    let memories =
        d.memories.iter_mut().filter(|x| matches!(x.model, MemoryModel::VirtioMem | MemoryModel::VirtioPmem));
    all.extend(memories.map(|x| &mut x.info));
    all.extend(d.vsocks.iter_mut().map(|x| &mut x.info));
    all.extend(d.cryptos.iter_mut().map(|x| &mut x.info));
    all
}
