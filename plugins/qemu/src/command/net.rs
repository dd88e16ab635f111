//! Network cards and what is behind them.

use oxivirt_conf::domain::devices::{
    BackendType, Interface, InterfaceDriverName, InterfaceSource, TeamingType, TxMode, VhostUserMode,
};
use oxivirt_core::{Error, Result};
use serde_json::Value;

use super::{Builder, Opening, Props, controller::virtio_driver, escape, place};

pub(super) fn interface(b: &mut Builder<'_>, net: &Interface) -> Result<()> {
    let net = &*net.connected();
    // Those are among the devices of the host.
    if matches!(net.source, InterfaceSource::Hostdev { .. }) {
        return Ok(());
    }
    refuse_unknown(net)?;
    let alias = super::alias(&net.info)?.to_owned();
    let backend = format!("host{alias}");
    let is_virtio = is_virtio(net);
    let mut queues = 1;
    let props = match &net.source {
        InterfaceSource::User | InterfaceSource::UserOn { .. } if is_passt(net) => {
            let path = b.host.passt(net)?;
            let address = Props::new().text("type", "unix").text("path", path);
            Props::new().text("type", "stream").object("addr", &address).flag("server", false).and(&passt_reconnect(b))
        }
        InterfaceSource::User => user(net)?,
        InterfaceSource::VhostUser { path, mode, reconnect, .. } => {
            let id = format!("char{alias}");
            let (path, wait) = match is_passt(net) {
                true => (b.host.passt(net)?, Some(PASST_SECONDS)),
                false => {
                    let path = path.clone().ok_or_else(|| unsupported(net, "a socket without a path"))?;
                    (path, reconnect.as_ref().and_then(|r| r.timeout))
                }
            };
            let mut text = format!("socket,id={id},path={}", escape(&path));
            match mode {
                Some(VhostUserMode::Server) => text.push_str(",server=on"),
                _ => text.push_str(&super::chardev::reconnect(b, wait)),
            }
            b.chardev(text)?;
            let queues = net.driver.queues.filter(|q| *q > 1);
            Props::new().text("type", "vhost-user").text("chardev", id).maybe_number("queues", queues)
        }
        InterfaceSource::Vdpa { dev } => {
            let fd = b.host.open(Opening::Vdpa, dev)?;
            let set = b.fdset(fd, &format!("{alias}-vdpa"));
            let queues = net.driver.queues.filter(|q| *q > 1);
            Props::new().text("type", "vhost-vdpa").text("vhostdev", set).maybe_number("queues", queues)
        }
        InterfaceSource::Direct { .. }
        | InterfaceSource::Bridge { .. }
        | InterfaceSource::Network { .. }
        | InterfaceSource::Ethernet => {
            let taps = b.host.tap(net, is_virtio)?;
            queues = taps.taps.len();
            let mut props = Props::new().text("type", "tap");
            let join = |fds: &[i32]| fds.iter().map(i32::to_string).collect::<Vec<_>>().join(":");
            props = props.text(if queues > 1 { "fds" } else { "fd" }, join(&taps.taps));
            if !taps.vhost.is_empty() {
                let key = if taps.vhost.len() > 1 { "vhostfds" } else { "vhostfd" };
                props = props.flag("vhost", true).text(key, join(&taps.vhost));
            }
            props.maybe_number("sndbuf", net.tune.as_ref().and_then(|t| t.sndbuf))
        }
        InterfaceSource::Server(s) => Props::new()
            .text("type", "socket")
            .text("listen", format!("{}:{}", s.address.as_deref().unwrap_or(""), s.port)),
        InterfaceSource::Client(s) => Props::new()
            .text("type", "socket")
            .text("connect", format!("{}:{}", s.address.as_deref().unwrap_or(""), s.port)),
        InterfaceSource::Mcast(s) => Props::new()
            .text("type", "socket")
            .text("mcast", format!("{}:{}", s.address.as_deref().unwrap_or(""), s.port)),
        InterfaceSource::Udp(s) => {
            let mut props = Props::new()
                .text("type", "socket")
                .text("udp", format!("{}:{}", s.address.as_deref().unwrap_or(""), s.port));
            if let Some((address, port)) = &s.local {
                props = props.text("localaddr", format!("{}:{port}", address.as_deref().unwrap_or("")));
            }
            props
        }
        _ => return Err(unsupported(net, "this type of source")),
    };
    netdev(b, &props.text("id", &backend));
    if is_boards_own(b, net) {
        let mac = net.mac.ok_or_else(|| Error::internal("network card without a MAC address"))?;
        let model = net.model.as_deref().unwrap_or_default();
        b.pair("-net", format!("nic,macaddr={mac},netdev={backend},model={},id={alias}", escape(model)));
        return Ok(());
    }
    let device = device(b, net, &backend, queues)?;
    b.json("-device", &device);
    Ok(())
}

