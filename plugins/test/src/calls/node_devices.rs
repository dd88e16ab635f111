//! Devices of the host.

use oxivirt_conf::node_device::{CapabilityKind, DeviceView, NodeDeviceDefinition};
use oxivirt_core::abi::RString;
use oxivirt_core::call::Call;
use oxivirt_core::constants::{ListNodeDevicesFlags, NodeDeviceCreateXmlFlags, NodeDeviceXmlFlags};
use oxivirt_core::interface::{NodeDevices, implements};
use oxivirt_core::types::{Counted, List, NodeDevice, limit};
use oxivirt_core::{Error, ErrorCode, ErrorDomain, Result};

use super::filter::{of_two, passes};
use super::listing::{count, most};
use crate::TestConnection;
use crate::error::check_flags;
use crate::node_devices::{self, Device, NewAdapter, by_wwn, fc_host, has};

#[implements]
impl NodeDevices for TestConnection {
    #[quick]
    fn node_num_of_devices(&self, _call: &Call, cap: Option<&str>, flags: u32) -> Result<i32> {
        check_flags(flags, 0, "node_num_of_devices")?;
        count(self.device_names(cap).len())
    }

    #[quick]
    fn node_list_devices(
        &self,
        _call: &Call,
        cap: Option<&str>,
        maxnames: i32,
        flags: u32,
    ) -> Result<List<RString, { limit::NODE_DEVICES }>> {
        check_flags(flags, 0, "node_list_devices")?;
        List::new(self.device_names(cap).into_iter().take(most(maxnames)).collect())
    }

    #[quick]
    fn node_device_lookup_by_name(&self, _call: &Call, name: &str) -> Result<NodeDevice> {
        self.state().find_device(name).map(|device| reference(&device.definition))
    }

    #[quick]
    fn node_device_get_xml_desc(&self, _call: &Call, name: &str, flags: NodeDeviceXmlFlags) -> Result<String> {
        check_flags(flags.0, NodeDeviceXmlFlags::INACTIVE.0, "node_device_get_xml_desc")?;
        let device = self.state().find_device(name)?;
        let inactive = flags.contains(NodeDeviceXmlFlags::INACTIVE);
        Ok(device.definition.format(if inactive { DeviceView::Inactive } else { DeviceView::Active }))
    }

    #[quick]
    fn node_device_get_parent(&self, _call: &Call, name: &str) -> Result<Option<String>> {
        Ok(self.state().find_device(name)?.definition.parent.clone())
    }

    #[quick]
    fn node_device_num_of_caps(&self, _call: &Call, name: &str) -> Result<i32> {
        count(self.state().find_device(name)?.definition.capabilities.len())
    }

    #[quick]
    fn node_device_list_caps(
        &self,
        _call: &Call,
        name: &str,
        maxnames: i32,
    ) -> Result<List<RString, { limit::NODE_DEVICES }>> {
        let device = self.state().find_device(name)?;
        let names = device.definition.capabilities.iter().map(|capability| capability.kind().as_str().into());
        List::new(names.take(most(maxnames)).collect())
    }

    fn node_device_create_xml(
        &self,
        _call: &Call,
        xml_desc: &str,
        flags: NodeDeviceCreateXmlFlags,
    ) -> Result<NodeDevice> {
        check_flags(flags.0, NodeDeviceCreateXmlFlags::VALIDATE.0, "node_device_create_xml")?;
        let new = node_devices::parse_new(xml_desc, flags.contains(NodeDeviceCreateXmlFlags::VALIDATE))?;
        let Some(fc) = fc_host(&new) else {
            return Err(Error::internal("Device is not a fibre channel HBA").in_domain(ErrorDomain::NODEDEV));
        };
        let name = self.state().create_adapter(&NewAdapter {
            purpose: &new.name,
            parent: new.parent.as_deref(),
            parent_hba: &new.parent_hba,
            wwnn: fc.wwnn.as_deref(),
            wwpn: fc.wwpn.as_deref(),
        })?;
        Ok(NodeDevice { name: name.into() })
    }

    fn node_device_destroy(&self, _call: &Call, name: &str) -> Result<()> {
        self.state().destroy_device(name)
    }

