//! `<os>` and `<bootloader>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use super::devices::StorageSource;
use crate::rare::Rare;
use crate::xml::{Element, Node, Value, Writer, YesNo};
use crate::xml_enum;

xml_enum! {
    /// What the guest's kernel expects to run on.
    pub enum OsType { Hvm = "hvm", Xen = "xen", Linux = "linux", Exe = "exe", Uml = "uml", XenPvh = "xenpvh" }
}

xml_enum! {
    /// Firmware that is chosen automatically.
    pub enum Firmware { Bios = "bios", Efi = "efi" }
}

xml_enum! {
    /// A kind of boot device.
    pub enum BootDevice { Fd = "fd", CdRom = "cdrom", Hd = "hd", Network = "network" }
}

xml_enum! {
    /// How a firmware image is attached.
    pub enum LoaderType { Rom = "rom", Pflash = "pflash" }
}

xml_enum! {
    /// Format of a firmware image.
    pub enum FirmwareFormat { Raw = "raw", Qcow2 = "qcow2" }
}

xml_enum! {
    /// Where SMBIOS strings come from.
    pub enum SmbiosMode { Emulate = "emulate", Host = "host", Sysinfo = "sysinfo" }
}

xml_enum! {
    /// Kind of an ACPI table.
    pub enum AcpiTableType { Raw = "raw", Rawset = "rawset", Slic = "slic", Msdm = "msdm" }
}

/// `<os>`.
#[derive(Debug, Clone, PartialEq, Default, Element)]
pub struct Os {
    #[xml(attr)]
    pub firmware: Option<Firmware>,
    #[xml(child = "type")]
    pub kind: OsKind,
    #[xml(children = "feature", wrap = "firmware")]
    pub firmware_features: Rare<Vec<FirmwareFeature>>,
    /// The first process of a container.
    #[xml(flatten)]
    pub init: Rare<Init>,
    #[xml(child)]
    pub loader: Option<Box<Loader>>,
    #[xml(child)]
    pub nvram: Option<Box<Nvram>>,
    /// What is started without a boot loader.
    #[xml(flatten)]
    pub direct: Rare<DirectBoot>,
    #[xml(children = "table", wrap = "acpi")]
    pub acpi_tables: Rare<Vec<AcpiTable>>,
    #[xml(children = "boot")]
    pub boot: Vec<OsBoot>,
    #[xml(child)]
    pub bootmenu: Option<BootMenu>,
    #[xml(child)]
    pub bios: Option<Bios>,
    #[xml(child)]
    pub smbios: Option<Smbios>,
}

crate::absent!(Init, DirectBoot);

/// The first process of a container, elements of `<os>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Init {
    #[xml(leaf = "init")]
    pub path: Option<String>,
    #[xml(leaf = "initarg")]
    pub args: Vec<String>,
    #[xml(children = "initenv")]
    pub envs: Vec<InitEnv>,
    #[xml(leaf = "initdir")]
    pub dir: Option<String>,
    #[xml(leaf = "inituser")]
    pub user: Option<String>,
    #[xml(leaf = "initgroup")]
    pub group: Option<String>,
}

/// A kernel that is started without a boot loader, elements of `<os>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct DirectBoot {
    #[xml(leaf)]
    pub kernel: Option<String>,
    #[xml(leaf)]
    pub initrd: Option<String>,
    #[xml(leaf)]
    pub cmdline: Option<String>,
    #[xml(leaf)]
    pub dtb: Option<String>,
    #[xml(leaf)]
    pub root: Option<String>,
    #[xml(leaf)]
    pub shim: Option<String>,
}

/// `<type arch='x86_64' machine='q35'>hvm</type>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OsKind {
    /// Absent until the driver fills in the host's.
    pub arch: Option<String>,
    pub machine: Option<String>,
    /// Absent in a document is an error of the validation.
    pub kind: Option<OsType>,
}

impl Element for OsKind {
    fn parse(node: Node<'_>) -> Result<Self> {
        let text = node.text();
        let kind = match text.trim() {
            "" => None,
            // An old word for paravirtualized Xen guests.
            "linux" => Some(OsType::Linux),
            _ => Some(node.text_value()?),
        };
        Ok(Self { arch: node.value("arch")?, machine: node.value("machine")?, kind })
    }

