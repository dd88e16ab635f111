//! Interfaces of the host that a guest shares: a tap device on top of one.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use oxivirt_conf::domain::devices::{DirectMode, MacAddress};
use oxivirt_core::{Error, Result};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType};

/// A name that no interface has yet.
pub fn free_macvtap() -> Result<String> {
    let free = |name: &String| !Path::new("/sys/class/net").join(name).exists();
    (0..MOST)
        .map(|number| format!("macvtap{number}"))
        .find(free)
        .ok_or_else(|| Error::internal("too many macvtap devices"))
}

/// Puts a tap device on top of an interface of the host and brings it up.
///
/// * Returns false when the name is taken by now.
/// * It lasts until [`delete_link`].
/// * Errors: `SYSTEM_ERROR` naming both.
pub fn make_macvtap(name: &str, below: &str, mode: DirectMode, mac: Option<MacAddress>) -> Result<bool> {
    let index = index_of(below)?;
    let mode: u32 = match mode {
        DirectMode::Private => 1,
        DirectMode::Vepa => 2,
        DirectMode::Bridge => 4,
        // The interface below would have to take the guest's address.
        DirectMode::Passthrough => {
            return Err(Error::config_unsupported("mode='passthrough' is not supported by this driver yet"));
        }
    };
    let mut data = Vec::new();
    attribute(&mut data, IFLA_MACVLAN_MODE, &mode.to_ne_bytes());
    let mut info = Vec::new();
    attribute(&mut info, IFLA_INFO_KIND, b"macvtap\0");
    attribute(&mut info, IFLA_INFO_DATA, &data);
    let mut body = link_header(IFF_UP);
    attribute(&mut body, IFLA_IFNAME, &terminated(name));
    attribute(&mut body, IFLA_LINK, &index.to_ne_bytes());
    if let Some(mac) = mac {
        attribute(&mut body, IFLA_ADDRESS, &mac.0);
    }
    attribute(&mut body, IFLA_LINKINFO, &info);
    match ask(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &body) {
        Ok(()) => Ok(true),
        Err(Errno::EXIST) => Ok(false),
        Err(e) => Err(Error::system(format_args!("error creating macvtap interface {name}@{below}"), &e.into())),
    }
}

/// Opens such a device.
///
/// Errors: `SYSTEM_ERROR` when its file does not come within some seconds.
pub fn open_macvtap(name: &str) -> Result<OwnedFd> {
    let path = format!("/dev/tap{}", index_of(name)?);
    let end = Instant::now() + NODE;
    loop {
        match rustix::fs::open(&path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()) {
            Ok(fd) => {
                super::tap::set_up_macvtap(&fd, name)?;
                return Ok(fd);
            }
            // Whoever makes files of devices may take a moment.
            Err(Errno::NOENT | Errno::ACCESS | Errno::NXIO) if Instant::now() < end => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(error) => {
                return Err(Error::system(format_args!("cannot open macvtap tap device {path}"), &error.into()));
            }
        }
    }
}

/// Removes an interface; fine if it is gone.
pub fn delete_link(name: &str) -> Result<()> {
    let mut body = link_header(0);
    attribute(&mut body, IFLA_IFNAME, &terminated(name));
    match ask(RTM_DELLINK, 0, &body) {
        Ok(()) | Err(Errno::NODEV) => Ok(()),
        Err(error) => Err(Error::system(format_args!("error destroying network device {name}"), &error.into())),
    }
}

fn index_of(name: &str) -> Result<u32> {
    let failed = |e: std::io::Error| Error::system(format_args!("Unable to get index for interface {name}"), &e);
    if name.is_empty() || name.contains('/') {
        return Err(Error::invalid_arg(format!("'{name}' is no network interface name")));
    }
    let text = fs::read_to_string(format!("/sys/class/net/{name}/ifindex")).map_err(failed)?;
    text.trim().parse().map_err(|_| Error::internal(format!("interface {name} has no index")))
}

/// The kernel's `struct ifinfomsg`.
fn link_header(flags: u32) -> Vec<u8> {
    let mut body = vec![0; 8];
    body.extend(flags.to_ne_bytes());
    body.extend(flags.to_ne_bytes());
    body
}

/// The kernel's `struct rtattr` with what it holds, padded.
fn attribute(body: &mut Vec<u8>, kind: u16, value: &[u8]) {
    body.extend(u16::try_from(value.len() + 4).unwrap_or(u16::MAX).to_ne_bytes());
    body.extend(kind.to_ne_bytes());
    body.extend(value);
    body.resize(body.len().next_multiple_of(4), 0);
}

fn terminated(name: &str) -> Vec<u8> {
    [name.as_bytes(), b"\0"].concat()
}

/// Sends one message and waits for what the kernel says of it.
fn ask(kind: u16, flags: u16, body: &[u8]) -> rustix::io::Result<()> {
    // The protocol 0 is that of interfaces and routes.
    let socket = rustix::net::socket(AddressFamily::NETLINK, SocketType::RAW, None)?;
    set_socket_timeout(&socket, Timeout::Recv, Some(NODE))?;
    let mut message = Vec::new();
    message.extend(u32::try_from(body.len() + 16).map_err(|_| Errno::TOOBIG)?.to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend((NLM_F_REQUEST | NLM_F_ACK | flags).to_ne_bytes());
    message.extend([0; 8]);
    message.extend(body);
    rustix::net::send(&socket, &message, SendFlags::empty())?;
    let mut answer = [0_u8; 4096];
    let (length, _) = rustix::net::recv(&socket, &mut answer, RecvFlags::empty())?;
    // Behind its header, an acknowledgement begins with a negative error number.
    let code = answer.get(..length).and_then(|answer| answer.get(16..20)).ok_or(Errno::IO)?;
    match i32::from_ne_bytes(code.try_into().map_err(|_| Errno::IO)?) {
        0 => Ok(()),
        code => Err(Errno::from_raw_os_error(-code)),
    }
}

const MOST: u32 = 8192;
/// How long the kernel, or whoever makes files of devices, may take.
const NODE: Duration = Duration::from_secs(5);

const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const NLM_F_REQUEST: u16 = 0x1;
const NLM_F_ACK: u16 = 0x4;
const NLM_F_EXCL: u16 = 0x200;
const NLM_F_CREATE: u16 = 0x400;
const IFF_UP: u32 = 0x1;
const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_LINK: u16 = 5;
const IFLA_LINKINFO: u16 = 18;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const IFLA_MACVLAN_MODE: u16 = 1;
