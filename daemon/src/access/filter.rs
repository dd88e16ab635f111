//! Listings, without what the client may not see.

use oxivirt_core::constants::{
    ListDomainsFlags, ListInterfacesFlags, ListNetworksFlags, ListNodeDevicesFlags, ListSecretsFlags,
    ListStoragePoolsFlags,
};
use oxivirt_core::interface::{
    CallDescription, DomainListing, HostInterfaces, Networks, NodeDevices, NwFilters, Secrets, StoragePools,
};
use oxivirt_core::types::{
    Domain, DomainStatsRecord, HostInterface, Network, NetworkPort, NodeDevice, NwFilter, NwFilterBinding, Secret,
    StoragePool, StorageVolume, limit,
};
use oxivirt_core::wire::xdr::{Reader, Writer, Xdr, decode_array, encode_array};
use oxivirt_core::{Error, Result};

use super::find::Finder;
use super::object::{Kind, Object};
use super::plan::Plan;

/// Elements of any listing.
const ANY: usize = limit::NODE_DEVICES;

/// One listing on its way to a client.
pub(super) struct Listing<'a, F> {
    pub(super) finder: &'a Finder<'a>,
    pub(super) call: &'a CallDescription,
    pub(super) plan: &'a Plan,
    pub(super) payload: &'a [u8],
    /// Whether the client may see an object; an error ends the listing, so that
    /// a backend that does not answer is not waited for once per object.
    pub(super) sees: F,
}

/// How a listing is answered.
pub(super) enum Form {
    /// The answer holds objects, of which some are left out.
    Objects,
    /// The answer holds names, ids or a number, made from objects.
    Words,
}

/// How a call lists.
pub(super) fn form(call: &CallDescription, plan: &Plan) -> Form {
    let objects = need_results(call).is_some() || plan.filter.is_some_and(|(_, permission)| permission != "getattr");
    if objects { Form::Objects } else { Form::Words }
}

/// The argument that says whether more than a number is wanted.
fn need_results(call: &CallDescription) -> Option<usize> {
    (call.arguments)().iter().position(|(name, _)| *name == "need_results")
}

