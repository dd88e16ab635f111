//! Tap devices: a guest's network card, seen from the host.

use std::ffi::{CStr, CString, c_int, c_short, c_void};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, OwnedFd};

use oxivirt_core::{Error, Result};
use rustix::fs::{Mode, OFlags};
use rustix::ioctl::{Ioctl, IoctlOutput, Opcode};
use rustix::net::{AddressFamily, SocketType};

/// A tap device; it lasts as long as a descriptor of it is open.
#[derive(Debug)]
pub struct Tap {
    /// For QEMU.
    pub fd: OwnedFd,
    /// The name that it got.
    pub name: String,
}

/// The kernel's `struct ifreq` in the shapes that are used here.
#[repr(C)]
struct Request {
    name: [u8; NAME],
    value: [u8; 24],
}

/// Makes a tap device, enters it into a bridge if one is named, and brings it up.
///
/// * `wanted` – a name, or a pattern with `%d`.
/// * Errors: `SYSTEM_ERROR` naming device and bridge.
pub fn open_tap(wanted: &str, bridge: Option<&str>, mac: Option<[u8; 6]>) -> Result<Tap> {
    let fail = |what: String| move |e: rustix::io::Errno| Error::system(what, &e.into());
    let fd = rustix::fs::open("/dev/net/tun", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
        .map_err(fail("Unable to open /dev/net/tun, is tun module loaded?".into()))?;
    let mut request = Request::new(wanted)?;
    request.set_short(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR);
    call(&fd, TUNSETIFF, &mut request).map_err(fail(format!("Unable to create tap device {wanted}")))?;
    let name = request.text()?;
    let control = rustix::net::socket(AddressFamily::INET, SocketType::DGRAM, None)
        .map_err(fail("Cannot open network interface control socket".into()))?;
    if let Some(mac) = mac {
        let mut request = Request::new(&name)?;
        request.set_short(ARPHRD_ETHER);
        if let Some(bytes) = request.value.get_mut(2..8) {
            bytes.copy_from_slice(&mac);
        }
        call(&control, SIOCSIFHWADDR, &mut request).map_err(fail(format!("Cannot set interface MAC on '{name}'")))?;
    }
    if let Some(bridge) = bridge {
        let mut request = Request::new(&name)?;
        call(&control, SIOCGIFINDEX, &mut request)
            .map_err(fail(format!("Unable to get index for interface {name}")))?;
        let index = request.value;
        let mut request = Request::new(bridge)?;
        request.value = index;
        call(&control, SIOCBRADDIF, &mut request)
            .map_err(fail(format!("Unable to add bridge {bridge} port {name}")))?;
    }
    let mut request = Request::new(&name)?;
    call(&control, SIOCGIFFLAGS, &mut request).map_err(fail(format!("Cannot get interface flags on '{name}'")))?;
    let flags = i16::from_ne_bytes([request.value[0], request.value[1]]);
    request.set_short(flags | IFF_UP);
    call(&control, SIOCSIFFLAGS, &mut request).map_err(fail(format!("Cannot set interface flags on '{name}'")))?;
    Ok(Tap { fd, name })
}

/// Makes packets of an opened macvtap device have the form that QEMU expects.
pub(super) fn set_up_macvtap(fd: &OwnedFd, name: &str) -> Result<()> {
    let mut request = Request::new(name)?;
    request.set_short(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR);
    call(fd, TUNSETIFF, &mut request)
        .map_err(|e| Error::system(format_args!("unable to set the features of macvtap device {name}"), &e.into()))
}

/// Keeps a port of a bridge from talking with other isolated ones.
///
/// Errors: `SYSTEM_ERROR` naming a device that is on no bridge.
pub fn isolate_port(device: &str) -> Result<()> {
    std::fs::write(format!("/sys/class/net/{device}/brport/isolated"), "1")
        .map_err(|e| Error::system(format_args!("Unable to isolate bridge port {device}"), &e))
}

/// The first address of an interface, one of IPv4 where it has both kinds.
///
/// Errors: `SYSTEM_ERROR` naming an interface that is not there.
pub fn address_of(interface: &str) -> Result<Option<IpAddr>> {
    let fail = |e: rustix::io::Errno| Error::system(format!("cannot tell the address of '{interface}'"), &e.into());
    let control = rustix::net::socket(AddressFamily::INET, SocketType::DGRAM, None).map_err(fail)?;
    let mut request = Request::new(interface)?;
    match call(&control, SIOCGIFADDR, &mut request) {
        Ok(()) => {
            let [_, _, _, _, a, b, c, d, ..] = request.value;
            return Ok(Some(Ipv4Addr::new(a, b, c, d).into()));
        }
        Err(rustix::io::Errno::ADDRNOTAVAIL) => {}
        Err(error) => return Err(fail(error)),
    }
    let table = std::fs::read_to_string("/proc/net/if_inet6").unwrap_or_default();
    let sixth = table.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let address = words.next().and_then(|word| u128::from_str_radix(word, 16).ok())?;
        (words.next_back()? == interface).then(|| Ipv6Addr::from(address))
    });
    Ok(sixth.map(IpAddr::from))
}

