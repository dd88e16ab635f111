//! `<watchdog>`, `<memballoon>`, `<panic>`, `<vsock>`, `<iommu>`, `<memory>`,
//! `<shmem>`, `<tpm>`, `<crypto>`, `<pstore>`, `<nvram>`, `<lease>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use super::address::{DeviceInfo, VirtioOptions};
use super::char_source::{CharKind, CharSource};
use super::disk::VirtioModel;
use crate::domain::CpuSet;
use crate::domain::memory::MemoryAccess;
use crate::xml::{Element, KiB, Node, OnOff, Value, Writer, YesNo};
use crate::xml_enum;

xml_enum! {
    pub enum WatchdogModel { I6300esb = "i6300esb", Ib700 = "ib700", Diag288 = "diag288", Itco = "itco" }
}

xml_enum! {
    pub enum WatchdogAction {
        Reset = "reset", Shutdown = "shutdown", PowerOff = "poweroff", Pause = "pause", Dump = "dump", None = "none",
        InjectNmi = "inject-nmi",
    }
}

/// `<watchdog>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Watchdog {
    #[xml(attr)]
    pub model: WatchdogModel,
    #[xml(attr, default)]
    pub action: WatchdogAction,
    #[xml(flatten)]
    pub info: DeviceInfo,
}

xml_enum! {
    pub enum BalloonModel {
        Virtio = "virtio", Xen = "xen", None = "none", Transitional = "virtio-transitional",
        NonTransitional = "virtio-non-transitional",
    }
}

/// `<memballoon>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct MemBalloon {
    #[xml(attr)]
    pub model: BalloonModel,
    #[xml(attr)]
    pub autodeflate: Option<OnOff>,
    #[xml(attr = "freePageReporting")]
    pub free_page_reporting: Option<OnOff>,
    #[xml(child)]
    pub stats: Option<BalloonStats>,
    #[xml(flatten)]
    pub info: DeviceInfo,
    #[xml(child)]
    pub driver: VirtioOptions,
}

/// How often figures are asked for, seconds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct BalloonStats {
    #[xml(attr)]
    pub period: u32,
}

xml_enum! {
    pub enum PanicModel { Isa = "isa", Pseries = "pseries", Hyperv = "hyperv", S390 = "s390", Pvpanic = "pvpanic" }
}

/// `<panic>`: tells the host that the guest crashed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Panic {
    #[xml(attr)]
    pub model: Option<PanicModel>,
    #[xml(flatten)]
    pub info: DeviceInfo,
}

/// `<vsock>`: a socket between host and guest.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Vsock {
    #[xml(attr)]
    pub model: Option<VirtioModel>,
    #[xml(child)]
    pub cid: Option<VsockCid>,
    #[xml(flatten)]
    pub info: DeviceInfo,
    #[xml(child)]
    pub driver: VirtioOptions,
}

/// `<cid auto='no' address='4'/>`; addresses from 3.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct VsockCid {
    #[xml(attr)]
    pub auto: Option<YesNo>,
    #[xml(attr)]
    pub address: Option<u32>,
}

xml_enum! {
    pub enum IommuModel { Intel = "intel", SmmuV3 = "smmuv3", Virtio = "virtio" }
}

/// `<iommu>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Iommu {
    #[xml(attr)]
    pub model: IommuModel,
    #[xml(child)]
    pub driver: IommuDriver,
    #[xml(flatten)]
    pub info: DeviceInfo,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct IommuDriver {
    #[xml(attr)]
    pub intremap: Option<OnOff>,
    #[xml(attr)]
    pub caching_mode: Option<OnOff>,
    #[xml(attr)]
    pub eim: Option<OnOff>,
    #[xml(attr)]
    pub iotlb: Option<OnOff>,
    #[xml(attr)]
    pub aw_bits: Option<u32>,
    #[xml(attr)]
    pub dma_translation: Option<OnOff>,
}

xml_enum! {
    pub enum MemoryModel {
        Dimm = "dimm", Nvdimm = "nvdimm", VirtioPmem = "virtio-pmem", VirtioMem = "virtio-mem", SgxEpc = "sgx-epc",
    }
}

