//! `<features>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::{ErrorCode, Result};

use crate::xml::{Element, KiB, Node, OnOff, Value, Writer, YesNo};
use crate::xml_enum;

/// `<x state='on'/>`; without `state` it means on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Switch(pub OnOff);

impl Element for Switch {
    fn parse(node: Node<'_>) -> Result<Self> {
        Ok(Self(node.value("state")?.unwrap_or(OnOff::On)))
    }

    fn format(&self, w: &mut Writer) {
        w.attr("state", &self.0);
    }
}

/// `<features>`: what the virtual machine offers besides its CPU.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Features {
    #[xml(flag)]
    pub acpi: bool,
    #[xml(child)]
    pub apic: Option<Apic>,
    #[xml(flag)]
    pub pae: bool,
    #[xml(child)]
    pub hap: Option<Switch>,
    #[xml(flag)]
    pub viridian: bool,
    #[xml(flag)]
    pub privnet: bool,
    #[xml(child)]
    pub hyperv: Option<Box<Hyperv>>,
    #[xml(child)]
    pub kvm: Option<Kvm>,
    #[xml(child)]
    pub pvspinlock: Option<Switch>,
    #[xml(child)]
    pub capabilities: Option<Box<CapabilityPolicy>>,
    #[xml(child)]
    pub pmu: Option<Switch>,
    #[xml(child)]
    pub vmport: Option<Switch>,
    #[xml(child)]
    pub gic: Option<Gic>,
    #[xml(child)]
    pub smm: Option<Smm>,
    #[xml(child)]
    pub ioapic: Option<IoApic>,
    #[xml(child)]
    pub hpt: Option<Hpt>,
    #[xml(child)]
    pub vmcoreinfo: Option<Switch>,
    #[xml(child)]
    pub htm: Option<Switch>,
    #[xml(child = "nested-hv")]
    pub nested_hv: Option<Switch>,
    #[xml(child)]
    pub msrs: Option<Msrs>,
    #[xml(child = "ccf-assist")]
    pub ccf_assist: Option<Switch>,
    #[xml(child)]
    pub xen: Option<Xen>,
    #[xml(child)]
    pub cfpc: Option<FeatureValue<Mitigation>>,
    #[xml(child)]
    pub sbbc: Option<FeatureValue<Mitigation>>,
    #[xml(child)]
    pub ibs: Option<FeatureValue<IndirectBranch>>,
    #[xml(child)]
    pub tcg: Option<Tcg>,
    #[xml(child = "async-teardown")]
    pub async_teardown: Option<Enabled>,
    #[xml(child)]
    pub ras: Option<Switch>,
    #[xml(child)]
    pub ps2: Option<Switch>,
    #[xml(child)]
    pub aia: Option<FeatureValue<Aia>>,
}

impl Features {
    /// Reads the element of a domain: what is not known is refused instead of
    /// passed over, since a guest would miss it; what says nothing goes.
    pub(super) fn of_domain(node: Node<'_>) -> Result<Self> {
        const KNOWN: &[&str] = &[
            "acpi",
            "apic",
            "pae",
            "hap",
            "viridian",
            "privnet",
            "hyperv",
            "kvm",
            "pvspinlock",
            "capabilities",
            "pmu",
            "vmport",
            "gic",
            "smm",
            "ioapic",
            "hpt",
            "vmcoreinfo",
            "htm",
            "nested-hv",
            "msrs",
            "ccf-assist",
            "xen",
            "cfpc",
            "sbbc",
            "ibs",
            "tcg",
            "async-teardown",
            "ras",
            "ps2",
            "aia",
        ];
        const HYPERV: &[&str] = &[
            "relaxed",
            "vapic",
            "spinlocks",
            "vpindex",
            "runtime",
            "synic",
            "stimer",
            "reset",
            "vendor_id",
            "frequencies",
            "reenlightenment",
            "tlbflush",
            "ipi",
            "evmcs",
            "avic",
            "emsr_bitmap",
            "xmm_input",
        ];
        const KVM: &[&str] = &["hidden", "hint-dedicated", "poll-control", "pv-ipi", "dirty-ring"];
        const XEN: &[&str] = &["e820_host", "passthrough"];
        for feature in node.children().filter(|child| child.prefix().is_none()) {
            let (what, known) = match feature.name() {
                "hyperv" => ("Hyper-V enlightenment", HYPERV),
                "kvm" => ("KVM feature", KVM),
                "xen" => ("Xen feature", XEN),
                name if KNOWN.contains(&name) => continue,
                _ => return Err(feature.error_coded(ErrorCode::CONFIG_UNSUPPORTED, "unknown feature")),
            };
            for part in feature.children().filter(|part| part.prefix().is_none()) {
                if !known.contains(&part.name()) {
                    return Err(part.error_coded(ErrorCode::CONFIG_UNSUPPORTED, format_args!("unknown {what}")));
                }
                if part.attr("state").is_none() {
                    return Err(part.missing_attr("state"));
                }
            }
        }
        let mut found = Self::parse(node)?;
        found.tcg = found.tcg.filter(|tcg| *tcg != Tcg::default());
        found.hpt = found.hpt.filter(|hpt| *hpt != Hpt::default());
        found.ioapic = found.ioapic.filter(|ioapic| *ioapic != IoApic::default());
        found.capabilities = found.capabilities.filter(|policy| **policy != CapabilityPolicy::default());
        Ok(found)
    }
}

