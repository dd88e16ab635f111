//! The facts of one call, as data.

use crate::wire::message::Program;
use crate::wire::shape::Shape;
use crate::{Error, ErrorDomain};

/// Which workers take a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// Never waits for a guest.
    High,
    /// May take long.
    Low,
}

/// Which way the bytes of a call's stream go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamDirection {
    /// To the client, and for consoles back as well.
    Read,
    /// From the client.
    Write,
}

/// The facts of one call.
pub struct CallDescription {
    /// The interface it belongs to.
    pub interface: &'static str,
    /// Its name on the wire.
    pub name: &'static str,
    /// Which protocol.
    pub program: Program,
    /// Its number there.
    pub number: i32,
    /// Permissions wanted, all of them, as `object:permission[:condition]`.
    pub acl: &'static [&'static str],
    /// Permission wanted on each object of a listing; others are left out.
    pub filter: &'static [&'static str],
    /// Which workers take it.
    pub priority: Priority,
    /// Whether a read-only client is always refused.
    pub write: bool,
    /// Whether a stream comes with it.
    pub stream: Option<StreamDirection>,
    /// Names and wire forms of the arguments.
    pub arguments: fn() -> Vec<(&'static str, Shape)>,
    /// Wire form of the answer.
    pub answer: fn() -> Shape,
}

/// The answer of a driver that does not have a call, raised by the part of the
/// public interface that the call belongs to.
pub fn not_supported(name: &str) -> Error {
    const SUBJECTS: [(&str, ErrorDomain); 6] = [
        ("network_", ErrorDomain::NETWORK),
        ("storage_", ErrorDomain::STORAGE),
        ("secret_", ErrorDomain::SECRET),
        ("node_device_", ErrorDomain::NODEDEV),
        ("interface_", ErrorDomain::INTERFACE),
        ("nwfilter_", ErrorDomain::NWFILTER),
    ];
    let subject = SUBJECTS.iter().find(|(prefix, _)| name.starts_with(prefix));
    Error::no_support(public_name(name)).in_domain(subject.map_or(ErrorDomain::DOMAIN, |(_, domain)| *domain))
}

/// The public function behind a wire name: `domain_create_xml` is
/// `virDomainCreateXML`.
pub fn public_name(wire: &str) -> String {
    let mut name = String::from("vir");
    for word in wire.split('_') {
        let special = match word {
            "xml" => "XML",
            "uuid" => "UUID",
            "id" => "ID",
            "os" => "OS",
            "uri" => "URI",
            "cpu" => "CPU",
            "pm" => "PM",
            "nmi" => "NMI",
            "sev" => "SEV",
            "fd" => "FD",
            "sasl" => "SASL",
            "mac" => "MAC",
            "nwfilter" => "NWFilter",
            "nwfilters" => "NWFilters",
            "fstrim" => "FSTrim",
            "fsfreeze" => "FSFreeze",
            "fsthaw" => "FSThaw",
            "fsinfo" => "FSInfo",
            "dhcp" => "DHCP",
            "iothread" => "IOThread",
            "ssh" => "SSH",
            "scsi" => "SCSI",
            "wwn" => "WWN",
            // These are of another program, which the function's name says.
            "monitor" | "attach" | "agent" if is_of(QEMU, wire) => {
                name.push_str("Qemu");
                ""
            }
            "open" if is_of(LXC, wire) => {
                name.push_str("Lxc");
                ""
            }
            _ => "",
        };
        if !special.is_empty() {
            name.push_str(special);
            continue;
        }
        let mut letters = word.chars();
        name.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        name.push_str(letters.as_str());
    }
    name
}

const QEMU: &[CallDescription] = super::qemu_monitor::CALLS;
const LXC: &[CallDescription] = super::lxc_namespace::CALLS;

fn is_of(calls: &[CallDescription], wire: &str) -> bool {
    calls.iter().chain(super::events::CALLS).any(|call| call.name == wire && call.program != Program::REMOTE)
}