/// Whether the card is one that a board of ARM has in a place of its own, which is no device to be added.
fn is_boards_own(b: &Builder<'_>, net: &Interface) -> bool {
    let board = crate::arch::board(b.domain).filter(|board| board.arm && !board.gic);
    board.is_some() && net.info.address.is_none() && !is_virtio(net)
}

/// `-netdev`; versions that do not read JSON there get words.
pub(super) fn netdev(b: &mut Builder<'_>, props: &Props) {
    match b.plugged || b.emulator.netdevs.contains("dgram") {
        true => b.json("-netdev", props),
        false => b.pair("-netdev", words(props)),
    }
}

fn words(props: &Props) -> String {
    let mut parts = Vec::new();
    for (name, value) in props.value().as_object().into_iter().flatten() {
        let mut add = |text: &str| match name.as_str() {
            "type" => parts.push(text.to_owned()),
            name => parts.push(format!("{name}={}", escape(text))),
        };
        match value {
            Value::Bool(on) => add(super::on_off(*on)),
            Value::String(text) => add(text),
            Value::Array(items) => items.iter().filter_map(|i| i.get("str")?.as_str()).for_each(add),
            other => add(&other.to_string()),
        }
    }
    parts.join(",")
}

/// How long to wait for a helper that went away.
const PASST_SECONDS: u32 = 5;

fn passt_reconnect(b: &Builder<'_>) -> Props {
    match b.emulator.has_feature("netdev_add/stream/reconnect-ms") {
        true => Props::new().number("reconnect-ms", PASST_SECONDS * 1000),
        false => Props::new().number("reconnect", PASST_SECONDS),
    }
}

fn is_passt(net: &Interface) -> bool {
    net.backend.as_ref().is_some_and(|backend| backend.kind == Some(BackendType::Passt))
}

fn user(net: &Interface) -> Result<Props> {
    let mut props = Props::new().text("type", "user");
    for ip in &net.guest_ip.ips {
        let prefix = ip.prefix;
        props = match ip.address {
            std::net::IpAddr::V4(address) => props.text("net", format!("{address}/{}", prefix.unwrap_or(24))),
            std::net::IpAddr::V6(address) => {
                props.text("ipv6-prefix", address.to_string()).maybe_number("ipv6-prefixlen", prefix)
            }
        };
    }
    Ok(props)
}

/// Whether the card is of the virtio family.
pub(crate) fn is_virtio(net: &Interface) -> bool {
    net.model.as_deref().is_some_and(|m| m.starts_with("virtio"))
}

