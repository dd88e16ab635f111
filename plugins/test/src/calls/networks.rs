//! Virtual networks.

use std::sync::Arc;

use oxivirt_conf::network::{FormatFlags, NoHooks, UpdateCommand, UpdateSection};
use oxivirt_conf::object::Definition;
use oxivirt_core::abi::RString;
use oxivirt_core::call::Call;
use oxivirt_core::constants::{
    ListNetworksFlags, NetworkCreateFlags, NetworkDefineFlags, NetworkMetadataType, NetworkUpdateCommand,
    NetworkUpdateFlags, NetworkUpdateSection, NetworkXmlFlags,
};
use oxivirt_core::event::Event;
use oxivirt_core::interface::{Networks, implements};
use oxivirt_core::types::{Counted, List, Network, Uuid, limit};
use oxivirt_core::{Error, ErrorDomain, Result};

use super::filter::{of_two, passes};
use super::listing::{count, most};
use crate::TestConnection;
use crate::error::{Own, check_flags, exclusive_flags};
use crate::networks::{self, Snapshot, affected, edit, reference};

/// The flags of changes.
const IMPACT: u32 = NetworkUpdateFlags::LIVE.0 | NetworkUpdateFlags::CONFIG.0;

#[implements]
impl Networks for TestConnection {
    #[quick]
    fn connect_list_defined_networks(&self, _call: &Call, maxnames: i32) -> Result<List<RString, { limit::LIST }>> {
        List::new(self.network_names(false).into_iter().take(most(maxnames)).collect())
    }

    #[quick]
    fn connect_list_networks(&self, _call: &Call, maxnames: i32) -> Result<List<RString, { limit::LIST }>> {
        List::new(self.network_names(true).into_iter().take(most(maxnames)).collect())
    }

    fn network_create(&self, call: &Call, net: &Network) -> Result<()> {
        let state = self.state();
        state.start_network(&state.change_network(call, net)?)
    }

    fn network_create_xml(&self, call: &Call, xml: &str) -> Result<Network> {
        self.network_create_xml_flags(call, xml, NetworkCreateFlags::EMPTY)
    }

    fn network_define_xml(&self, call: &Call, xml: &str) -> Result<Network> {
        self.network_define_xml_flags(call, xml, NetworkDefineFlags::EMPTY)
    }

    fn network_destroy(&self, call: &Call, net: &Network) -> Result<()> {
        let state = self.state();
        state.stop_network(&state.change_network(call, net)?)
    }

    #[quick]
    fn network_get_xml_desc(&self, _call: &Call, net: &Network, flags: NetworkXmlFlags) -> Result<String> {
        check_flags(flags.0, NetworkXmlFlags::INACTIVE.0, "network_get_xml_desc")?;
        let snapshot = self.state().read_network(net)?;
        let text = match flags.contains(NetworkXmlFlags::INACTIVE) {
            true => snapshot.inactive_definition().format(FormatFlags::INACTIVE),
            false => snapshot.definition().format(FormatFlags::default()),
        };
        text.own()
    }

    #[quick]
    fn network_get_autostart(&self, _call: &Call, net: &Network) -> Result<bool> {
        Ok(self.state().read_network(net)?.status.autostart)
    }

    #[quick]
    fn network_get_bridge_name(&self, _call: &Call, net: &Network) -> Result<String> {
        let snapshot = self.state().read_network(net)?;
        let definition = snapshot.definition();
        let missing = || Error::internal(format!("network '{}' does not have a bridge name.", definition.name));
        definition.bridge.name.clone().ok_or_else(missing).own()
    }

    #[quick]
    fn network_lookup_by_name(&self, _call: &Call, name: &str) -> Result<Network> {
        Ok(reference(&self.state().networks.require_name(name).own()?.snapshot()))
    }

    #[quick]
    fn network_lookup_by_uuid(&self, _call: &Call, uuid: &Uuid) -> Result<Network> {
        let uuid = uuid::Uuid::from_bytes(uuid.0);
        Ok(reference(&self.state().networks.require_uuid(uuid, None).own()?.snapshot()))
    }

    fn network_set_autostart(&self, call: &Call, net: &Network, autostart: bool) -> Result<()> {
        let job = self.state().change_network(call, net)?;
        job.update(|snapshot| {
            snapshot.status.autostart = autostart;
            Ok(())
        })
        .own()
    }

    fn network_undefine(&self, call: &Call, net: &Network) -> Result<()> {
        let state = self.state();
        state.undefine_network(&state.change_network(call, net)?)
    }

    #[quick]
    fn connect_num_of_defined_networks(&self, _call: &Call) -> Result<i32> {
        count(self.network_names(false).len())
    }

    #[quick]
    fn connect_num_of_networks(&self, _call: &Call) -> Result<i32> {
        count(self.network_names(true).len())
    }

    #[quick]
    fn network_is_active(&self, _call: &Call, net: &Network) -> Result<bool> {
        Ok(self.network_by_uuid(net)?.is_active())
    }

    #[quick]
    fn network_is_persistent(&self, _call: &Call, net: &Network) -> Result<bool> {
        Ok(self.network_by_uuid(net)?.is_persistent())
    }

