//! The object that a call is about. What a client says about it only says
//! where to look: name, uuid and all else are the driver's own words.

use oxivirt_core::constants::DomainSaveImageXmlFlags;
use oxivirt_core::interface::{
    DomainListing, DomainSave, HostInterfaces, NetworkPorts, Networks, NodeDevices, NwFilters, Secrets, StoragePools,
    StorageVolumes,
};
use oxivirt_core::types::{
    Domain, DomainSnapshot, HostInterface, Network, NetworkPort, NwFilter, NwFilterBinding, Secret, StoragePool,
    StorageVolume, TypedParam, TypedValue,
};
use oxivirt_core::wire::xdr::{Reader, Xdr, decode_array};
use oxivirt_core::{Call, Connection, Error, ErrorCode, Result};

use super::document::Parts;
use super::object::{Kind, Object, uuid_text};
use super::plan::{Plan, Rule, Source};

/// Typed parameters of any call, at most.
const PARAMETERS_MAX: usize = 1 << 16;

/// Looks objects up in the daemon's own name.
pub(super) struct Finder<'a> {
    pub(super) connection: &'a Connection,
    pub(super) call: &'a Call,
}

impl Finder<'_> {
    /// Every object whose permission a rule demands.
    ///
    /// Errors: the driver's, such as `NO_DOMAIN`, as the call itself would fail.
    pub(super) fn objects(&self, plan: &Plan, rule: &Rule, payload: &[u8]) -> Result<Vec<Object>> {
        match rule.source {
            Source::Connect => Ok(vec![Object::connect()]),
            Source::Reference(at) => Ok(vec![self.referred(rule.kind, &mut plan.argument(at, payload)?)?]),
            // A checkpoint has the same form.
            Source::Part(at) => {
                let part: DomainSnapshot = plan.value(at, payload)?;
                Ok(vec![self.domain(&part.dom)?])
            }
            Source::Name(at) => {
                let name: String = plan.value(at, payload)?;
                match rule.kind {
                    Kind::NodeDevice => {
                        let device = self.connection.node_device_lookup_by_name(self.call, &name)?;
                        Ok(vec![Object::from(&device)])
                    }
                    _ => Ok(vec![self.domain_by_name(&name)?]),
                }
            }
            Source::Document { xml, name, within } => {
                let xml = plan.text(xml, payload)?.unwrap_or_default();
                let name = name.map(|at| plan.text(at, payload)).transpose()?.flatten();
                let within = within.map(|at| plan.value::<Network>(at, payload)).transpose()?;
                Ok(vec![self.described(rule.kind, &xml, name.as_deref(), within.as_ref())?])
            }
            Source::Image { file, xml } => {
                let file = plan.text(file, payload)?.unwrap_or_default();
                let xml = xml.map(|at| plan.text(at, payload)).transpose()?.flatten();
                self.saved(&file, xml.as_deref())
            }
            Source::Parameters(at) => self.parameters(&decode_array(&mut plan.argument(at, payload)?, PARAMETERS_MAX)?),
            Source::Answer => Ok(Vec::new()),
            Source::Unknown => Ok(vec![Object::unknown(rule.kind)]),
        }
    }

    /// The object that a lookup found.
    pub(super) fn answered(&self, kind: Kind, answer: &[u8]) -> Result<Object> {
        let input = &mut Reader::new(answer);
        Ok(match kind {
            Kind::Domain => Object::from(&Domain::decode(input)?),
            Kind::Interface => Object::from(&HostInterface::decode(input)?),
            Kind::Network => Object::from(&Network::decode(input)?),
            Kind::NetworkPort => Object::from(&NetworkPort::decode(input)?),
            Kind::NodeDevice => Object::node_device(&String::decode(input)?),
            Kind::NwFilter => Object::from(&NwFilter::decode(input)?),
            Kind::NwFilterBinding => self.binding(&NwFilterBinding::decode(input)?),
            Kind::Secret => Object::from(&Secret::decode(input)?),
            Kind::StoragePool => Object::from(&StoragePool::decode(input)?),
            Kind::StorageVol => {
                let volume = StorageVolume::decode(input)?;
                let pool = self.connection.storage_pool_lookup_by_name(self.call, &volume.pool)?;
                Object::from((&pool, &volume))
            }
            Kind::Connect => Object::connect(),
        })
    }

    fn referred(&self, kind: Kind, input: &mut Reader<'_>) -> Result<Object> {
        let (to, call) = (self.connection, self.call);
        Ok(match kind {
            Kind::Connect => Object::connect(),
            Kind::Domain => self.domain(&Domain::decode(input)?)?,
            Kind::Interface => Object::from(&to.interface_lookup_by_name(call, &HostInterface::decode(input)?.name)?),
            Kind::Network => Object::from(&to.network_lookup_by_uuid(call, &Network::decode(input)?.uuid)?),
            Kind::NetworkPort => {
                let port = NetworkPort::decode(input)?;
                let network = to.network_lookup_by_uuid(call, &port.net.uuid)?;
                Object::from(&to.network_port_lookup_by_uuid(call, &network, &port.uuid)?)
            }
            Kind::NodeDevice => Object::from(&to.node_device_lookup_by_name(call, &String::decode(input)?)?),
            Kind::NwFilter => Object::from(&to.nwfilter_lookup_by_uuid(call, &NwFilter::decode(input)?.uuid)?),
            Kind::NwFilterBinding => {
                let device = NwFilterBinding::decode(input)?.portdev;
                self.binding(&to.nwfilter_binding_lookup_by_port_dev(call, &device)?)
            }
            Kind::Secret => Object::from(&to.secret_lookup_by_uuid(call, &Secret::decode(input)?.uuid)?),
            Kind::StoragePool => {
                Object::from(&to.storage_pool_lookup_by_uuid(call, &StoragePool::decode(input)?.uuid)?)
            }
            Kind::StorageVol => {
                let volume = StorageVolume::decode(input)?;
                let pool = to.storage_pool_lookup_by_name(call, &volume.pool)?;
                let volume = to.storage_vol_lookup_by_name(call, &pool, &volume.name)?;
                Object::from((&pool, &volume))
            }
        })
    }

    fn domain(&self, domain: &Domain) -> Result<Object> {
        Ok(Object::from(&self.connection.domain_lookup_by_uuid(self.call, &domain.uuid)?))
    }

    /// A domain that may be on its way here, and not to be found yet.
    fn domain_by_name(&self, name: &str) -> Result<Object> {
        match self.connection.domain_lookup_by_name(self.call, name) {
            Ok(domain) => Ok(Object::from(&domain)),
            Err(error) if error.code() == ErrorCode::NO_DOMAIN => Ok(Object::domain(name, "")),
            Err(error) => Err(error),
        }
    }

    /// The filtering of a device; what it hangs on is only in its document.
    pub(super) fn binding(&self, binding: &NwFilterBinding) -> Object {
        let xml = self.connection.nwfilter_binding_get_xml_desc(self.call, binding, 0);
        let parts = xml.and_then(|xml| Parts::read(Kind::NwFilterBinding, &xml)).unwrap_or_default();
        Object::nwfilter_binding(&binding.portdev, parts.text("link@dev"), &binding.filtername)
    }

    /// An object as a document describes it. Where it has no uuid, the object
    /// of that name is meant, if there is one.
    fn described(&self, kind: Kind, xml: &str, name: Option<&str>, within: Option<&Network>) -> Result<Object> {
        let (to, call) = (self.connection, self.call);
        let parts = Parts::read(kind, xml)?;
        let name = name.unwrap_or_else(|| parts.text("name"));
        let uuid = parts.uuid()?;
        Ok(match kind {
            Kind::Connect => Object::connect(),
            Kind::Domain => match uuid {
                None => self.domain_by_name(name)?,
                uuid => Object::domain(name, &uuid_text(uuid)),
            },
            Kind::Network => {
                let uuid = uuid.or_else(|| Some(to.network_lookup_by_name(call, name).ok()?.uuid));
                Object::network(name, &uuid_text(uuid))
            }
            Kind::StoragePool => {
                let uuid = uuid.or_else(|| Some(to.storage_pool_lookup_by_name(call, name).ok()?.uuid));
                Object::storage_pool(name, &uuid_text(uuid))
            }
            Kind::NwFilter => {
                let name = parts.text("@name");
                let uuid = uuid.or_else(|| Some(to.nwfilter_lookup_by_name(call, name).ok()?.uuid));
                Object::nwfilter(name, &uuid_text(uuid))
            }
            Kind::Secret => {
                let (usage, id) = parts.usage();
                let uuid = uuid.or_else(|| Some(to.secret_lookup_by_usage(call, usage, id).ok()?.uuid));
                Object::secret(&uuid_text(uuid), usage, id)
            }
            Kind::Interface => Object::interface(parts.text("@name"), parts.text("mac@address")),
            Kind::NodeDevice => Object::node_device(name),
            Kind::NwFilterBinding => Object::nwfilter_binding(
                parts.text("portdev@name"),
                parts.text("link@dev"),
                parts.text("filterref@filter"),
            ),
            Kind::NetworkPort => {
                let network = within.ok_or_else(|| Error::internal("a port without a network"))?;
                let network = to.network_lookup_by_uuid(call, &network.uuid)?;
                Object::network_port(&network, &uuid_text(uuid))
            }
            Kind::StorageVol => {
                let pool = within.ok_or_else(|| Error::internal("a volume without a pool"))?;
                let pool = to.storage_pool_lookup_by_uuid(call, &pool.uuid)?;
                Object::storage_vol(&pool, name, "")
            }
        })
    }

    /// The guest saved in a file, and the one that it is to become.
    fn saved(&self, file: &str, xml: Option<&str>) -> Result<Vec<Object>> {
        let flags = DomainSaveImageXmlFlags::EMPTY;
        let saved = self.connection.domain_save_image_get_xml_desc(self.call, file, flags)?;
        let documents = [Some(saved.as_str()), xml.filter(|xml| !xml.is_empty())];
        documents.into_iter().flatten().map(|xml| self.described(Kind::Domain, xml, None, None)).collect()
    }

    fn parameters(&self, parameters: &[TypedParam]) -> Result<Vec<Object>> {
        let text = |name: &str| {
            parameters.iter().find_map(|param| match param.value() {
                TypedValue::String(text) if param.field() == name => Some(text),
                _ => None,
            })
        };
        for name in ["file", "dxml", "destination_xml", "destination_name"] {
            if parameters.iter().filter(|param| param.field() == name).count() > 1 {
                return Err(Error::invalid_arg(format!("parameter '{name}' occurs multiple times")));
            }
        }
        let name = text("destination_name");
        match (text("file"), text("destination_xml"), name) {
            (Some(file), ..) => self.saved(file, text("dxml")),
            (_, Some(xml), name) => Ok(vec![self.described(Kind::Domain, xml, name, None)?]),
            (_, _, Some(name)) => Ok(vec![self.domain_by_name(name)?]),
            _ => Ok(vec![Object::unknown(Kind::Domain)]),
        }
    }
}
