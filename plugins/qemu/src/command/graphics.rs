//! `-display`, `-vnc`, `-spice`.

use oxivirt_conf::domain::devices::{DBus, Graphics, GraphicsKind, Listen, Spice, SpiceChannelMode, Vnc};
use oxivirt_conf::xml::YesNo;
use oxivirt_core::{Error, Result};

use super::storage::certificates;
use super::{Builder, escape, on_off};
use crate::settings::DisplayRules;

/// The `-display` option that comes early: there is none where nothing shows the guest.
pub(super) fn display(b: &mut Builder<'_>) {
    if b.domain.devices.graphics.is_empty() {
        b.pair("-display", "none".into());
    }
}

pub(super) fn graphics(b: &mut Builder<'_>, g: &Graphics) -> Result<()> {
    match &g.kind {
        GraphicsKind::Vnc(vnc) => self::vnc(b, g, vnc),
        GraphicsKind::Spice(spice) => self::spice(b, g, spice),
        GraphicsKind::EglHeadless { rendernode } => {
            let node = match rendernode {
                Some(node) => node.clone(),
                None => b.host.render_node()?,
            };
            b.pair("-display", format!("egl-headless,rendernode={}", escape(&node)));
            Ok(())
        }
        GraphicsKind::Sdl { display, xauth, fullscreen, gl } => {
            for (name, value) in [("XAUTHORITY", xauth), ("DISPLAY", display)] {
                if let Some(value) = value {
                    b.environment.push((name.to_owned(), value.clone()));
                }
            }
            if fullscreen.is_some_and(YesNo::is_yes) {
                b.flag("-full-screen");
            }
            let gl = gl.map(|gl| format!(",gl={}", on_off(gl.is_yes()))).unwrap_or_default();
            b.pair("-display", format!("sdl{gl}"));
            Ok(())
        }
        GraphicsKind::DBus(dbus) => self::dbus(b, dbus),
        GraphicsKind::Rdp(_) => Err(unsupported("rdp")),
        GraphicsKind::Desktop { .. } => Err(unsupported("desktop")),
    }
}

fn dbus(b: &mut Builder<'_>, dbus: &DBus) -> Result<()> {
    let mut text = "dbus".to_owned();
    match (&dbus.address, dbus.p2p) {
        (_, true) => text.push_str(",p2p=on"),
        (Some(address), false) => text.push_str(&format!(",addr={}", escape(address))),
        (None, false) => {
            let socket = b.host.message_bus()?;
            text.push_str(&format!(",addr=unix:path={}", escape(&socket)));
        }
    }
    if let Some(enable) = dbus.gl.enable {
        text.push_str(&format!(",gl={}", on_off(enable.is_yes())));
    }
    if let Some(node) = &dbus.gl.rendernode {
        text.push_str(&format!(",rendernode={}", escape(node)));
    }
    if let Some(id) = dbus.audio {
        text.push_str(&format!(",audiodev=audio{id}"));
    }
    b.pair("-display", text);
    Ok(())
}

fn vnc(b: &mut Builder<'_>, g: &Graphics, vnc: &Vnc) -> Result<()> {
    let mut text = match g.listens.first() {
        Some(Listen::Socket { socket, .. }) => {
            let path = match socket {
                Some(path) => path.clone(),
                None => b.state_file("vnc.sock"),
            };
            format!("vnc=unix:{}", escape(&path))
        }
        Some(Listen::None) => "none".to_owned(),
        Some(Listen::Address { address, .. }) | Some(Listen::Network { address, .. }) => {
            tcp(vnc.port, address.as_deref())?
        }
        None => tcp(vnc.port, None)?,
    };
    if let Some(policy) = vnc.share_policy {
        text.push_str(&format!(",share={}", policy.as_str()));
    }
    if let Some(websocket) = vnc.websocket {
        if websocket > 0 {
            text.push_str(&format!(",websocket={websocket}"));
        } else {
            return Err(Error::internal("VNC websocket port was not allocated"));
        }
    }
    let settings = b.settings;
    if vnc.auth.passwd.is_some() || settings.vnc.password.is_some() {
        text.push_str(",password=on");
    }
    if let Some(found) = &settings.vnc.tls {
        certificates(b, "vnc-tls-creds0", "vnc-tls-creds0-secret0", found, true)?;
        text.push_str(",tls-creds=vnc-tls-creds0");
    }
    if settings.vnc.sasl {
        text.push_str(",sasl=on");
        sasl_folder(b, &settings.vnc);
    }
    if let Some(control) = vnc.power_control {
        text.push_str(&format!(",power-control={}", on_off(control.is_yes())));
    }
    if let Some(id) = vnc.audio.map(|id| format!("audio{id}")).or_else(|| b.audio_for_displays()) {
        text.push_str(&format!(",audiodev={id}"));
    }
    b.pair("-vnc", text);
    if let Some(keymap) = &vnc.keymap {
        b.pair("-k", keymap.clone());
    }
    if let Some(wait) = vnc.wait {
        return Err(Error::config_unsupported(format!("VNC wait='{wait}' is not supported by this driver yet")));
    }
    Ok(())
}

