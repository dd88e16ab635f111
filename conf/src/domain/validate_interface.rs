//! Checks of a network card that hold for every driver.

use oxivirt_core::{Error, ErrorCode, Result};

use super::devices::{BackendType, Interface, InterfaceSource, VirtualPort, VirtualPortType};
use super::validate::{refuse, unsupported};

/// Refuses a network card that contradicts itself.
pub(super) fn run(interface: &Interface) -> Result<()> {
    let backend = interface.backend.as_ref();
    let passt = backend.is_some_and(|b| b.kind == Some(BackendType::Passt));
    if !interface.port_forwards.is_empty() && !passt {
        return unsupported("The <portForward> element can only be used with the 'passt' backend");
    }
    if let Some(port) = interface.virtualport.as_deref() {
        match &interface.source {
            // The rest may come from the network.
            InterfaceSource::Network { .. } => {}
            InterfaceSource::Bridge { .. } | InterfaceSource::Direct { .. } | InterfaceSource::Hostdev { .. } => {
                complete(port)?;
            }
            other => {
                let kind = other.type_name();
                return unsupported(format!("<virtualport> element unsupported for <interface type='{kind}'>"));
            }
        }
    }
    for ip in interface.host_ip.ips.iter().chain(&interface.guest_ip.ips) {
        if let Some(peer) = &ip.peer {
            let same_family = peer.parse().is_ok_and(|found: std::net::IpAddr| found.is_ipv4() == ip.address.is_ipv4());
            if !same_family {
                let what = format!("peer '{peer}' of <ip> is no address of the family of '{}'", ip.address);
                return Err(Error::new(ErrorCode::INVALID_ARG, what));
            }
        }
    }
    Ok(())
}

/// A port that no network completes says everything itself.
fn complete(port: &VirtualPort) -> Result<()> {
    let Some(kind) = port.kind else { return refuse("missing required virtualport type") };
    let p = &port.parameters;
    let missing = match kind {
        VirtualPortType::Qbg if p.managerid.is_none() => "managerid",
        VirtualPortType::Qbg if p.typeid.is_none() => "typeid",
        VirtualPortType::Qbg if p.typeidversion.is_none() => "typeidversion",
        VirtualPortType::Qbg if p.instanceid.is_none() => "instanceid",
        VirtualPortType::Qbh if p.profileid.is_none() => "profileid",
        VirtualPortType::OpenVSwitch | VirtualPortType::Midonet if p.interfaceid.is_none() => "interfaceid",
        _ => return Ok(()),
    };
    refuse(format!("missing {missing} in <virtualport type='{kind}'>"))
}
