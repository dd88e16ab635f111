//! Character devices: the host side of serial lines, channels and the like.

use oxivirt_conf::domain::devices::{CharKind, CharProtocol, CharReconnect, CharSource, SocketMode};
use oxivirt_conf::xml::YesNo;
use oxivirt_core::{Error, Result};

use super::storage::certificates;
use super::{Builder, escape, on_off};

/// What the character device is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Plain,
    /// A parallel port: host devices have a kind of their own.
    Parallel,
}

/// Adds the `-chardev` for a device; gives its id, `char` before the alias.
pub(super) fn chardev(b: &mut Builder<'_>, source: &CharSource, alias: &str, for_what: Use) -> Result<String> {
    let id = format!("char{alias}");
    let need = |value: &Option<String>, what: &str| {
        value.clone().ok_or_else(|| Error::config_unsupported(format!("{alias}: character device without {what}")))
    };
    let mut text = match &source.kind {
        CharKind::Null => format!("null,id={id}"),
        CharKind::Vc => format!("vc,id={id}"),
        CharKind::Pty { .. } => format!("pty,id={id}"),
        CharKind::Stdio => format!("stdio,id={id}"),
        CharKind::Dev { path } => {
            let kind = if for_what == Use::Parallel { "parallel" } else { "serial" };
            format!("{kind},id={id},path={}", escape(&need(path, "path")?))
        }
        CharKind::Pipe { path } => format!("pipe,id={id},path={}", escape(&need(path, "path")?)),
        CharKind::File { path, append } if b.host.names_files() => {
            let append = append.map(|a| format!(",append={}", on_off(a.is_on()))).unwrap_or_default();
            format!("file,id={id},path={}{append}", escape(&need(path, "path")?))
        }
        CharKind::File { path, append } => {
            let fd = b.host.output(&need(path, "path")?, append.is_some_and(|a| a.is_on()))?;
            let set = b.fdset(fd, &format!("{alias}-source"));
            format!("file,id={id},path={set},append=on")
        }
        CharKind::Udp(udp) => {
            let part = |value: &Option<String>| value.as_deref().map(escape).unwrap_or_default();
            let service = udp.bind_service.clone().unwrap_or_else(|| "0".into());
            format!(
                "udp,id={id},host={},port={},localaddr={},localport={}",
                part(&udp.connect_host),
                part(&udp.connect_service),
                part(&udp.bind_host),
                escape(&service)
            )
        }
        CharKind::Tcp(tcp) => {
            let settings = b.settings;
            let credentials = if tcp.tls.map_or(settings.chardev_tls, YesNo::is_yes) {
                let name = format!("obj{id}_tls0");
                let server = tcp.mode == SocketMode::Bind;
                certificates(b, &name, &format!("{id}-secret0"), &settings.chardev_certificates, server)?;
                Some(format!(",tls-creds={name}"))
            } else {
                None
            };
            let telnet = match tcp.protocol {
                CharProtocol::Raw => "",
                CharProtocol::Telnet => ",telnet=on",
                other => {
                    return Err(Error::config_unsupported(format!(
                        "{alias}: protocol '{}' is not supported by QEMU",
                        other.as_str()
                    )));
                }
            };
            let mut text = format!(
                "socket,id={id},host={},port={}{telnet}",
                escape(&need(&tcp.host, "host")?),
                escape(&need(&tcp.service, "service")?)
            );
            if tcp.mode == SocketMode::Bind {
                text.push_str(",server=on,wait=off");
            }
            text.push_str(&reconnect(b, wait(tcp.reconnect.as_ref())));
            text + &credentials.unwrap_or_default()
        }
        CharKind::Unix(unix) => {
            let path = need(&unix.path, "path")?;
            match unix.mode.unwrap_or(SocketMode::Connect) {
                SocketMode::Bind if b.host.names_files() => {
                    format!("socket,id={id},path={},server=on,wait=off", escape(&path))
                }
                SocketMode::Bind => {
                    let fd = b.host.listen(&path)?;
                    format!("socket,id={id},fd={fd},server=on,wait=off")
                }
                SocketMode::Connect => {
                    format!("socket,id={id},path={}", escape(&path)) + &reconnect(b, wait(unix.reconnect.as_ref()))
                }
            }
        }
        CharKind::SpiceVmc => format!("spicevmc,id={id},name={}", spice_name(alias)),
        CharKind::SpicePort { channel } => format!("spiceport,id={id},name={}", escape(&need(channel, "channel")?)),
        CharKind::QemuVdagent { clipboard, mouse } => {
            let mut text = format!("qemu-vdagent,id={id},name=vdagent");
            if let Some(clipboard) = clipboard {
                text.push_str(&format!(",clipboard={}", on_off(clipboard.is_yes())));
            }
            if let Some(mouse) = mouse {
                text.push_str(&format!(",mouse={}", on_off(mouse.as_str() == "client")));
            }
            text
        }
        CharKind::DBus { channel } => format!("dbus,id={id},name={}", escape(&need(channel, "channel")?)),
        CharKind::Nmdm { .. } => {
            return Err(Error::config_unsupported(format!(
                "{alias}: nmdm character devices are not supported by QEMU"
            )));
        }
    };
    if let Some(log) = source.log.as_ref().filter(|_| b.host.names_files()) {
        let append = log.append.map(|a| format!(",logappend={}", on_off(a.is_on()))).unwrap_or_default();
        text.push_str(&format!(",logfile={}{append}", escape(&log.file)));
    } else if let Some(log) = &source.log {
        let fd = b.host.log(&log.file, log.append.is_some_and(|a| a.is_on()))?;
        let set = b.fdset(fd, &format!("{alias}-log"));
        text.push_str(&format!(",logfile={set},logappend=on"));
    }
    b.chardev(text)?;
    Ok(id)
}

/// Seconds before another try; none at all is said as well.
fn wait(reconnect: Option<&CharReconnect>) -> Option<u32> {
    let reconnect = reconnect?;
    if reconnect.enabled.is_yes() { reconnect.timeout } else { Some(0) }
}

/// How long to wait before trying again; versions differ in the unit.
pub(super) fn reconnect(b: &Builder<'_>, seconds: Option<u32>) -> String {
    match seconds {
        Some(seconds) if !b.emulator.has_feature("chardev-add/backend/socket/data/reconnect-ms") => {
            format!(",reconnect={seconds}")
        }
        Some(seconds) => format!(",reconnect-ms={}", u64::from(seconds) * 1000),
        None => String::new(),
    }
}

/// What the SPICE server calls the service behind a device.
fn spice_name(alias: &str) -> &'static str {
    match alias {
        a if a.starts_with("smartcard") => "smartcard",
        a if a.starts_with("redir") => "usbredir",
        _ => "vdagent",
    }
}
