//! `passt`: a network card's way out through sockets of a usual process.

use std::path::PathBuf;

use oxivirt_conf::domain::devices::{ForwardProtocol, Interface, InterfaceSource, PortForward, PortRange};
use oxivirt_conf::xml::YesNo;
use oxivirt_core::{Error, Result};

use super::helper::{Helper, Kind};
use super::program::{Program, find_program};
use super::site::Site;

/// The pid file and the socket of a card.
pub(super) fn run_files(site: &Site, alias: &str) -> (PathBuf, PathBuf) {
    (site.running("passt", &format!("-{alias}-passt.pid")), site.running("passt", &format!("-{alias}.socket")))
}

/// Starts the program behind a card.
///
/// * Returns it with the path of its socket.
/// * Errors: `OPERATION_UNSUPPORTED` it is not installed; `INTERNAL_ERROR`
///   with its own words when it ends at once, as for a port that is taken.
pub fn start(site: &Site, net: &Interface) -> Result<(Helper, PathBuf)> {
    let alias = net.info.alias.clone().ok_or_else(|| Error::internal("a network card without an alias"))?;
    let (pid_file, socket) = run_files(site, &alias);
    let rules = site.guest_user();
    // It listens as the user that it turns into.
    Site::make_folder_of(&socket, 0o755, &rules)?;
    // It would make itself another user where that is not said.
    let root = rules.user.map_or(rustix::process::geteuid().is_root(), |user| user == 0);
    let mut arguments = vec!["--foreground".to_owned()];
    if root {
        arguments.extend(["--runas", "0:0"].map(str::to_owned));
    }
    arguments.extend(self::arguments(net, &socket.to_string_lossy()));
    let program = Program {
        kind: Kind::Network,
        binary: find_program("passt")?,
        arguments,
        environment: Vec::new(),
        descriptors: Vec::new(),
        rules,
        log: site.log(&format!("-{alias}-passt.log")),
        pid_file,
        socket: Some(socket.clone()),
        files: vec![socket.with_extension("socket.repair")],
        alias,
        orphan: false,
    };
    Ok((program.start()?, socket))
}

/// What it is told of a card.
fn arguments(net: &Interface, socket: &str) -> Vec<String> {
    let mut arguments = Vec::new();
    let mut pair = |option: &str, value: String| arguments.extend([option.to_owned(), value]);
    pair("--socket", socket.to_owned());
    if let InterfaceSource::UserOn { dev } | InterfaceSource::VhostUser { dev: Some(dev), .. } = &net.source {
        pair("--interface", dev.clone());
    }
    let backend = net.backend.as_ref();
    if let Some(file) = backend.and_then(|backend| backend.log_file.clone()) {
        pair("--log-file", file);
    }
    for ip in &net.guest_ip.ips {
        pair("--address", ip.address.to_string());
        if let Some(prefix) = ip.prefix.filter(|_| ip.address.is_ipv4()) {
            pair("--netmask", prefix.to_string());
        }
    }
    for (option, name) in [
        ("--hostname", backend.and_then(|backend| backend.hostname.as_ref())),
        ("--fqdn", backend.and_then(|backend| backend.fqdn.as_ref())),
    ] {
        if let Some(name) = name {
            pair(option, name.clone());
        }
    }
    for forward in &net.port_forwards {
        pair(if forward.proto == ForwardProtocol::Tcp { "--tcp-ports" } else { "--udp-ports" }, ports(forward));
    }
    let begin = matches!(net.source, InterfaceSource::VhostUser { .. }).then(|| "--vhost-user".to_owned());
    begin.into_iter().chain(["--one-off".to_owned()]).chain(arguments).collect()
}

/// `ADDRESS%DEVICE/22:2022,1000-1050,~1020`, or `all`.
fn ports(forward: &PortForward) -> String {
    let mut text = forward.address.clone().unwrap_or_default();
    if let Some(dev) = &forward.dev {
        text.push_str(&format!("%{dev}"));
    }
    if !text.is_empty() {
        text.push('/');
    }
    let ranges: Vec<String> = forward.ranges.iter().map(range).collect();
    text.push_str(&if ranges.is_empty() { "all".to_owned() } else { ranges.join(",") });
    text
}

fn range(range: &PortRange) -> String {
    let span = |first: u16, last: Option<u16>| match last {
        Some(last) => format!("{first}-{last}"),
        None => first.to_string(),
    };
    let own = span(range.start, range.end);
    if range.exclude == Some(YesNo::Yes) {
        return format!("~{own}");
    }
    match range.to {
        Some(to) => {
            let last = range.end.map(|end| to.saturating_add(end.saturating_sub(range.start)));
            format!("{own}:{}", span(to, last))
        }
        None => own,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_described_as_passt_reads_it() {
        let ranges = |list: &[(u16, Option<u16>, Option<u16>, bool)]| {
            let range = |(start, end, to, out): &(u16, Option<u16>, Option<u16>, bool)| PortRange {
                start: *start,
                end: *end,
                to: *to,
                exclude: out.then_some(YesNo::Yes),
            };
            list.iter().map(range).collect::<Vec<_>>()
        };
        let forward = |proto, address: Option<&str>, dev: Option<&str>, ranges| PortForward {
            proto,
            address: address.map(str::to_owned),
            dev: dev.map(str::to_owned),
            ranges,
        };
        let (tcp, udp) = (ForwardProtocol::Tcp, ForwardProtocol::Udp);
        let first = ranges(&[(22, None, Some(2022), false), (1000, Some(1050), None, false), (1020, None, None, true)]);
        let second = ranges(&[(5000, Some(5020), Some(6000), false), (5010, Some(5015), None, true)]);
        let net = Interface {
            source: InterfaceSource::UserOn { dev: "eth0".to_owned() },
            port_forwards: vec![
                forward(tcp, Some("2001:db8::10"), None, first),
                forward(udp, Some("1.2.3.4"), Some("eth1"), second),
                forward(udp, None, None, Vec::new()),
            ]
            .into(),
            ..Interface::default()
        };
        let expected = "--one-off --socket /s --interface eth0 --tcp-ports 2001:db8::10/22:2022,1000-1050,~1020 \
                        --udp-ports 1.2.3.4%eth1/5000-5020:6000-6020,~5010-5015 --udp-ports all";
        assert_eq!(arguments(&net, "/s").join(" "), expected);
    }
}
