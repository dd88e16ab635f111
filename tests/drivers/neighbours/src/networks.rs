//! Networks and their ports.

use oxivirt_core::call::Call;
use oxivirt_core::constants::NetworkPortCreateFlags;
use oxivirt_core::host::Host;
use oxivirt_core::interface::{Connect, NetworkPorts, Networks, implements};
use oxivirt_core::plugin::{Driver, OpenFlags, Opened, Start};
use oxivirt_core::types::{Counted, DhcpLease, List, Network, NetworkPort, Uuid, limit};
use oxivirt_core::{Error, ErrorCode, Result};

use super::{Shelf, active, between, uuid_of};

/// Serves `network:///`.
pub struct NetworkDriver(Shelf);

/// A connection of it.
pub struct Nets(Shelf);

impl Driver for NetworkDriver {
    type Connection = Nets;

    fn start(host: Host) -> Result<Start<Self>> {
        Ok(Start::Ready(Self(Shelf::of(host))))
    }

    fn open(&self, _: &Call, _: &str, _: OpenFlags) -> Result<Opened<Nets>> {
        Ok(Opened { connection: Nets(self.0.clone()), channel: 0 })
    }
}

impl Nets {
    fn text(&self, network: &Network) -> Result<String> {
        self.0.read(&format!("networks/{}", network.name), ErrorCode::NO_NETWORK)
    }

    fn require_active(&self, network: &Network) -> Result<String> {
        let text = self.text(network)?;
        let inactive = || Error::operation_invalid(format!("network '{}' is not active", network.name));
        active(&text).map(str::to_owned).ok_or_else(inactive)
    }
}

fn file(network: &Network, port: &Uuid) -> String {
    format!("ports/{}/{port}", network.name)
}

#[implements]
impl Connect for Nets {
    fn connect_get_type(&self, _: &Call) -> Result<String> {
        Ok("Networks".to_owned())
    }
}

#[implements]
impl Networks for Nets {
    fn network_lookup_by_name(&self, _: &Call, name: &str) -> Result<Network> {
        let network = Network { name: name.into(), uuid: uuid_of(name) };
        self.text(&network).map(|_| network).map_err(|error| match error.code() {
            ErrorCode::NO_NETWORK => {
                Error::new(ErrorCode::NO_NETWORK, format!("no network with matching name '{name}'"))
            }
            _ => error,
        })
    }

    fn network_is_active(&self, _: &Call, net: &Network) -> Result<bool> {
        Ok(active(&self.text(net)?).is_some())
    }

    fn network_get_bridge_name(&self, _: &Call, net: &Network) -> Result<String> {
        let text = self.text(net)?;
        let bridge = between(&text, "bridge='", "'").map(str::to_owned);
        bridge.ok_or_else(|| Error::internal(format!("network '{}' does not have a bridge name.", net.name)))
    }

    fn network_get_dhcp_leases(
        &self,
        call: &Call,
        net: &Network,
        mac: Option<&str>,
        need_results: bool,
        _: u32,
    ) -> Result<Counted<List<DhcpLease, { limit::DHCP_LEASES }>>> {
        let bridge = self.network_get_bridge_name(call, net)?;
        let text = self.0.read(&format!("networks/{}.leases", net.name), ErrorCode::NO_NETWORK).unwrap_or_default();
        let lease = |line: &str| {
            let mut words = line.split_whitespace();
            let (owner, address, prefix) = (words.next()?, words.next()?, words.next()?.parse().ok()?);
            (mac.is_none() || mac == Some(owner)).then(|| DhcpLease {
                iface: bridge.as_str().into(),
                expirytime: i64::MAX,
                r#type: i32::from(address.contains(':')),
                mac: Some(owner.into()).into(),
                iaid: None.into(),
                ipaddr: address.into(),
                prefix,
                hostname: None.into(),
                clientid: None.into(),
            })
        };
        Counted::answer(need_results, text.lines().filter_map(lease).collect())
    }
}

#[implements]
impl NetworkPorts for Nets {
    fn network_port_lookup_by_uuid(&self, _: &Call, network: &Network, uuid: &Uuid) -> Result<NetworkPort> {
        self.0.read(&file(network, uuid), ErrorCode::NO_NETWORK_PORT)?;
        Ok(NetworkPort { net: network.clone(), uuid: *uuid })
    }

    fn network_port_create_xml(
        &self,
        _: &Call,
        network: &Network,
        xml: &str,
        _: NetworkPortCreateFlags,
    ) -> Result<NetworkPort> {
        let plug = self.require_active(network)?;
        let uuid: Uuid = between(xml, "<uuid>", "</uuid>").unwrap_or_default().parse()?;
        // A port that is made again says what it was plugged into.
        let port = match xml.contains("<plug") {
            true => xml.to_owned(),
            false => xml.replace("</networkport>", &format!("{plug}</networkport>")),
        };
        self.0.write(&file(network, &uuid), &port)?;
        Ok(NetworkPort { net: network.clone(), uuid })
    }

    fn network_port_get_xml_desc(&self, _: &Call, port: &NetworkPort, _: u32) -> Result<String> {
        self.0.read(&file(&port.net, &port.uuid), ErrorCode::NO_NETWORK_PORT)
    }

    fn network_port_delete(&self, _: &Call, port: &NetworkPort, _: u32) -> Result<()> {
        self.0.remove(&file(&port.net, &port.uuid), ErrorCode::NO_NETWORK_PORT)
    }
}