    fn format(&self, w: &mut Writer) {
        w.attr_opt("arch", self.arch.as_ref());
        w.attr_opt("machine", self.machine.as_ref());
        if let Some(kind) = &self.kind {
            w.text(kind);
        }
    }
}

/// `<feature enabled='yes' name='secure-boot'/>` of `<firmware>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct FirmwareFeature {
    #[xml(attr)]
    pub enabled: YesNo,
    #[xml(attr)]
    pub name: FirmwareFeatureName,
}

xml_enum! {
    /// A property of firmware that can be asked for.
    pub enum FirmwareFeatureName { EnrolledKeys = "enrolled-keys", SecureBoot = "secure-boot" }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct InitEnv {
    #[xml(attr)]
    pub name: String,
    #[xml(text)]
    pub value: String,
}

/// `<loader readonly='yes' type='pflash'>/path</loader>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Loader {
    #[xml(attr)]
    pub readonly: Option<YesNo>,
    #[xml(attr)]
    pub secure: Option<YesNo>,
    #[xml(attr = "type")]
    pub kind: Option<LoaderType>,
    #[xml(attr)]
    pub stateless: Option<YesNo>,
    #[xml(attr)]
    pub format: Option<FirmwareFormat>,
    #[xml(text)]
    pub path: Option<String>,
}

/// `<nvram>`: a path as text, or a `<source>` with `type=`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Nvram {
    pub template: Option<String>,
    pub template_format: Option<FirmwareFormat>,
    pub format: Option<FirmwareFormat>,
    pub path: Option<String>,
    /// Set instead of `path` when the document has `type=` and `<source>`.
    pub source: Option<StorageSource>,
}

impl Element for Nvram {
    fn parse(node: Node<'_>) -> Result<Self> {
        let mut source = node.attr("type").map(|kind| StorageSource::parse_typed(node, kind)).transpose()?;
        if let Some(source) = &mut source {
            // A guest never starts without it.
            source.startup_policy = None;
        }
        let text = node.text();
        let path = (source.is_none() && !text.trim().is_empty()).then(|| text.into_owned());
        Ok(Self {
            template: node.value("template")?,
            template_format: node.value("templateFormat")?,
            format: node.value("format")?,
            path,
            source,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.attr_opt("template", self.template.as_ref());
        w.attr_opt("templateFormat", self.template_format.as_ref());
        if let Some(source) = &self.source {
            w.attr_str("type", source.type_name());
        }
        w.attr_opt("format", self.format.as_ref());
        match (&self.source, &self.path) {
            (Some(source), _) => source.format_source(w),
            (None, Some(path)) => w.text(path),
            (None, None) => {}
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct AcpiTable {
    #[xml(attr = "type")]
    pub kind: AcpiTableType,
    #[xml(text)]
    pub path: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Element)]
pub struct OsBoot {
    #[xml(attr)]
    pub dev: BootDevice,
}

/// `<bootmenu enable='yes' timeout='3000'/>`; the time-out in milliseconds,
/// at most 65535.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct BootMenu {
    #[xml(attr)]
    pub enable: Option<YesNo>,
    #[xml(attr)]
    pub timeout: Option<u32>,
}

/// `<bios useserial='yes' rebootTimeout='0'/>`; -1 to 65535 milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Bios {
    #[xml(attr)]
    pub useserial: Option<YesNo>,
    #[xml(attr = "rebootTimeout")]
    pub reboot_timeout: Option<i32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Smbios {
    #[xml(attr)]
    pub mode: SmbiosMode,
}

impl Os {
    /// The guest's machine type, empty before the driver chose one.
    pub fn machine(&self) -> &str {
        self.kind.machine.as_deref().unwrap_or_default()
    }

    /// The guest's architecture, empty before the driver chose one.
    pub fn arch(&self) -> &str {
        self.kind.arch.as_deref().unwrap_or_default()
    }

    /// Whether it is a fully virtualized machine.
    pub fn is_hvm(&self) -> bool {
        self.kind.kind == Some(OsType::Hvm)
    }
}

/// A [`Value`] that is only a path; kept for the message of its error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbsolutePath(pub String);

impl Value for AbsolutePath {
    fn parse_value(text: &str) -> Option<Self> {
        text.starts_with('/').then(|| Self(text.to_owned()))
    }

    fn allowed() -> String {
        "an absolute path".to_owned()
    }

    fn write_value(&self, out: &mut String) {
        self.0.write_value(out);
    }
}