/// `<apic eoi='on'/>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Element)]
pub struct Apic {
    #[xml(attr)]
    pub eoi: Option<OnOff>,
}

xml_enum! {
    /// Which Hyper-V enlightenments are on.
    pub enum HypervMode { Custom = "custom", Passthrough = "passthrough" }
}

/// `<hyperv>`: Hyper-V enlightenments.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Hyperv {
    #[xml(attr, default)]
    pub mode: HypervMode,
    #[xml(child)]
    pub relaxed: Option<Switch>,
    #[xml(child)]
    pub vapic: Option<Switch>,
    #[xml(child)]
    pub spinlocks: Option<HypervSpinlocks>,
    #[xml(child)]
    pub vpindex: Option<Switch>,
    #[xml(child)]
    pub runtime: Option<Switch>,
    #[xml(child)]
    pub synic: Option<Switch>,
    #[xml(child)]
    pub stimer: Option<HypervStimer>,
    #[xml(child)]
    pub reset: Option<Switch>,
    #[xml(child)]
    pub vendor_id: Option<HypervVendor>,
    #[xml(child)]
    pub frequencies: Option<Switch>,
    #[xml(child)]
    pub reenlightenment: Option<Switch>,
    #[xml(child)]
    pub tlbflush: Option<HypervTlbFlush>,
    #[xml(child)]
    pub ipi: Option<Switch>,
    #[xml(child)]
    pub evmcs: Option<Switch>,
    #[xml(child)]
    pub avic: Option<Switch>,
    #[xml(child)]
    pub emsr_bitmap: Option<Switch>,
    #[xml(child)]
    pub xmm_input: Option<Switch>,
}

/// Retries before a guest tells the host that a lock is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HypervSpinlocks {
    pub state: OnOff,
    pub retries: Option<u32>,
}

impl Element for HypervSpinlocks {
    fn parse(node: Node<'_>) -> Result<Self> {
        let state = node.require("state")?;
        let retries = if state == OnOff::On { Some(node.require("retries")?) } else { None };
        if let Some(few @ 0..0xfff) = retries {
            return Err(node.bad_attr("retries", &few.to_string(), "at least 4095"));
        }
        Ok(Self { state, retries })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("state", &self.state);
        w.attr_opt("retries", self.retries.as_ref());
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HypervStimer {
    pub state: OnOff,
    pub direct: Option<Switch>,
}

impl Element for HypervStimer {
    fn parse(node: Node<'_>) -> Result<Self> {
        let state = node.require("state")?;
        let detail = |name: &str| if state == OnOff::On { node.child_element(name) } else { Ok(None) };
        Ok(Self { state, direct: detail("direct")? })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("state", &self.state);
        if let Some(detail) = &self.direct {
            w.element("direct", detail);
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct HypervVendor {
    #[xml(attr)]
    pub state: OnOff,
    /// At most 12 characters, no comma.
    #[xml(attr)]
    pub value: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HypervTlbFlush {
    pub state: OnOff,
    pub direct: Option<Switch>,
    pub extended: Option<Switch>,
}

impl Element for HypervTlbFlush {
    fn parse(node: Node<'_>) -> Result<Self> {
        let state = node.require("state")?;
        let detail = |name: &str| if state == OnOff::On { node.child_element(name) } else { Ok(None) };
        Ok(Self { state, direct: detail("direct")?, extended: detail("extended")? })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("state", &self.state);
        if let Some(detail) = &self.direct {
            w.element("direct", detail);
        }
        if let Some(detail) = &self.extended {
            w.element("extended", detail);
        }
    }
}

/// `<kvm>`: what KVM shows to the guest.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Kvm {
    #[xml(child)]
    pub hidden: Option<Switch>,
    #[xml(child = "hint-dedicated")]
    pub hint_dedicated: Option<Switch>,
    #[xml(child = "poll-control")]
    pub poll_control: Option<Switch>,
    #[xml(child = "pv-ipi")]
    pub pv_ipi: Option<Switch>,
    #[xml(child = "dirty-ring")]
    pub dirty_ring: Option<DirtyRing>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Element)]
pub struct DirtyRing {
    #[xml(attr)]
    pub state: OnOff,
    #[xml(attr)]
    pub size: Option<u32>,
}

/// `<xen>`: what Xen shows to the guest.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Xen {
    #[xml(child)]
    pub e820_host: Option<Switch>,
    #[xml(child)]
    pub passthrough: Option<XenPassthrough>,
}

xml_enum! {
    /// How Xen maps memory for devices.
    pub enum XenPassthroughMode { SyncPt = "sync_pt", SharePt = "share_pt" }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Element)]
pub struct XenPassthrough {
    #[xml(attr)]
    pub state: OnOff,
    #[xml(attr)]
    pub mode: Option<XenPassthroughMode>,
}

xml_enum! {
    /// What happens with capabilities that are not listed.
    pub enum CapabilityDefault { Default = "default", Allow = "allow", Deny = "deny" }
}

/// `<capabilities policy='deny'>` with one element per capability.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CapabilityPolicy {
    pub policy: CapabilityDefault,
    /// Name such as `mknod`, and whether the container keeps it.
    pub list: Vec<(String, OnOff)>,
}

impl Element for CapabilityPolicy {
    fn parse(node: Node<'_>) -> Result<Self> {
        let mut list = Vec::new();
        for child in node.children() {
            let Switch(state) = Switch::parse(child)?;
            list.push((child.name().to_owned(), state));
        }
        Ok(Self { policy: node.value("policy")?.unwrap_or_default(), list })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("policy", &self.policy);
        for (name, state) in &self.list {
            w.element(name, &Switch(*state));
        }
    }
}

xml_enum! {
    /// Version of the interrupt controller; `host` takes the host's.
    pub enum GicVersion { V2 = "2", V3 = "3", V4 = "4", Host = "host" }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Element)]
