//! `-audiodev`: the host's side of sound.

use oxivirt_conf::domain::devices::{Audio, AudioDirection, AudioType};
use oxivirt_conf::xml::YesNo;
use oxivirt_core::{Error, Result};

use super::{Builder, Props};

/// One backend with what the definition says of both directions.
pub(super) fn audio(b: &mut Builder<'_>, a: &Audio) -> Result<Props> {
    let driver = match a.kind {
        AudioType::None => "none",
        AudioType::Spice => "spice",
        AudioType::DBus => "dbus",
        AudioType::File => "wav",
        AudioType::Sdl => "sdl",
        AudioType::Alsa => "alsa",
        AudioType::Oss => "oss",
        AudioType::PulseAudio => "pa",
        AudioType::Jack => "jack",
        AudioType::Pipewire => "pipewire",
        AudioType::CoreAudio => return Err(Error::config_unsupported("audio type 'coreaudio' is not there on Linux")),
    };
    // What QEMU leaves to its libraries.
    let variable = match a.kind {
        AudioType::Sdl => a.driver.as_ref().map(|driver| ("SDL_AUDIODRIVER", driver)),
        AudioType::Pipewire => a.runtime_dir.as_ref().map(|folder| ("PIPEWIRE_RUNTIME_DIR", folder)),
        _ => None,
    };
    if let Some((name, value)) = variable {
        b.environment.push((name.to_owned(), value.clone()));
    }
    let mut props = Props::new()
        .text("id", format!("audio{}", a.id))
        .text("driver", driver)
        .maybe_number("timer-period", a.timer_period)
        .maybe_text("server", a.server_name.as_ref())
        .maybe_flag("try-mmap", a.try_mmap.map(YesNo::is_yes))
        .maybe_flag("exclusive", a.exclusive.map(YesNo::is_yes))
        .maybe_number("dsp-policy", a.dsp_policy)
        .maybe_text("path", a.path.as_ref());
    for (name, direction) in [("in", &a.input), ("out", &a.output)] {
        if *direction != AudioDirection::default() {
            props = props.object(name, &self::direction(direction));
        }
    }
    Ok(props)
}

fn direction(d: &AudioDirection) -> Props {
    let mut props = Props::new()
        .maybe_flag("mixing-engine", d.mixing_engine.map(YesNo::is_yes))
        .maybe_flag("fixed-settings", d.fixed_settings.map(YesNo::is_yes))
        .maybe_number("voices", d.voices)
        .maybe_number("buffer-length", d.buffer_length);
    if let Some(settings) = &d.settings {
        props = props
            .maybe_number("frequency", settings.frequency)
            .maybe_number("channels", settings.channels)
            .maybe_text("format", settings.format.map(|f| f.as_str()));
    }
    props
        .maybe_text("dev", d.dev.as_ref())
        .maybe_text("server-name", d.server_name.as_ref())
        .maybe_text("client-name", d.client_name.as_ref())
        .maybe_text("connect-ports", d.connect_ports.as_ref())
        .maybe_flag("exact-name", d.exact_name.map(YesNo::is_yes))
        .maybe_text("name", d.name.as_ref())
        .maybe_text("stream-name", d.stream_name.as_ref())
        .maybe_number("buffer-count", d.buffer_count)
        .maybe_flag("try-poll", d.try_poll.map(YesNo::is_yes))
        .maybe_number("latency", d.latency)
}