    #[quick]
    fn connect_list_all_networks(
        &self,
        _call: &Call,
        need_results: bool,
        flags: ListNetworksFlags,
    ) -> Result<Counted<List<Network, { limit::LIST }>>> {
        let known = ListNetworksFlags::ALL.iter().fold(0, |known, (flag, _)| known | flag.0);
        check_flags(flags.0, known, "connect_list_all_networks")?;
        let all = self.state().networks.list();
        let fitting = all.iter().filter(|(_, snapshot)| fits(snapshot, flags));
        Counted::answer(need_results, fitting.map(|(_, snapshot)| reference(snapshot)).collect())
    }

    fn network_update(
        &self,
        call: &Call,
        net: &Network,
        command: NetworkUpdateCommand,
        section: NetworkUpdateSection,
        parent_index: i32,
        xml: &str,
        flags: NetworkUpdateFlags,
    ) -> Result<()> {
        check_flags(flags.0, IMPACT, "network_update")?;
        self.network_by_uuid(net)?;
        let job = self.state().change_network(call, net)?;
        let affected = affected(&job.snapshot(), flags)?;
        let change = || {
            let section = UpdateSection::from_number(section.0)?;
            let command = UpdateCommand::from_number(command.0)?;
            edit(affected, &job, |definition| definition.update(command, section, parent_index, xml, &NoHooks))
        };
        change().map_err(|error| error.in_domain(ErrorDomain::NETWORK))
    }

    fn network_define_xml_flags(&self, call: &Call, xml: &str, flags: NetworkDefineFlags) -> Result<Network> {
        check_flags(flags.0, NetworkDefineFlags::VALIDATE.0, "network_define_xml_flags")?;
        let definition = networks::parse(xml, flags.contains(NetworkDefineFlags::VALIDATE))?;
        self.state().define_network(call, definition)
    }

    fn network_create_xml_flags(&self, call: &Call, xml: &str, flags: NetworkCreateFlags) -> Result<Network> {
        check_flags(flags.0, NetworkCreateFlags::VALIDATE.0, "network_create_xml_flags")?;
        let definition = networks::parse(xml, flags.contains(NetworkCreateFlags::VALIDATE))?;
        self.state().run_network(call, definition)
    }

    fn network_set_metadata(
        &self,
        call: &Call,
        network: &Network,
        r#type: NetworkMetadataType,
        metadata: Option<&str>,
        key: Option<&str>,
        uri: Option<&str>,
        flags: NetworkUpdateFlags,
    ) -> Result<()> {
        check_flags(flags.0, IMPACT, "network_set_metadata")?;
        let job = self.state().change_network(call, network)?;
        let affected = affected(&job.snapshot(), flags)?;
        edit(affected, &job, |definition| definition.set_metadata(r#type, metadata, key, uri))
            .map_err(|error| error.in_domain(ErrorDomain::NETWORK))?;
        let uri = uri.filter(|_| r#type == NetworkMetadataType::ELEMENT);
        self.state().emit_event(Event::network_metadata_change(&reference(&job.snapshot()), r#type, uri));
        Ok(())
    }

    #[quick]
    fn network_get_metadata(
        &self,
        _call: &Call,
        network: &Network,
        r#type: NetworkMetadataType,
        uri: Option<&str>,
        flags: NetworkUpdateFlags,
    ) -> Result<String> {
        check_flags(flags.0, IMPACT, "network_get_metadata")?;
        if flags.contains(NetworkUpdateFlags::LIVE | NetworkUpdateFlags::CONFIG) {
            let (live, config) = ("VIR_NETWORK_UPDATE_AFFECT_LIVE", "VIR_NETWORK_UPDATE_AFFECT_CONFIG");
            return Err(exclusive_flags("network_get_metadata", live, config));
        }
        let snapshot = self.state().read_network(network)?;
        let definition = affected(&snapshot, flags)?.of(&snapshot);
        definition.metadata_text(r#type, uri).map_err(|error| error.in_domain(ErrorDomain::NETWORK))
    }
}

impl TestConnection {
    fn network_names(&self, active: bool) -> Vec<RString> {
        let all = self.state().networks.list();
        let fitting = all.iter().filter(|(_, snapshot)| snapshot.is_active() == active);
        fitting.map(|(_, snapshot)| snapshot.definition().name().into()).collect()
    }

    /// The network by its uuid, with an error that names just that.
    fn network_by_uuid(&self, net: &Network) -> Result<Arc<Snapshot>> {
        let uuid = uuid::Uuid::from_bytes(net.uuid.0);
        Ok(self.state().networks.require_uuid(uuid, None).own()?.snapshot())
    }
}

/// Whether a network passes the filters of a listing.
fn fits(snapshot: &Snapshot, flags: ListNetworksFlags) -> bool {
    use ListNetworksFlags as F;
    passes(
        flags.0,
        &[
            of_two(snapshot.is_active(), F::ACTIVE.0, F::INACTIVE.0),
            of_two(snapshot.is_persistent(), F::PERSISTENT.0, F::TRANSIENT.0),
            of_two(snapshot.status.autostart, F::AUTOSTART.0, F::NO_AUTOSTART.0),
        ],
    )
}
