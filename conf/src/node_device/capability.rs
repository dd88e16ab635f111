//! `<capability>`: what a device is.

use oxivirt_core::Result;

use super::number::require_text;
use super::*;
use crate::xml::{Element, Node, Writer};
use crate::xml_enum;

xml_enum! {
    /// Kinds of devices and of what they can do, as listings name them.
    pub enum CapabilityKind {
        System = "system", Pci = "pci", UsbDevice = "usb_device", UsbInterface = "usb", Net = "net",
        ScsiHost = "scsi_host", ScsiTarget = "scsi_target", Scsi = "scsi", Storage = "storage", FcHost = "fc_host",
        Vports = "vports", ScsiGeneric = "scsi_generic", Drm = "drm", MdevTypes = "mdev_types", Mdev = "mdev",
        Ccw = "ccw", Css = "css", Vdpa = "vdpa", ApCard = "ap_card", ApQueue = "ap_queue", ApMatrix = "ap_matrix",
        Vpd = "vpd", CcwGroup = "ccwgroup",
    }
}

xml_enum! {
    /// What a file of a graphics device is for.
    pub enum DrmType { Primary = "primary", Control = "control", Render = "render" }
}

/// One capability of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Capability {
    /// The host itself.
    System(Box<SystemDevice>),
    /// A function on a PCI bus.
    Pci(Box<PciDevice>),
    /// A device on a USB bus.
    UsbDevice(UsbDevice),
    /// An interface of a USB device.
    UsbInterface(UsbInterface),
    /// A network card.
    Net(NetDevice),
    /// A SCSI adapter.
    ScsiHost(Box<ScsiHost>),
    /// A target on a SCSI bus.
    ScsiTarget(ScsiTarget),
    /// A unit of a SCSI target.
    Scsi(ScsiDevice),
    /// The file through which a SCSI unit takes commands.
    ScsiGeneric(String),
    /// A disk, a drive.
    Storage(Box<StorageDevice>),
    /// A file of a graphics device.
    Drm(DrmType),
    /// A mediated device.
    Mdev(Box<MdevDevice>),
    /// A device of a channel subsystem.
    Ccw(CcwDevice),
    /// A subchannel.
    Css(CssDevice),
    /// Several channel devices that work as one.
    CcwGroup(CcwGroup),
    /// The file of a vDPA device.
    Vdpa(String),
    /// A cryptographic card: its number.
    ApCard(u8),
    /// A queue of a cryptographic card.
    ApQueue(ApQueue),
    /// The place where queues are put together.
    ApMatrix(ApMatrix),
}

impl Capability {
    /// Its kind.
    pub const fn kind(&self) -> CapabilityKind {
        match self {
            Self::System(_) => CapabilityKind::System,
            Self::Pci(_) => CapabilityKind::Pci,
            Self::UsbDevice(_) => CapabilityKind::UsbDevice,
            Self::UsbInterface(_) => CapabilityKind::UsbInterface,
            Self::Net(_) => CapabilityKind::Net,
            Self::ScsiHost(_) => CapabilityKind::ScsiHost,
            Self::ScsiTarget(_) => CapabilityKind::ScsiTarget,
            Self::Scsi(_) => CapabilityKind::Scsi,
            Self::ScsiGeneric(_) => CapabilityKind::ScsiGeneric,
            Self::Storage(_) => CapabilityKind::Storage,
            Self::Drm(_) => CapabilityKind::Drm,
            Self::Mdev(_) => CapabilityKind::Mdev,
            Self::Ccw(_) => CapabilityKind::Ccw,
            Self::Css(_) => CapabilityKind::Css,
            Self::CcwGroup(_) => CapabilityKind::CcwGroup,
            Self::Vdpa(_) => CapabilityKind::Vdpa,
            Self::ApCard(_) => CapabilityKind::ApCard,
            Self::ApQueue(_) => CapabilityKind::ApQueue,
            Self::ApMatrix(_) => CapabilityKind::ApMatrix,
        }
    }

