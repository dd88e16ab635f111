//! Objects as permissions are about them: a kind, and what tells one from another.

use oxivirt_core::constants::SecretUsageType;
use oxivirt_core::event::{Event, EventKind};
use oxivirt_core::types::{
    Domain, HostInterface, Network, NetworkPort, NodeDevice, NwFilter, Secret, StoragePool, StorageVolume, Uuid,
};
use oxivirt_core::wire::xdr::{Reader, Xdr};

/// What a permission is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Connect,
    Domain,
    Interface,
    Network,
    NetworkPort,
    NodeDevice,
    NwFilter,
    NwFilterBinding,
    Secret,
    StoragePool,
    StorageVol,
}

impl Kind {
    pub(super) const ALL: [(Self, &'static str); 11] = [
        (Self::Connect, "connect"),
        (Self::Domain, "domain"),
        (Self::Interface, "interface"),
        (Self::Network, "network"),
        (Self::NetworkPort, "network_port"),
        (Self::NodeDevice, "node_device"),
        (Self::NwFilter, "nwfilter"),
        (Self::NwFilterBinding, "nwfilter_binding"),
        (Self::Secret, "secret"),
        (Self::StoragePool, "storage_pool"),
        (Self::StorageVol, "storage_vol"),
    ];

    /// As rules of calls write it.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
    }

    /// As rules of calls write it.
    pub(super) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }

    /// What its own attributes begin with.
    fn prefix(self) -> &'static str {
        match self {
            Self::NetworkPort => "port",
            Self::StoragePool => "pool",
            Self::StorageVol => "vol",
            other => other.name(),
        }
    }

    /// The attribute that a short name such as `name` stands for.
    pub(super) fn attribute(self, short: &str) -> Option<&'static str> {
        ATTRIBUTES.iter().copied().find(|name| {
            name.strip_prefix(self.prefix()).and_then(|rest| rest.strip_prefix('_')).is_some_and(|rest| rest == short)
        })
    }
}

/// Every attribute that some object has, by the names that polkit's rules know.
pub(super) const ATTRIBUTES: &[&str] = &[
    "domain_name",
    "domain_uuid",
    "interface_name",
    "interface_macaddr",
    "network_name",
    "network_uuid",
    "port_uuid",
    "node_device_name",
    "nwfilter_name",
    "nwfilter_uuid",
    "nwfilter_binding_portdev",
    "nwfilter_binding_linkdev",
    "nwfilter_binding_filter",
    "secret_uuid",
    "secret_usage_volume",
    "secret_usage_ceph",
    "secret_usage_target",
    "secret_usage_name",
    "pool_name",
    "pool_uuid",
    "vol_name",
    "vol_key",
];

/// An object that somebody wants something of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Object {
    pub(super) kind: Kind,
    /// What is known of it; `None` when nobody can say before the call is made.
    pub(super) attributes: Option<Vec<(&'static str, String)>>,
}