pub struct Gic {
    #[xml(attr)]
    pub version: Option<GicVersion>,
}

/// `<smm state='on'>` with `<tseg unit='MiB'>48</tseg>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Smm {
    pub state: OnOff,
    /// Bytes.
    pub tseg: Option<u64>,
}

impl Element for Smm {
    fn parse(node: Node<'_>) -> Result<Self> {
        let state = node.value("state")?.unwrap_or(OnOff::On);
        let tseg = match node.child("tseg") {
            None => None,
            Some(tseg) => {
                let text = tseg.text();
                let unit = tseg.attr("unit").unwrap_or("MiB");
                let size = u64::parse_value(text.trim()).and_then(|n| crate::xml::bytes_from(n, unit));
                Some(size.ok_or_else(|| tseg.bad_text(&text, "a size with a known unit"))?)
            }
        };
        Ok(Self { state, tseg: tseg.filter(|_| state == OnOff::On) })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("state", &self.state);
        if let Some(bytes) = self.tseg {
            let (size, unit) = super::tune::short_size(bytes);
            w.open("tseg");
            w.attr_str("unit", unit);
            w.text(&size);
            w.close();
        }
    }
}

xml_enum! {
    /// Who emulates the I/O interrupt controller.
    pub enum IoApicDriver { Kvm = "kvm", Qemu = "qemu" }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Element)]
pub struct IoApic {
    #[xml(attr)]
    pub driver: Option<IoApicDriver>,
}

xml_enum! {
    /// Whether the guest's page table may grow.
    pub enum HptResizing { Enabled = "enabled", Disabled = "disabled", Required = "required" }
}

/// `<hpt resizing='required'><maxpagesize unit='KiB'>…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Element)]
pub struct Hpt {
    #[xml(attr)]
    pub resizing: Option<HptResizing>,
    #[xml(child)]
    pub maxpagesize: Option<KiB>,
}

xml_enum! {
    /// What an access to an unknown register does.
    pub enum UnknownMsrs { Ignore = "ignore", Fault = "fault" }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Element)]
pub struct Msrs {
    #[xml(attr)]
    pub unknown: UnknownMsrs,
}

xml_enum! {
    /// State of a mitigation.
    pub enum Mitigation { Broken = "broken", Workaround = "workaround", Fixed = "fixed" }
}

xml_enum! {
    /// State of the mitigation for indirect branches.
    pub enum IndirectBranch {
        Broken = "broken", Workaround = "workaround", FixedIbs = "fixed-ibs", FixedCcd = "fixed-ccd", FixedNa = "fixed-na",
    }
}

xml_enum! {
    /// Advanced interrupt architecture.
    pub enum Aia { None = "none", Aplic = "aplic", AplicImsic = "aplic-imsic" }
}

/// `<x value='word'/>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FeatureValue<T>(pub T);

impl<T: Value> Element for FeatureValue<T> {
    fn parse(node: Node<'_>) -> Result<Self> {
        node.require("value").map(Self)
    }

    fn format(&self, w: &mut Writer) {
        w.attr("value", &self.0);
    }
}

/// `<tcg><tb-cache unit='KiB'>131072</tb-cache></tcg>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tcg {
    pub tb_cache: Option<KiB>,
}

impl Element for Tcg {
    fn parse(node: Node<'_>) -> Result<Self> {
        Ok(Self { tb_cache: node.child_element("tb-cache")? })
    }

    fn format(&self, w: &mut Writer) {
        if let Some(size) = &self.tb_cache {
            w.element("tb-cache", size);
        }
    }
}

/// `<x enabled='yes'/>`; without the attribute it means yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Enabled(pub YesNo);

impl Element for Enabled {
    fn parse(node: Node<'_>) -> Result<Self> {
        Ok(Self(node.value("enabled")?.unwrap_or(YesNo::Yes)))
    }

    fn format(&self, w: &mut Writer) {
        w.attr("enabled", &self.0);
    }
}