/// `<memory>` below `<devices>`: a module that can be plugged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MemoryDevice {
    pub model: MemoryModel,
    pub access: Option<MemoryAccess>,
    pub discard: Option<YesNo>,
    pub uuid: Option<uuid::Uuid>,
    pub source: MemoryDeviceSource,
    pub target: MemoryDeviceTarget,
    pub info: DeviceInfo,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct MemoryDeviceSource {
    #[xml(leaf)]
    pub nodemask: Option<CpuSet>,
    #[xml(child)]
    pub pagesize: Option<KiB>,
    #[xml(leaf)]
    pub path: Option<String>,
    #[xml(child)]
    pub alignsize: Option<KiB>,
    #[xml(flag)]
    pub pmem: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MemoryDeviceTarget {
    pub dynamic_memslots: Option<YesNo>,
    pub size: KiB,
    /// Guest NUMA node.
    pub node: Option<u32>,
    pub label_size: Option<KiB>,
    pub readonly: bool,
    pub block: Option<KiB>,
    pub requested: Option<KiB>,
    /// What the guest has taken, a run-time fact.
    pub current: Option<KiB>,
    pub address_base: Option<u64>,
}

impl Element for MemoryDeviceTarget {
    fn parse(node: Node<'_>) -> Result<Self> {
        Ok(Self {
            dynamic_memslots: node.value("dynamicMemslots")?,
            size: node.child_element("size")?.ok_or_else(|| node.missing_child("size"))?,
            node: node.child_value("node")?,
            label_size: node.child("label").map(|l| l.child_element("size")).transpose()?.flatten(),
            readonly: node.child("readonly").is_some(),
            block: node.child_element("block")?,
            requested: node.child_element("requested")?,
            current: if node.mode().live { node.child_element("current")? } else { None },
            address_base: node.child("address").map(|a| a.value("base")).transpose()?.flatten(),
        })
    }

    fn format(&self, w: &mut Writer) {
        w.attr_opt("dynamicMemslots", self.dynamic_memslots.as_ref());
        w.element("size", &self.size);
        w.leaf_opt("node", self.node.as_ref());
        if let Some(size) = &self.label_size {
            w.open("label");
            w.element("size", size);
            w.close();
        }
        if self.readonly {
            w.flag("readonly");
        }
        if let Some(block) = &self.block {
            w.element("block", block);
        }
        if let Some(requested) = &self.requested {
            w.element("requested", requested);
        }
        if let (Some(current), true) = (&self.current, w.mode().live) {
            w.element("current", current);
        }
        if let Some(base) = self.address_base {
            w.open("address");
            w.attr_hex("base", base, 1);
            w.close();
        }
    }
}

impl Element for MemoryDevice {
    fn parse(node: Node<'_>) -> Result<Self> {
        let target = node.child("target").ok_or_else(|| node.missing_child("target"))?;
        Ok(Self {
            model: node.require("model")?,
            access: node.value("access")?,
            discard: node.value("discard")?,
            uuid: node.child_value("uuid")?,
            source: node.child_element("source")?.unwrap_or_default(),
            target: MemoryDeviceTarget::parse(target)?,
            info: DeviceInfo::parse(node)?,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("model", &self.model);
        w.attr_opt("access", self.access.as_ref());
        w.attr_opt("discard", self.discard.as_ref());
        w.leaf_opt("uuid", self.uuid.as_ref());
        w.element_unless_empty("source", &self.source);
        w.element("target", &self.target);
        self.info.format(w);
    }
}

xml_enum! {
    pub enum ShmemModel { Ivshmem = "ivshmem", IvshmemPlain = "ivshmem-plain", IvshmemDoorbell = "ivshmem-doorbell" }
}

xml_enum! {
    pub enum ShmemRole { Master = "master", Peer = "peer" }
}

/// `<shmem>`: memory shared between guests.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shmem {
    pub name: String,
    pub role: Option<ShmemRole>,
    pub model: ShmemModel,
    /// Bytes; printed in MiB.
    pub size: Option<u64>,
    /// Path of the server's socket; `Some(None)` the driver's default.
    pub server: Option<Option<String>>,
    pub msi: Option<ShmemMsi>,
    pub info: DeviceInfo,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct ShmemMsi {
    #[xml(attr)]
    pub enabled: Option<YesNo>,
    #[xml(attr)]
    pub vectors: Option<u32>,
    #[xml(attr)]
    pub ioeventfd: Option<OnOff>,
}

impl Element for Shmem {
    fn parse(node: Node<'_>) -> Result<Self> {
        let size = match node.child("size") {
            None => None,
            Some(size) => {
                let text = size.text();
                let bytes = u64::parse_value(text.trim())
                    .and_then(|n| crate::xml::bytes_from(n, size.attr("unit").unwrap_or("MiB")));
                Some(bytes.ok_or_else(|| size.bad_text(&text, "a size with a known unit"))?)
            }
        };
        let name: String = node.require("name")?;
        if name.contains('/') || name == "." || name == ".." || name.is_empty() {
            return Err(node.bad_attr("name", &name, "a file name without '/'"));
        }
        Ok(Self {
            name,
            role: node.value("role")?,
            model: node.child("model").map(|m| m.value("type")).transpose()?.flatten().unwrap_or_default(),
            size,
            server: node.child("server").map(|s| s.value("path")).transpose()?,
            msi: node.child_element("msi")?,
            info: DeviceInfo::parse(node)?,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("name", &self.name);
        w.attr_opt("role", self.role.as_ref());
        w.open("model");
        w.attr("type", &self.model);
        w.close();
        if let Some(size) = self.size {
            w.open("size");
            w.attr_str("unit", "M");
            w.text(&(size >> 20));
            w.close();
        }
        if let Some(path) = &self.server {
            w.open("server");
            w.attr_opt("path", path.as_ref());
            w.close();
        }
        if let Some(msi) = &self.msi {
            w.element("msi", msi);
        }
        self.info.format(w);
    }
}

/// `<tpm>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tpm {
    /// A word: `tpm-tis`, `tpm-crb`, `tpm-spapr`, `spapr-tpm-proxy`.
    pub model: Option<String>,
    pub backend: TpmBackend,
    pub info: DeviceInfo,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TpmBackend {
    Passthrough { path: Option<String> },
    Emulator(Box<TpmEmulator>),
    External(CharSource),
}

impl Default for TpmBackend {
    fn default() -> Self {
        Self::Passthrough { path: None }
    }
}

xml_enum! {
    pub enum TpmVersion { V1_2 = "1.2", V2_0 = "2.0" }
}

xml_enum! {
    pub enum PcrBank { Sha1 = "sha1", Sha256 = "sha256", Sha384 = "sha384", Sha512 = "sha512" }
}

xml_enum! {
    pub enum TpmSourceType { File = "file", Dir = "dir" }
}

/// A TPM in software.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TpmEmulator {
    pub version: Option<TpmVersion>,
    pub persistent_state: Option<YesNo>,
    pub debug: Option<u32>,
    /// Which secret encrypts the state.
    pub encryption: Option<uuid::Uuid>,
    pub active_pcr_banks: Vec<PcrBank>,
    pub source: Option<(TpmSourceType, String)>,
    pub profile: Option<TpmProfile>,
}

xml_enum! {
    pub enum ProfileRemoveDisabled { Check = "check", FipsHost = "fips-host" }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct TpmProfile {
    #[xml(attr)]
    pub source: Option<String>,
    #[xml(attr = "removeDisabled")]
    pub remove_disabled: Option<ProfileRemoveDisabled>,
    #[xml(attr)]
    pub name: Option<String>,
}

impl Element for Tpm {
    fn parse(node: Node<'_>) -> Result<Self> {
        let backend = node.child("backend").ok_or_else(|| node.missing_child("backend"))?;
        let model: Option<String> = node.value("model")?;
        if let Some(other) = &model
            && !["tpm-tis", "tpm-crb", "tpm-spapr", "spapr-tpm-proxy"].contains(&other.as_str())
        {
            return Err(node.bad_attr("model", other, "tpm-tis, tpm-crb, tpm-spapr, spapr-tpm-proxy"));
        }
        let backend = match backend.attr("type") {
            None => return Err(backend.missing_attr("type")),
            Some("passthrough") => {
                let path = backend.child("device").and_then(|d| d.attr("path"));
                TpmBackend::Passthrough { path: Some(path.unwrap_or("/dev/tpm0").to_owned()) }
            }
            Some("emulator") => TpmBackend::Emulator(Box::new(TpmEmulator::parse(backend)?)),
            Some("external") => {
                let source = backend.child("source").ok_or_else(|| backend.missing_child("source"))?;
                let kind = source.attr("type").ok_or_else(|| source.missing_attr("type"))?;
                if kind != "unix" {
                    return Err(source.bad_attr("type", kind, "unix"));
                }
                TpmBackend::External(CharSource::parse_typed(backend, kind)?)
            }
            Some(other) => return Err(backend.bad_attr("type", other, "passthrough, emulator, external")),
        };
        Ok(Self { model, backend, info: DeviceInfo::parse(node)? })
    }

    fn format(&self, w: &mut Writer) {
        w.attr_opt("model", self.model.as_ref());
        w.open("backend");
        match &self.backend {
            TpmBackend::Passthrough { path } => {
                w.attr_str("type", "passthrough");
                if let Some(path) = path {
                    w.open("device");
                    w.attr("path", path);
                    w.close();
                }
            }
            TpmBackend::Emulator(emulator) => {
                w.attr_str("type", "emulator");
                emulator.format(w);
            }
            TpmBackend::External(source) => {
                w.attr_str("type", "external");
                if let CharKind::Unix(unix) = &source.kind {
                    w.open("source");
                    w.attr_str("type", "unix");
                    w.attr("mode", &unix.mode.unwrap_or_default());
                    w.attr_opt("path", unix.path.as_ref());
                    w.close();
                }
            }
        }
        w.close();
        self.info.format(w);
    }
}

impl Element for TpmEmulator {
    fn parse(node: Node<'_>) -> Result<Self> {
        let mut banks = Vec::new();
        if let Some(list) = node.child("active_pcr_banks") {
            for child in list.children() {
                match PcrBank::from_word(child.name()) {
                    Some(bank) => banks.push(bank),
                    None => return Err(list.bad_text(child.name(), &PcrBank::allowed())),
                }
            }
        }
        banks.sort_unstable();
        banks.dedup();
        let source = match node.child("source") {
            Some(source) => Some((source.require("type")?, source.require("path")?)),
            None => None,
        };
        Ok(Self {
            version: node.value("version")?,
            persistent_state: node.value("persistent_state")?,
            debug: node.value("debug")?,
            encryption: node.child("encryption").map(|e| e.require("secret")).transpose()?,
            active_pcr_banks: banks,
            source,
            profile: node.child_element("profile")?,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.attr_opt("version", self.version.as_ref());
        w.attr_opt("persistent_state", self.persistent_state.as_ref());
        w.attr_opt("debug", self.debug.as_ref());
        if let Some(secret) = &self.encryption {
            w.open("encryption");
            w.attr("secret", secret);
            w.close();
        }
        if !self.active_pcr_banks.is_empty() {
            w.open("active_pcr_banks");
            for bank in &self.active_pcr_banks {
                w.flag(bank.as_str());
            }
            w.close();
        }
        if let Some((kind, path)) = &self.source {
            w.open("source");
            w.attr("type", kind);
            w.attr("path", path);
            w.close();
        }
        if let Some(profile) = &self.profile {
            w.element("profile", profile);
        }
    }
}

xml_enum! {
    pub enum CryptoModel { Virtio = "virtio" }
}

xml_enum! {
    pub enum CryptoType { Qemu = "qemu" }
}

xml_enum! {
    pub enum CryptoBackendModel { Builtin = "builtin", Lkcf = "lkcf" }
}

/// `<crypto>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Crypto {
    #[xml(attr)]
    pub model: CryptoModel,
    #[xml(attr = "type")]
    pub kind: CryptoType,
    #[xml(child)]
    pub backend: Option<CryptoBackend>,
    #[xml(flatten)]
    pub info: DeviceInfo,
    #[xml(child)]
    pub driver: VirtioOptions,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct CryptoBackend {
    #[xml(attr)]
    pub model: CryptoBackendModel,
    #[xml(attr)]
    pub queues: Option<u32>,
}

xml_enum! {
    pub enum PstoreBackend { AcpiErst = "acpi-erst" }
}

/// `<pstore>`: storage for crash logs of the guest.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Pstore {
    #[xml(attr)]
    pub backend: PstoreBackend,
    #[xml(leaf)]
    pub path: Option<String>,
    #[xml(child)]
    pub size: Option<KiB>,
    #[xml(flatten)]
    pub info: DeviceInfo,
}

/// `<nvram>` below `<devices>` (pseries).
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct NvramDevice {
    #[xml(flatten)]
    pub info: DeviceInfo,
}

/// `<lease>`: a lock held while the guest runs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Lease {
    #[xml(leaf)]
    pub lockspace: Option<String>,
    #[xml(leaf)]
    pub key: String,
    #[xml(child)]
    pub target: Option<LeaseTarget>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct LeaseTarget {
    #[xml(attr)]
    pub path: String,
    #[xml(attr)]
    pub offset: Option<u64>,
}