    #[quick]
    fn connect_list_all_node_devices(
        &self,
        _call: &Call,
        need_results: bool,
        flags: ListNodeDevicesFlags,
    ) -> Result<Counted<List<NodeDevice, { limit::NODE_DEVICES }>>> {
        let known = ListNodeDevicesFlags::ALL.iter().fold(0, |known, (flag, _)| known | flag.0);
        check_flags(flags.0, known, "connect_list_all_node_devices")?;
        let all = self.state().devices.all();
        let fitting = all.values().filter(|device| fits(device, flags));
        Counted::answer(need_results, fitting.map(|device| reference(&device.definition)).collect())
    }

    #[quick]
    fn node_device_lookup_scsi_host_by_wwn(
        &self,
        _call: &Call,
        wwnn: &str,
        wwpn: &str,
        flags: u32,
    ) -> Result<NodeDevice> {
        check_flags(flags, 0, "node_device_lookup_scsi_host_by_wwn")?;
        let all = self.state().devices.all();
        by_wwn(&all, wwnn, wwpn).map(reference).ok_or_else(|| {
            let text = format!("no node device with matching wwnn '{wwnn}' and wwpn '{wwpn}'");
            Error::new(ErrorCode::NO_NODE_DEVICE, text).in_domain(ErrorDomain::TEST)
        })
    }

    #[quick]
    fn node_device_is_persistent(&self, _call: &Call, name: &str) -> Result<bool> {
        Ok(self.state().find_device(name)?.persistent)
    }

    #[quick]
    fn node_device_is_active(&self, _call: &Call, name: &str) -> Result<bool> {
        // There are no devices that are only defined.
        self.state().find_device(name).map(|_| true)
    }
}

impl TestConnection {
    fn device_names(&self, cap: Option<&str>) -> Vec<RString> {
        let all = self.state().devices.all();
        let kind = cap.map(CapabilityKind::from_word);
        let fits = |device: &NodeDeviceDefinition| match kind {
            None => true,
            Some(None) => false,
            Some(Some(kind)) => has(device, kind),
        };
        all.values()
            .map(|device| &device.definition)
            .filter(|device| fits(device))
            .map(|device| device.name.as_str().into())
            .collect()
    }
}

fn reference(device: &NodeDeviceDefinition) -> NodeDevice {
    NodeDevice { name: device.name.as_str().into() }
}

/// Whether a device passes the filters of a listing.
fn fits(device: &Device, flags: ListNodeDevicesFlags) -> bool {
    use ListNodeDevicesFlags as F;
    let kinds = F::ALL.iter().filter(|(flag, _)| kind_of(*flag).is_some());
    let every = kinds.clone().fold(0, |all, (flag, _)| all | flag.0);
    let own = kinds.filter(|(flag, _)| kind_of(*flag).is_some_and(|kind| has(&device.definition, kind)));
    let own = own.fold(0, |own, (flag, _)| own | flag.0);
    passes(
        flags.0,
        &[
            (every | F::CAP_CCWGROUP_MEMBER.0, own),
            of_two(true, F::ACTIVE.0, F::INACTIVE.0),
            of_two(device.persistent, F::PERSISTENT.0, F::TRANSIENT.0),
        ],
    )
}

/// The kind of device that a flag is about.
fn kind_of(flag: ListNodeDevicesFlags) -> Option<CapabilityKind> {
    use CapabilityKind as K;
    use ListNodeDevicesFlags as F;
    Some(match flag {
        F::CAP_SYSTEM => K::System,
        F::CAP_PCI_DEV => K::Pci,
        F::CAP_USB_DEV => K::UsbDevice,
        F::CAP_USB_INTERFACE => K::UsbInterface,
        F::CAP_NET => K::Net,
        F::CAP_SCSI_HOST => K::ScsiHost,
        F::CAP_SCSI_TARGET => K::ScsiTarget,
        F::CAP_SCSI => K::Scsi,
        F::CAP_STORAGE => K::Storage,
        F::CAP_FC_HOST => K::FcHost,
        F::CAP_VPORTS => K::Vports,
        F::CAP_SCSI_GENERIC => K::ScsiGeneric,
        F::CAP_DRM => K::Drm,
        F::CAP_MDEV_TYPES => K::MdevTypes,
        F::CAP_MDEV => K::Mdev,
        F::CAP_CCW_DEV => K::Ccw,
        F::CAP_CSS_DEV => K::Css,
        F::CAP_VDPA => K::Vdpa,
        F::CAP_AP_CARD => K::ApCard,
        F::CAP_AP_QUEUE => K::ApQueue,
        F::CAP_AP_MATRIX => K::ApMatrix,
        F::CAP_VPD => K::Vpd,
        F::CAP_CCWGROUP_DEV => K::CcwGroup,
        _ => return None,
    })
}
