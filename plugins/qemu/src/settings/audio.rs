//! The host's own sound system, for guests whose definitions do not speak of sound.

use oxivirt_conf::domain::devices::{Audio, AudioType};

/// When guests use the host's sound system, and which one that is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostAudio {
    /// Also guests with a VNC display.
    pub with_vnc: bool,
    /// Also guests without any display.
    pub without_display: bool,
    /// The sound system in QEMU's word, as in the variable `QEMU_AUDIO_DRV` of the daemon.
    pub system: Option<String>,
    /// What SDL plays through, as in the variable `SDL_AUDIODRIVER` of the daemon.
    pub sdl_driver: Option<String>,
}

impl HostAudio {
    /// With the sound system that the daemon's own variables name.
    pub(super) fn named_by_environment(with_vnc: bool, without_display: bool) -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self { with_vnc, without_display, system: variable("QEMU_AUDIO_DRV"), sdl_driver: variable("SDL_AUDIODRIVER") }
    }

    /// The host's sound system; none where nobody named one that is known.
    pub fn audio(&self) -> Option<Audio> {
        let kind = match self.system.as_deref()? {
            "none" => AudioType::None,
            "alsa" => AudioType::Alsa,
            "coreaudio" => AudioType::CoreAudio,
            "dbus" => AudioType::DBus,
            "jack" => AudioType::Jack,
            "oss" => AudioType::Oss,
            "pa" => AudioType::PulseAudio,
            "pipewire" => AudioType::Pipewire,
            "sdl" => AudioType::Sdl,
            "spice" => AudioType::Spice,
            "wav" => AudioType::File,
            other => {
                tracing::warn!(system = other, "QEMU_AUDIO_DRV names no sound system that is known");
                return None;
            }
        };
        let driver = self.sdl_driver.clone().filter(|_| kind == AudioType::Sdl);
        Some(Audio { id: 1, kind, driver, ..Audio::default() })
    }
}