/// Takes a tap device out of a bridge and enters it into another one. When the
/// other one does not take it, it stays where it was.
///
/// * Errors: `OPERATION_FAILED` there is no such bridge; `SYSTEM_ERROR` naming
///   device and bridge.
pub fn move_tap(name: &str, from: Option<&str>, to: &str) -> Result<()> {
    if !std::path::Path::new("/sys/class/net").join(to).join("bridge").is_dir() {
        return Err(Error::operation_failed(format!("cannot add device {name} to nonexistent bridge {to}")));
    }
    let control = rustix::net::socket(AddressFamily::INET, SocketType::DGRAM, None)
        .map_err(|e| Error::system("Cannot open network interface control socket", &e.into()))?;
    if let Some(from) = from {
        port(&control, SIOCBRDELIF, from, name)
            .map_err(|e| Error::system(format_args!("Unable to remove bridge {from} port {name}"), &e.into()))?;
    }
    port(&control, SIOCBRADDIF, to, name).map_err(|e| {
        if let Some(Err(error)) = from.map(|from| port(&control, SIOCBRADDIF, from, name)) {
            tracing::error!(device = name, %error, "a card is on no bridge any more");
        }
        Error::system(format_args!("Unable to add bridge {to} port {name}"), &e.into())
    })
}

/// Makes a device a port of a bridge, or not one any more.
fn port(control: &impl AsFd, opcode: Opcode, bridge: &str, name: &str) -> rustix::io::Result<()> {
    let named = |name: &str| Request::new(name).map_err(|_| rustix::io::Errno::NODEV);
    let mut device = named(name)?;
    call(control, SIOCGIFINDEX, &mut device)?;
    let mut request = named(bridge)?;
    request.value = device.value;
    call(control, opcode, &mut request)
}

impl Request {
    fn new(name: &str) -> Result<Self> {
        let text = CString::new(name).ok().filter(|n| !name.is_empty() && n.as_bytes_with_nul().len() <= NAME);
        let text = text.ok_or_else(|| Error::invalid_arg(format!("'{name}' is no network interface name")))?;
        let mut request = Self { name: [0; NAME], value: [0; 24] };
        for (to, from) in request.name.iter_mut().zip(text.as_bytes()) {
            *to = *from;
        }
        Ok(request)
    }

    fn set_short(&mut self, value: c_short) {
        let [a, b] = value.to_ne_bytes();
        self.value[0] = a;
        self.value[1] = b;
    }

    fn text(&self) -> Result<String> {
        CStr::from_bytes_until_nul(&self.name)
            .ok()
            .and_then(|name| name.to_str().ok())
            .map(str::to_owned)
            .ok_or_else(|| Error::internal("the kernel gave a network interface without a name"))
    }
}

fn call(fd: &impl AsFd, opcode: Opcode, request: &mut Request) -> rustix::io::Result<()> {
    // SAFETY: every opcode used here reads and writes one `struct ifreq`,
    // which `Request` has the size and layout of.
    unsafe { rustix::ioctl::ioctl(fd, IfRequest { opcode, request }) }
}

struct IfRequest<'a> {
    opcode: Opcode,
    request: &'a mut Request,
}

// SAFETY: the pointer is to a live `struct ifreq` for the whole call.
unsafe impl Ioctl for IfRequest<'_> {
    type Output = ();
    const IS_MUTATING: bool = true;
    fn opcode(&self) -> Opcode {
        self.opcode
    }
    fn as_ptr(&mut self) -> *mut c_void {
        std::ptr::from_mut::<Request>(self.request).cast()
    }
    unsafe fn output_from_ptr(_: IoctlOutput, _: *mut c_void) -> rustix::io::Result<()> {
        Ok(())
    }
}

const _: () = assert!(size_of::<Request>() == 40 && size_of::<c_int>() == 4);

const NAME: usize = 16;
const IFF_TAP: c_short = 0x0002;
const IFF_NO_PI: c_short = 0x1000;
const IFF_VNET_HDR: c_short = 0x4000;
const IFF_UP: c_short = 0x1;
const ARPHRD_ETHER: c_short = 1;
const TUNSETIFF: Opcode = 0x4004_54ca;
const SIOCGIFFLAGS: Opcode = 0x8913;
const SIOCGIFADDR: Opcode = 0x8915;
const SIOCSIFFLAGS: Opcode = 0x8914;
const SIOCSIFHWADDR: Opcode = 0x8924;
const SIOCGIFINDEX: Opcode = 0x8933;
const SIOCBRDELIF: Opcode = 0x89a3;
const SIOCBRADDIF: Opcode = 0x89a2;