    /// Its kind, followed by the kinds that it contains.
    pub fn kinds(&self) -> Vec<CapabilityKind> {
        let mut kinds = vec![self.kind()];
        let mut add = |there: bool, kind| {
            if there {
                kinds.push(kind);
            }
        };
        match self {
            Self::ScsiHost(host) => {
                add(host.fc_host.is_some(), CapabilityKind::FcHost);
                add(host.vport_ops.is_some(), CapabilityKind::Vports);
            }
            Self::Pci(pci) => {
                add(!pci.mdev_types.is_empty(), CapabilityKind::MdevTypes);
                add(pci.vpd.is_some(), CapabilityKind::Vpd);
            }
            Self::Css(css) => add(!css.mdev_types.is_empty(), CapabilityKind::MdevTypes),
            Self::ApMatrix(matrix) => add(!matrix.mdev_types.is_empty(), CapabilityKind::MdevTypes),
            _ => {}
        }
        kinds
    }

    pub(super) fn parse(node: Node<'_>, parse_as: ParseAs) -> Result<Self> {
        Ok(match node.require::<CapabilityKind>("type")? {
            CapabilityKind::System => Self::System(Element::parse(node)?),
            CapabilityKind::Pci => Self::Pci(Element::parse(node)?),
            CapabilityKind::UsbDevice => Self::UsbDevice(Element::parse(node)?),
            CapabilityKind::UsbInterface => Self::UsbInterface(Element::parse(node)?),
            CapabilityKind::Net => Self::Net(Element::parse(node)?),
            CapabilityKind::ScsiHost => Self::ScsiHost(Box::new(ScsiHost::parse(node, parse_as)?)),
            CapabilityKind::ScsiTarget => Self::ScsiTarget(Element::parse(node)?),
            CapabilityKind::Scsi => Self::Scsi(Element::parse(node)?),
            CapabilityKind::ScsiGeneric => Self::ScsiGeneric(require_text(node, "char")?),
            CapabilityKind::Storage => Self::Storage(Element::parse(node)?),
            CapabilityKind::Drm => Self::Drm(node.child_value("type")?.ok_or_else(|| node.missing_child("type"))?),
            CapabilityKind::Mdev => Self::Mdev(Element::parse(node)?),
            CapabilityKind::Ccw => Self::Ccw(Element::parse(node)?),
            CapabilityKind::Css => Self::Css(Element::parse(node)?),
            CapabilityKind::CcwGroup => Self::CcwGroup(Element::parse(node)?),
            CapabilityKind::Vdpa => Self::Vdpa(require_text(node, "chardev")?),
            CapabilityKind::ApCard => Self::ApCard(ap::parse_adapter(node)?),
            CapabilityKind::ApQueue => Self::ApQueue(Element::parse(node)?),
            CapabilityKind::ApMatrix => Self::ApMatrix(Element::parse(node)?),
            kind @ (CapabilityKind::FcHost
            | CapabilityKind::Vports
            | CapabilityKind::MdevTypes
            | CapabilityKind::Vpd) => {
                return Err(node.error(format_args!("'{kind}' is a part of another capability, not one of a device")));
            }
        })
    }
}

impl Element for Capability {
    fn parse(node: Node<'_>) -> Result<Self> {
        Self::parse(node, ParseAs::Existing)
    }

    fn format(&self, w: &mut Writer) {
        w.attr("type", &self.kind());
        w.force_children();
        match self {
            Self::System(system) => system.format(w),
            Self::Pci(pci) => pci.format(w),
            Self::UsbDevice(device) => device.format(w),
            Self::UsbInterface(interface) => interface.format(w),
            Self::Net(net) => net.format(w),
            Self::ScsiHost(host) => host.format(w),
            Self::ScsiTarget(target) => target.format(w),
            Self::Scsi(scsi) => scsi.format(w),
            Self::ScsiGeneric(file) => w.leaf("char", file),
            Self::Storage(storage) => storage.format(w),
            Self::Drm(kind) => w.leaf("type", kind),
            Self::Mdev(mdev) => mdev.format(w),
            Self::Ccw(ccw) => ccw.format(w),
            Self::Css(css) => css.format(w),
            Self::CcwGroup(group) => group.format(w),
            Self::Vdpa(file) => w.leaf("chardev", file),
            Self::ApCard(adapter) => ap::format_adapter(w, *adapter),
            Self::ApQueue(queue) => queue.format(w),
            Self::ApMatrix(matrix) => matrix.format(w),
        }
    }
}
