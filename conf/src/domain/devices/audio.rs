//! `<audio>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use crate::xml::{Element, YesNo};
use crate::xml_enum;

xml_enum! {
    pub enum AudioType {
        None = "none", Alsa = "alsa", CoreAudio = "coreaudio", Jack = "jack", Oss = "oss", PulseAudio = "pulseaudio",
        Sdl = "sdl", Spice = "spice", File = "file", DBus = "dbus", Pipewire = "pipewire",
    }
}

/// `<audio>`: where sound goes on the host. Which attributes mean something
/// depends on the type.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Audio {
    #[xml(attr, default)]
    pub id: u32,
    #[xml(attr = "type")]
    pub kind: AudioType,
    /// Microseconds.
    #[xml(attr = "timerPeriod")]
    pub timer_period: Option<u32>,
    #[xml(attr = "tryMMap")]
    pub try_mmap: Option<YesNo>,
    #[xml(attr)]
    pub exclusive: Option<YesNo>,
    #[xml(attr = "dspPolicy")]
    pub dsp_policy: Option<i32>,
    #[xml(attr = "serverName")]
    pub server_name: Option<String>,
    #[xml(attr)]
    pub driver: Option<String>,
    #[xml(attr)]
    pub path: Option<String>,
    #[xml(attr = "runtimeDir")]
    pub runtime_dir: Option<String>,
    #[xml(child)]
    pub input: AudioDirection,
    #[xml(child)]
    pub output: AudioDirection,
}

/// `<input>` or `<output>` of `<audio>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct AudioDirection {
    #[xml(attr = "mixingEngine")]
    pub mixing_engine: Option<YesNo>,
    #[xml(attr = "fixedSettings")]
    pub fixed_settings: Option<YesNo>,
    #[xml(attr)]
    pub voices: Option<u32>,
    /// Microseconds.
    #[xml(attr = "bufferLength")]
    pub buffer_length: Option<u32>,
    #[xml(attr)]
    pub dev: Option<String>,
    #[xml(attr = "serverName")]
    pub server_name: Option<String>,
    #[xml(attr = "clientName")]
    pub client_name: Option<String>,
    #[xml(attr = "connectPorts")]
    pub connect_ports: Option<String>,
    #[xml(attr = "exactName")]
    pub exact_name: Option<YesNo>,
    #[xml(attr)]
    pub name: Option<String>,
    #[xml(attr = "streamName")]
    pub stream_name: Option<String>,
    #[xml(attr = "bufferCount")]
    pub buffer_count: Option<u32>,
    #[xml(attr = "tryPoll")]
    pub try_poll: Option<YesNo>,
    #[xml(attr)]
    pub latency: Option<u32>,
    #[xml(child)]
    pub settings: Option<AudioSettings>,
}

xml_enum! {
    pub enum AudioFormat {
        U8 = "u8", S8 = "s8", U16 = "u16", S16 = "s16", U32 = "u32", S32 = "s32", F32 = "f32",
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct AudioSettings {
    #[xml(attr)]
    pub frequency: Option<u32>,
    #[xml(attr)]
    pub channels: Option<u32>,
    #[xml(attr)]
    pub format: Option<AudioFormat>,
}