fn device(b: &Builder<'_>, net: &Interface, backend: &str, queues: usize) -> Result<Props> {
    let model = net.model.as_deref().ok_or_else(|| Error::internal("network card without a model"))?;
    let virtio = is_virtio(net);
    let driver = match virtio {
        true => place::virtio_driver(&virtio_driver("virtio-net-pci", model)?, &net.info),
        false => model.to_owned(),
    };
    if !b.emulator.has_type(&driver) {
        return Err(unsupported(net, &format!("model '{model}', which this QEMU does not have,")));
    }
    let mut props = Props::new().text("driver", driver);
    if net.teaming.as_ref().is_some_and(|t| t.kind == TeamingType::Persistent) {
        props = props.flag("failover", true);
    }
    let d = &net.driver;
    if virtio {
        props = props.and(&place::virtio(Some(&d.virtio)));
        if let Some(mode) = d.txmode {
            props = props.text("tx", if mode == TxMode::Iothread { "bh" } else { "timer" });
        }
        props = props
            .maybe_flag("ioeventfd", d.ioeventfd.map(|v| v.is_on()))
            .maybe_flag("event_idx", d.event_idx.map(|v| v.is_on()));
        if let Some(h) = &d.host {
            for (name, value) in [
                ("csum", h.csum),
                ("gso", h.gso),
                ("host_tso4", h.tso4),
                ("host_tso6", h.tso6),
                ("host_ecn", h.ecn),
                ("host_ufo", h.ufo),
                ("mrg_rxbuf", h.mrg_rxbuf),
            ] {
                props = props.maybe_flag(name, value.map(|v| v.is_on()));
            }
        }
        if let Some(g) = &d.guest {
            for (name, value) in [
                ("guest_csum", g.csum),
                ("guest_tso4", g.tso4),
                ("guest_tso6", g.tso6),
                ("guest_ecn", g.ecn),
                ("guest_ufo", g.ufo),
            ] {
                props = props.maybe_flag(name, value.map(|v| v.is_on()));
            }
        }
        if queues > 1 {
            // One vector per queue and direction, one for control, one for configuration.
            props = props.flag("mq", true).number("vectors", i64::try_from(2 * queues + 2).unwrap_or(0));
        }
        props = props
            .maybe_number("rx_queue_size", d.rx_queue_size)
            .maybe_number("tx_queue_size", d.tx_queue_size)
            .maybe_number("host_mtu", net.mtu.as_ref().map(|m| m.size))
            .maybe_flag("rss", d.rss.map(|v| v.is_on()))
            .maybe_flag("hash", d.rss_hash_report.map(|v| v.is_on()));
    } else if d.host.is_some()
        || d.guest.is_some()
        || d.txmode.is_some()
        || d.rx_queue_size.is_some()
        || d.tx_queue_size.is_some()
    {
        return Err(unsupported(net, "a virtio <driver> option on this model"));
    }
    let mac = net.mac.ok_or_else(|| Error::internal("network card without a MAC address"))?;
    props = props
        .text("netdev", backend)
        .text("id", super::alias(&net.info)?)
        .text("mac", mac.to_string())
        .maybe_number("bootindex", b.boot_index(&net.info))
        .maybe_text("loadparm", place::loadparm(b, &net.info));
    Ok(props.and(&place::device(b, &net.info, "interface")?))
}

fn refuse_unknown(net: &Interface) -> Result<()> {
    let bad_driver = matches!(
        net.driver.name,
        Some(InterfaceDriverName::Vfio | InterfaceDriverName::Kvm | InterfaceDriverName::Xen)
    );
    for (present, what) in [
        (net.backend_domain.is_some(), "<backenddomain>"),
        (!net.port_forwards.is_empty() && !is_passt(net), "<portForward>"),
        (bad_driver, "this driver name"),
        (net.driver.queues.is_some_and(|q| q > 1) && !is_virtio(net), "multiple queues on this model"),
    ] {
        if present {
            return Err(unsupported(net, what));
        }
    }
    Ok(())
}

fn unsupported(net: &Interface, what: &str) -> Error {
    let mac = net.mac.map(|m| m.to_string()).unwrap_or_default();
    Error::config_unsupported(format!("interface '{mac}': {what} is not supported by this driver yet"))
}
