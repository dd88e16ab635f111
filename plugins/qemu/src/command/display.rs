//! Video cards, sound cards and what is behind them.

use oxivirt_conf::domain::devices::{CodecType, Sound, SoundModel, Video, VideoBackend, VideoType};
use oxivirt_conf::xml::YesNo;
use oxivirt_core::{Error, Result};

use super::{Builder, Props, place};

/// The device of a video card; none for "no card".
pub(super) fn video(b: &mut Builder<'_>, v: &Video) -> Result<Option<Props>> {
    let m = &v.model;
    let primary = m.primary == Some(YesNo::Yes);
    let other = v.driver.name == Some(VideoBackend::VhostUser);
    let accelerated = m.acceleration.as_ref().is_some_and(|a| a.accel3d == Some(YesNo::Yes));
    let driver = match (m.kind, primary) {
        (VideoType::None, _) => return Ok(None),
        (VideoType::Vga, true) => "VGA",
        (VideoType::Vga, false) => {
            return Err(Error::config_unsupported("video type 'vga' is only valid as primary video device"));
        }
        (VideoType::Cirrus, true) => "cirrus-vga",
        (VideoType::Vmvga, true) => "vmware-svga",
        (VideoType::Qxl, true) => "qxl-vga",
        (VideoType::Qxl, false) => "qxl",
        // These have never had the old way of output besides.
        (VideoType::Virtio, true) if matches!(b.domain.os.arch(), "aarch64" | "armv7l" | "armv6l" | "s390x") => {
            "virtio-gpu-pci"
        }
        (VideoType::Virtio, true) if other => "vhost-user-vga",
        (VideoType::Virtio, false) if other => "vhost-user-gpu-pci",
        (VideoType::Virtio, true) if accelerated => "virtio-vga-gl",
        (VideoType::Virtio, true) => "virtio-vga",
        (VideoType::Virtio, false) if accelerated => "virtio-gpu-gl-pci",
        (VideoType::Virtio, false) => "virtio-gpu-pci",
        (VideoType::Bochs, _) => "bochs-display",
        (VideoType::Ramfb, _) => "ramfb",
        (other, _) => {
            return Err(Error::config_unsupported(format!(
                "video type '{}' is not supported by this driver",
                other.as_str()
            )));
        }
    };
    let driver = place::virtio_driver(driver, &v.info);
    if !b.emulator.has_type(&driver) {
        return Err(Error::config_unsupported(format!(
            "domain configuration does not support video model '{}'",
            m.kind.as_str()
        )));
    }
    let alias = super::alias(&v.info)?;
    let mut props = Props::new().text("driver", driver);
    if !other {
        props = props.and(&place::virtio(Some(&v.driver.virtio)));
    }
    props = props.text("id", alias);
    let chardev = match other {
        true => {
            let fd = b.host.vhost_user_video(v)?;
            let id = format!("chr-vu-{alias}");
            b.chardev(format!("socket,id={id},fd={fd}"))?;
            Some(id)
        }
        false => None,
    };
    let bytes = |kib: u32| i128::from(kib) * 1024;
    match m.kind {
        VideoType::Virtio => {
            props = props
                .maybe_number("max_outputs", m.heads)
                .maybe_flag("blob", m.blob.map(|v| v.is_on()))
                .maybe_text("chardev", chardev);
        }
        VideoType::Qxl => {
            props = props
                .maybe_number("max_outputs", m.heads)
                .maybe_number("ram_size", m.ram.map(bytes))
                .maybe_number("vram_size", m.vram.map(bytes))
                .number("vram64_size_mb", m.vram64.unwrap_or(0) / 1024)
                .maybe_number("vgamem_mb", m.vgamem.map(|k| k / 1024));
        }
        VideoType::Vga | VideoType::Vmvga => {
            props = props.maybe_number("vgamem_mb", m.vram.map(|k| k / 1024));
        }
        VideoType::Bochs => props = props.maybe_number("vgamem", m.vram.map(bytes)),
        _ => {}
    }
    if let Some(at) = &m.resolution {
        props = props.number("xres", at.x).number("yres", at.y);
    }
    props = props.maybe_flag("edid", m.edid.map(|v| v.is_on()));
    Ok(Some(props.and(&place::device(b, &v.info, "video")?)))
}

/// The devices of a sound card.
pub(super) fn sound(b: &Builder<'_>, s: &Sound) -> Result<Vec<Props>> {
    let alias = super::alias(&s.info)?;
    let id = s.audio.as_ref().map(|a| a.id).or_else(|| b.domain.devices.audios.first().map(|a| a.id));
    let audiodev = id.map(|id| format!("audio{id}"));
    let place = place::device(b, &s.info, "sound")?;
    let plain = |driver: &str| {
        Props::new().text("driver", driver).text("id", alias).maybe_text("audiodev", audiodev.as_ref()).and(&place)
    };
    Ok(match s.model {
        // Part of the board; it is wired to the audio device there.
        SoundModel::PcSpk => Vec::new(),
        SoundModel::Sb16 => vec![plain("sb16")],
        SoundModel::Es1370 => vec![plain("ES1370")],
        SoundModel::Ac97 => vec![plain("AC97")],
        SoundModel::Usb => vec![
            Props::new()
                .text("driver", "usb-audio")
                .text("id", alias)
                .maybe_flag("multi", s.multichannel.map(YesNo::is_yes))
                .maybe_text("audiodev", audiodev.as_ref())
                .and(&place),
        ],
        SoundModel::Virtio => {
            vec![plain(&place::virtio_driver("virtio-sound-pci", &s.info)).maybe_number("streams", s.streams)]
        }
        SoundModel::Ich6 | SoundModel::Ich9 => {
            let driver = if s.model == SoundModel::Ich6 { "intel-hda" } else { "ich9-intel-hda" };
            let mut devices = vec![Props::new().text("driver", driver).text("id", alias).and(&place)];
            let mut codecs: Vec<CodecType> = s.codecs.iter().map(|c| c.kind).collect();
            if codecs.is_empty() {
                codecs.push(CodecType::Duplex);
            }
            for (cad, kind) in (0u32..).zip(codecs) {
                let driver = match kind {
                    CodecType::Duplex => "hda-duplex",
                    CodecType::Micro => "hda-micro",
                    CodecType::Output => "hda-output",
                };
                devices.push(
                    Props::new()
                        .text("driver", driver)
                        .text("id", format!("{alias}-codec{cad}"))
                        .text("bus", format!("{alias}.0"))
                        .number("cad", cad)
                        .maybe_text("audiodev", audiodev.as_ref()),
                );
            }
            devices
        }
        SoundModel::Ich7 => return Err(Error::config_unsupported("sound model 'ich7' is not supported by QEMU")),
    })
}