/// QEMU counts displays from port 5900.
fn tcp(port: i32, address: Option<&str>) -> Result<String> {
    let display = port
        .checked_sub(5900)
        .filter(|n| *n >= 0)
        .ok_or_else(|| Error::config_unsupported(format!("vnc port must be in range [5900,65535], not {port}")))?;
    Ok(match address {
        Some(v6) if v6.contains(':') => format!("[{v6}]:{display}"),
        Some(address) => format!("{address}:{display}"),
        None => format!("127.0.0.1:{display}"),
    })
}

fn spice(b: &mut Builder<'_>, g: &Graphics, spice: &Spice) -> Result<()> {
    let mut parts: Vec<String> = Vec::new();
    match g.listens.first() {
        Some(Listen::Socket { socket, .. }) => {
            let path = match socket {
                Some(path) => path.clone(),
                None => b.state_file("spice.sock"),
            };
            parts.push("unix=on".into());
            parts.push(format!("addr={}", escape(&path)));
        }
        Some(Listen::None) => parts.push("port=0".into()),
        listen => {
            if spice.tls_port > 0 && b.settings.spice.tls.is_none() {
                return Err(Error::config_unsupported(
                    "spice TLS port set in XML configuration, but TLS is disabled in qemu.conf",
                ));
            }
            let address = match listen {
                Some(Listen::Address { address, .. }) | Some(Listen::Network { address, .. }) => address.as_deref(),
                _ => None,
            };
            if spice.port > 0 || spice.tls_port <= 0 {
                parts.push(format!("port={}", spice.port.max(0)));
            }
            if spice.tls_port > 0 {
                parts.push(format!("tls-port={}", spice.tls_port));
            }
            if spice.port > 0 || spice.tls_port > 0 {
                parts.push(format!("addr={}", escape(address.unwrap_or("127.0.0.1"))));
            }
        }
    }
    let settings = b.settings;
    if settings.spice.sasl {
        parts.push("sasl=on".into());
        sasl_folder(b, &settings.spice);
    }
    if spice.auth.passwd.is_none()
        && b.settings.spice.password.is_none()
        && (spice.port > 0 || spice.tls_port > 0)
        && !matches!(g.listens.first(), Some(Listen::Socket { .. } | Listen::None))
    {
        parts.push("disable-ticketing=on".into());
    }
    if let Some(found) = settings.spice.tls.as_ref().filter(|_| spice.tls_port > 0) {
        parts.push(format!("x509-dir={}", escape(&found.folder.to_string_lossy())));
    }
    let default = spice.default_mode.map(|mode| ("default", mode));
    let channels = spice.channels.iter().map(|channel| (channel.name.as_str(), channel.mode));
    for (name, mode) in default.into_iter().chain(channels) {
        match mode {
            SpiceChannelMode::Any => {}
            SpiceChannelMode::Secure if spice.tls_port > 0 => parts.push(format!("tls-channel={name}")),
            SpiceChannelMode::Secure => {
                return Err(Error::config_unsupported(format!(
                    "spice channel '{name}' shall be secure, but there is no TLS port"
                )));
            }
            SpiceChannelMode::Insecure => parts.push(format!("plaintext-channel={name}")),
        }
    }
    let mut word = |name: &str, value: Option<&str>| parts.extend(value.map(|v| format!("{name}={v}")));
    word("image-compression", spice.image.map(|v| v.as_str()));
    word("jpeg-wan-compression", spice.jpeg.map(|v| v.as_str()));
    word("zlib-glz-wan-compression", spice.zlib.map(|v| v.as_str()));
    word("playback-compression", spice.playback.map(|v| v.as_str()));
    word("streaming-video", spice.streaming.map(|v| v.as_str()));
    if spice.mouse.is_some_and(|m| m.as_str() == "server") {
        parts.push("agent-mouse=off".into());
    }
    if spice.clipboard.is_some_and(|v| !v.is_yes()) {
        parts.push("disable-copy-paste=on".into());
    }
    if spice.filetransfer.is_some_and(|v| !v.is_yes()) {
        parts.push("disable-agent-file-xfer=on".into());
    }
    if let Some(enable) = spice.gl.enable {
        parts.push(format!("gl={}", on_off(enable.is_yes())));
        if enable.is_yes() {
            let node = match &spice.gl.rendernode {
                Some(node) => node.clone(),
                None => b.host.render_node()?,
            };
            parts.push(format!("rendernode={}", escape(&node)));
        }
    }
    parts.push("seamless-migration=on".into());
    b.pair("-spice", parts.join(","));
    if let Some(keymap) = &spice.keymap {
        b.pair("-k", keymap.clone());
    }
    Ok(())
}

/// Tells SASL where its configuration is.
fn sasl_folder(b: &mut Builder<'_>, rules: &DisplayRules) {
    if let Some(folder) = &rules.sasl_folder {
        b.environment.push(("SASL_CONF_PATH".to_owned(), folder.to_string_lossy().into_owned()));
    }
}

fn unsupported(kind: &str) -> Error {
    Error::config_unsupported(format!("graphics type '{kind}' is not supported by this driver yet"))
}