impl<F: Fn(Object) -> Result<bool>> Listing<'_, F> {
    /// The arguments, changed so that the objects are in the answer in any case.
    pub(super) fn arguments(&self) -> Result<Vec<u8>> {
        let mut payload = self.payload.to_vec();
        if let Some(at) = need_results(self.call) {
            let before = payload.len() - self.plan.argument(at, self.payload)?.rest().len();
            if let Some(wish) = payload.get_mut(before..before + 4) {
                wish.copy_from_slice(&1u32.to_be_bytes());
            }
        }
        Ok(payload)
    }

    /// Takes out of a driver's answer what the client may not see.
    pub(super) fn objects(&self, kind: Kind, answer: &[u8], out: &mut Writer) -> Result<()> {
        let only = |object: Object| (self.sees)(object);
        match kind {
            Kind::Domain if need_results(self.call).is_none() => {
                let mut records = decode_array::<DomainStatsRecord>(&mut Reader::new(answer), ANY)?;
                retain(&mut records, |record| only(Object::from(&record.dom)))?;
                encode_array(&records, ANY, out)
            }
            Kind::Domain => self.keep(answer, out, |domain: &Domain| only(domain.into())),
            Kind::Interface => self.keep(answer, out, |interface: &HostInterface| only(interface.into())),
            Kind::Network => self.keep(answer, out, |network: &Network| only(network.into())),
            Kind::NetworkPort => self.keep(answer, out, |port: &NetworkPort| only(port.into())),
            Kind::NodeDevice => self.keep(answer, out, |device: &NodeDevice| only(device.into())),
            Kind::NwFilter => self.keep(answer, out, |filter: &NwFilter| only(filter.into())),
            Kind::NwFilterBinding => {
                self.keep(answer, out, |binding: &NwFilterBinding| only(self.finder.binding(binding)))
            }
            Kind::Secret => self.keep(answer, out, |secret: &Secret| only(secret.into())),
            Kind::StoragePool => self.keep(answer, out, |pool: &StoragePool| only(pool.into())),
            Kind::StorageVol => {
                let pool = self.pool()?;
                self.keep(answer, out, |volume: &StorageVolume| only((&pool, volume).into()))
            }
            Kind::Connect => Err(Error::internal("a listing of connections")),
        }
    }

    /// Objects, then how many there are.
    fn keep<T: Xdr>(&self, answer: &[u8], out: &mut Writer, keeps: impl Fn(&T) -> Result<bool>) -> Result<()> {
        let mut items = decode_array::<T>(&mut Reader::new(answer), ANY)?;
        retain(&mut items, keeps)?;
        let count = u32::try_from(items.len()).map_err(|_| Error::internal("too many objects"))?;
        let wanted = match need_results(self.call) {
            Some(at) => self.plan.argument(at, self.payload)?.get_u32()? != 0,
            None => true,
        };
        if !wanted {
            items.clear();
        }
        encode_array(&items, ANY, out)?;
        out.put_u32(count);
        Ok(())
    }

    /// Answers with names, ids or a number of what the client may see.
    pub(super) fn words(&self, kind: Kind, out: &mut Writer) -> Result<()> {
        let mut seen = self.list(kind)?;
        retain(&mut seen, |(object, _, _)| (self.sees)(object.clone()))?;
        let arguments = (self.call.arguments)();
        let most = arguments.iter().position(|(name, _)| matches!(*name, "maxnames" | "maxids" | "maxuuids"));
        let Some(most) = most else {
            let count = i32::try_from(seen.len()).map_err(|_| Error::internal("too many objects"))?;
            return count.encode(out);
        };
        let most: i32 = self.plan.value(most, self.payload)?;
        let most =
            usize::try_from(most).map_err(|_| Error::invalid_arg(format!("{most} names are no number of names")))?;
        seen.truncate(most);
        if self.call.name == "connect_list_domains" {
            let ids: Vec<i32> = seen.into_iter().map(|(_, _, id)| id).collect();
            return encode_array(&ids, ANY, out);
        }
        let names: Vec<String> = seen.into_iter().map(|(_, name, _)| name).collect();
        encode_array(&names, ANY, out)
    }

    /// Every object that an old call lists, with its name and id.
    fn list(&self, kind: Kind) -> Result<Vec<(Object, String, i32)>> {
        let (to, call) = (self.finder.connection, self.finder.call);
        // Inactive ones are listed by calls of their own.
        let defined = self.call.name.contains("_defined_");
        let pick = |active: u32, inactive: u32| if defined { inactive } else { active };
        Ok(match kind {
            Kind::Domain => {
                let flags = pick(ListDomainsFlags::ACTIVE.0, ListDomainsFlags::INACTIVE.0);
                let all = to.connect_list_all_domains(call, true, ListDomainsFlags(flags))?.items;
                all.iter().map(|item| (item.into(), item.name.to_string(), item.id)).collect()
            }
            Kind::Network => {
                let flags = pick(ListNetworksFlags::ACTIVE.0, ListNetworksFlags::INACTIVE.0);
                let all = to.connect_list_all_networks(call, true, ListNetworksFlags(flags))?.items;
                all.iter().map(|item| (item.into(), item.name.to_string(), -1)).collect()
            }
            Kind::StoragePool => {
                let flags = pick(ListStoragePoolsFlags::ACTIVE.0, ListStoragePoolsFlags::INACTIVE.0);
                let all = to.connect_list_all_storage_pools(call, true, ListStoragePoolsFlags(flags))?.items;
                all.iter().map(|item| (item.into(), item.name.to_string(), -1)).collect()
            }
            Kind::Interface => {
                let flags = pick(ListInterfacesFlags::ACTIVE.0, ListInterfacesFlags::INACTIVE.0);
                let all = to.connect_list_all_interfaces(call, true, ListInterfacesFlags(flags))?.items;
                all.iter().map(|item| (item.into(), item.name.to_string(), -1)).collect()
            }
            Kind::NwFilter => {
                let all = to.connect_list_all_nwfilters(call, true, 0)?.items;
                all.iter().map(|item| (item.into(), item.name.to_string(), -1)).collect()
            }
            Kind::Secret => {
                let all = to.connect_list_all_secrets(call, true, ListSecretsFlags::EMPTY)?.items;
                all.iter().map(|item| (item.into(), item.uuid.to_string(), -1)).collect()
            }
            Kind::NodeDevice => {
                // The capability that is wanted comes first.
                let capability: Option<String> = self.plan.value(0, self.payload)?;
                let all = match capability {
                    None => {
                        let flags = ListNodeDevicesFlags::EMPTY;
                        let all = to.connect_list_all_node_devices(call, true, flags)?.items;
                        all.iter().map(|item| item.name.to_string()).collect::<Vec<_>>()
                    }
                    Some(capability) => {
                        let most = i32::try_from(limit::NODE_DEVICES).unwrap_or(i32::MAX);
                        let all = to.node_list_devices(call, Some(&capability), most, 0)?;
                        all.iter().map(ToString::to_string).collect()
                    }
                };
                all.into_iter().map(|name| (Object::node_device(&name), name, -1)).collect()
            }
            Kind::StorageVol => {
                let pool = self.pool()?;
                let all = to.storage_pool_list_all_volumes(call, &pool, true, 0)?.items;
                all.iter().map(|item| ((&pool, item).into(), item.name.to_string(), -1)).collect()
            }
            Kind::Connect | Kind::NetworkPort | Kind::NwFilterBinding => {
                return Err(Error::internal(format!("{} cannot be listed for this client", self.call.name)));
            }
        })
    }

    /// The pool whose volumes are listed.
    fn pool(&self) -> Result<StoragePool> {
        let pool: StoragePool = self.plan.value(0, self.payload)?;
        self.finder.connection.storage_pool_lookup_by_uuid(self.finder.call, &pool.uuid)
    }
}

/// Leaves out what is not to be kept; the first error ends it.
fn retain<T>(items: &mut Vec<T>, keeps: impl Fn(&T) -> Result<bool>) -> Result<()> {
    let mut outcome = Ok(());
    items.retain(|item| {
        let kept = outcome.is_ok().then(|| keeps(item));
        kept.is_some_and(|kept| {
            kept.unwrap_or_else(|error| {
                outcome = Err(error);
                false
            })
        })
    });
    outcome
}
