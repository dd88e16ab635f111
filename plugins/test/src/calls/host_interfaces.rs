//! Network interfaces of the host.

use oxivirt_core::Result;
use oxivirt_core::abi::RString;
use oxivirt_core::call::Call;
use oxivirt_core::constants::{InterfaceDefineFlags, InterfaceXmlFlags, ListInterfacesFlags};
use oxivirt_core::interface::{HostInterfaces, implements};
use oxivirt_core::types::{Counted, HostInterface, List, limit};

use super::filter::{of_two, passes};
use super::listing::{count, most};
use crate::TestConnection;
use crate::error::check_flags;
use crate::interfaces;

#[implements]
impl HostInterfaces for TestConnection {
    #[quick]
    fn connect_num_of_interfaces(&self, _call: &Call) -> Result<i32> {
        count(self.interface_names(true).len())
    }

    #[quick]
    fn connect_list_interfaces(&self, _call: &Call, maxnames: i32) -> Result<List<RString, { limit::LIST }>> {
        List::new(self.interface_names(true).into_iter().take(most(maxnames)).collect())
    }

    #[quick]
    fn interface_lookup_by_name(&self, _call: &Call, name: &str) -> Result<HostInterface> {
        Ok(self.state().interfaces.find(name)?.reference())
    }

    #[quick]
    fn interface_lookup_by_mac_string(&self, _call: &Call, mac: &str) -> Result<HostInterface> {
        Ok(self.state().interfaces.find_by_mac(mac)?.reference())
    }

    #[quick]
    fn interface_get_xml_desc(&self, _call: &Call, iface: &HostInterface, flags: InterfaceXmlFlags) -> Result<String> {
        // What is defined and what is up are one here.
        check_flags(flags.0, InterfaceXmlFlags::INACTIVE.0, "interface_get_xml_desc")?;
        Ok(self.state().interfaces.find(&iface.name)?.definition.format())
    }

    fn interface_define_xml(&self, _call: &Call, xml: &str, flags: InterfaceDefineFlags) -> Result<HostInterface> {
        check_flags(flags.0, InterfaceDefineFlags::VALIDATE.0, "interface_define_xml")?;
        let definition = interfaces::parse(xml, flags.contains(InterfaceDefineFlags::VALIDATE))?;
        self.state().interfaces.define(definition)
    }

    fn interface_undefine(&self, _call: &Call, iface: &HostInterface) -> Result<()> {
        self.state().interfaces.undefine(&iface.name)
    }

    fn interface_create(&self, _call: &Call, iface: &HostInterface, flags: u32) -> Result<()> {
        check_flags(flags, 0, "interface_create")?;
        self.state().interfaces.set_active(&iface.name, true)
    }

    fn interface_destroy(&self, _call: &Call, iface: &HostInterface, flags: u32) -> Result<()> {
        check_flags(flags, 0, "interface_destroy")?;
        self.state().interfaces.set_active(&iface.name, false)
    }

    #[quick]
    fn connect_num_of_defined_interfaces(&self, _call: &Call) -> Result<i32> {
        count(self.interface_names(false).len())
    }

    #[quick]
    fn connect_list_defined_interfaces(&self, _call: &Call, maxnames: i32) -> Result<List<RString, { limit::LIST }>> {
        List::new(self.interface_names(false).into_iter().take(most(maxnames)).collect())
    }

    #[quick]
    fn interface_is_active(&self, _call: &Call, iface: &HostInterface) -> Result<bool> {
        Ok(self.state().interfaces.find(&iface.name)?.active)
    }

    fn interface_change_begin(&self, _call: &Call, flags: u32) -> Result<()> {
        check_flags(flags, 0, "interface_change_begin")?;
        self.state().interfaces.begin()
    }

    fn interface_change_commit(&self, _call: &Call, flags: u32) -> Result<()> {
        check_flags(flags, 0, "interface_change_commit")?;
        self.state().interfaces.commit()
    }

    fn interface_change_rollback(&self, _call: &Call, flags: u32) -> Result<()> {
        check_flags(flags, 0, "interface_change_rollback")?;
        self.state().interfaces.roll_back()
    }

    #[quick]
    fn connect_list_all_interfaces(
        &self,
        _call: &Call,
        need_results: bool,
        flags: ListInterfacesFlags,
    ) -> Result<Counted<List<HostInterface, { limit::LIST }>>> {
        use ListInterfacesFlags as F;
        check_flags(flags.0, (F::ACTIVE | F::INACTIVE).0, "connect_list_all_interfaces")?;
        let all = self.state().interfaces.all();
        let fits = |active| passes(flags.0, &[of_two(active, F::ACTIVE.0, F::INACTIVE.0)]);
        let fitting = all.values().filter(|interface| fits(interface.active));
        Counted::answer(need_results, fitting.map(|interface| interface.reference()).collect())
    }
}

impl TestConnection {
    fn interface_names(&self, active: bool) -> Vec<RString> {
        let all = self.state().interfaces.all();
        let fitting = all.iter().filter(|(_, interface)| interface.active == active);
        fitting.map(|(name, _)| name.as_str().into()).collect()
    }
}