impl Object {
    fn new(kind: Kind, attributes: Vec<(&'static str, String)>) -> Self {
        Self { kind, attributes: Some(attributes) }
    }

    /// One of which nothing is known.
    pub(super) fn unknown(kind: Kind) -> Self {
        Self { kind, attributes: None }
    }

    /// The connection itself.
    pub(super) fn connect() -> Self {
        Self::new(Kind::Connect, Vec::new())
    }

    pub(super) fn domain(name: &str, uuid: &str) -> Self {
        Self::new(Kind::Domain, vec![("domain_name", name.to_owned()), ("domain_uuid", uuid.to_owned())])
    }

    pub(super) fn interface(name: &str, mac: &str) -> Self {
        Self::new(Kind::Interface, vec![("interface_name", name.to_owned()), ("interface_macaddr", mac.to_lowercase())])
    }

    pub(super) fn network(name: &str, uuid: &str) -> Self {
        Self::new(Kind::Network, vec![("network_name", name.to_owned()), ("network_uuid", uuid.to_owned())])
    }

    pub(super) fn network_port(network: &Network, uuid: &str) -> Self {
        let attributes = vec![
            ("network_name", network.name.to_string()),
            ("network_uuid", network.uuid.to_string()),
            ("port_uuid", uuid.to_owned()),
        ];
        Self::new(Kind::NetworkPort, attributes)
    }

    pub(super) fn node_device(name: &str) -> Self {
        Self::new(Kind::NodeDevice, vec![("node_device_name", name.to_owned())])
    }

    pub(super) fn nwfilter(name: &str, uuid: &str) -> Self {
        Self::new(Kind::NwFilter, vec![("nwfilter_name", name.to_owned()), ("nwfilter_uuid", uuid.to_owned())])
    }

    pub(super) fn nwfilter_binding(portdev: &str, linkdev: &str, filter: &str) -> Self {
        let attributes = vec![
            ("nwfilter_binding_portdev", portdev.to_owned()),
            ("nwfilter_binding_linkdev", linkdev.to_owned()),
            ("nwfilter_binding_filter", filter.to_owned()),
        ];
        Self::new(Kind::NwFilterBinding, attributes)
    }

    pub(super) fn secret(uuid: &str, usage: SecretUsageType, id: &str) -> Self {
        let mut attributes = vec![("secret_uuid", uuid.to_owned())];
        let name = match usage {
            SecretUsageType::VOLUME => Some("secret_usage_volume"),
            SecretUsageType::CEPH => Some("secret_usage_ceph"),
            SecretUsageType::ISCSI => Some("secret_usage_target"),
            SecretUsageType::TLS | SecretUsageType::VTPM => Some("secret_usage_name"),
            _ => None,
        };
        attributes.extend(name.map(|name| (name, id.to_owned())));
        Self::new(Kind::Secret, attributes)
    }

    pub(super) fn storage_pool(name: &str, uuid: &str) -> Self {
        Self::new(Kind::StoragePool, vec![("pool_name", name.to_owned()), ("pool_uuid", uuid.to_owned())])
    }

    pub(super) fn storage_vol(pool: &StoragePool, name: &str, key: &str) -> Self {
        let attributes = vec![
            ("pool_name", pool.name.to_string()),
            ("pool_uuid", pool.uuid.to_string()),
            ("vol_name", name.to_owned()),
            ("vol_key", key.to_owned()),
        ];
        Self::new(Kind::StorageVol, attributes)
    }

    /// What an event is about; absent for events about no object.
    pub(super) fn of_event(event: &Event) -> Option<Self> {
        let mut body = Reader::new(event.body());
        match event.kind() {
            EventKind::DOMAIN | EventKind::QEMU_MONITOR => event.domain().map(Self::from),
            EventKind::NETWORK => Network::decode(&mut body).ok().map(|network| Self::from(&network)),
            EventKind::STORAGE_POOL => StoragePool::decode(&mut body).ok().map(|pool| Self::from(&pool)),
            EventKind::NODE_DEVICE => NodeDevice::decode(&mut body).ok().map(|device| Self::node_device(&device.name)),
            EventKind::SECRET => Secret::decode(&mut body).ok().map(|secret| Self::from(&secret)),
            _ => None,
        }
    }
}

impl From<&Domain> for Object {
    fn from(domain: &Domain) -> Self {
        Self::domain(&domain.name, &domain.uuid.to_string())
    }
}

impl From<&Network> for Object {
    fn from(network: &Network) -> Self {
        Self::network(&network.name, &network.uuid.to_string())
    }
}

impl From<&NetworkPort> for Object {
    fn from(port: &NetworkPort) -> Self {
        Self::network_port(&port.net, &port.uuid.to_string())
    }
}

impl From<&HostInterface> for Object {
    fn from(interface: &HostInterface) -> Self {
        Self::interface(&interface.name, &interface.mac)
    }
}

impl From<&NodeDevice> for Object {
    fn from(device: &NodeDevice) -> Self {
        Self::node_device(&device.name)
    }
}

impl From<&NwFilter> for Object {
    fn from(filter: &NwFilter) -> Self {
        Self::nwfilter(&filter.name, &filter.uuid.to_string())
    }
}

impl From<&Secret> for Object {
    fn from(secret: &Secret) -> Self {
        Self::secret(&secret.uuid.to_string(), SecretUsageType(secret.usage_type), &secret.usage_id)
    }
}

impl From<&StoragePool> for Object {
    fn from(pool: &StoragePool) -> Self {
        Self::storage_pool(&pool.name, &pool.uuid.to_string())
    }
}

impl From<(&StoragePool, &StorageVolume)> for Object {
    fn from((pool, volume): (&StoragePool, &StorageVolume)) -> Self {
        Self::storage_vol(pool, &volume.name, &volume.key)
    }
}

/// A uuid as attributes hold it; empty stays empty.
pub(super) fn uuid_text(uuid: Option<Uuid>) -> String {
    uuid.map(|uuid| uuid.to_string()).unwrap_or_default()
}
