//! `<guest>`: one type of guest on one architecture.

use oxivirt_core::Result;

use crate::xml::{Element, Node, OnOff, Writer, YesNo};

/// `<guest>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Guest {
    /// What it boots: `hvm`, `xen`, `exe`.
    #[xml(leaf)]
    pub os_type: String,
    /// The architecture and what runs it.
    #[xml(child)]
    pub arch: GuestArch,
    /// What can be switched; absent when nothing.
    #[xml(child)]
    pub features: Option<GuestFeatures>,
}

/// `<arch name='x86_64'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct GuestArch {
    /// Its name.
    #[xml(attr)]
    pub name: String,
    /// The bits of a word.
    #[xml(leaf)]
    pub wordsize: u32,
    /// The program that runs such guests.
    #[xml(leaf)]
    pub emulator: Option<String>,
    /// The program that starts them.
    #[xml(leaf)]
    pub loader: Option<String>,
    /// The machines that can be emulated.
    #[xml(children = "machine")]
    pub machines: Vec<GuestMachine>,
    /// The types of domains.
    #[xml(children = "domain")]
    pub domains: Vec<GuestDomain>,
}

/// `<machine canonical='pc-q35-10.0' maxCpus='4096'>q35</machine>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct GuestMachine {
    /// What it stands for, if it is another name.
    #[xml(attr)]
    pub canonical: Option<String>,
    /// The most CPUs.
    #[xml(attr = "maxCpus")]
    pub max_cpus: Option<u32>,
    /// Whether it is going to disappear.
    #[xml(attr)]
    pub deprecated: Option<YesNo>,
    /// Its name.
    #[xml(text)]
    pub name: String,
}

/// `<domain type='kvm'/>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct GuestDomain {
    /// The type.
    #[xml(attr = "type")]
    pub domain_type: String,
    /// The program, where it differs.
    #[xml(leaf)]
    pub emulator: Option<String>,
    /// The machines, where they differ.
    #[xml(children = "machine")]
    pub machines: Vec<GuestMachine>,
}

/// `<features>` of a guest, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GuestFeatures(pub Vec<GuestFeature>);

/// `<acpi default='on' toggle='yes'/>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GuestFeature {
    /// Its name, that of the element: `pae`, `nonpae`, `ia64_be`, `acpi`, `apic`,
    /// `cpuselection`, `deviceboot`, `disksnapshot`, `hap`, `externalSnapshot`.
    pub name: String,
    /// What it is unless asked for.
    pub default: Option<OnOff>,
    /// Whether it can be switched.
    pub toggle: Option<YesNo>,
}

impl GuestFeature {
    /// A feature that is just there.
    pub fn plain(name: impl Into<String>) -> Self {
        Self { name: name.into(), default: None, toggle: None }
    }

    /// A feature that is on or off unless asked for, and fixed or not.
    pub fn switch(name: impl Into<String>, default: bool, toggle: bool) -> Self {
        Self { name: name.into(), default: Some(default.into()), toggle: Some(toggle.into()) }
    }
}

impl Element for GuestFeatures {
    fn parse(node: Node<'_>) -> Result<Self> {
        let feature = |child: Node<'_>| {
            Ok(GuestFeature {
                name: child.name().to_owned(),
                default: child.value("default")?,
                toggle: child.value("toggle")?,
            })
        };
        Ok(Self(node.children().map(feature).collect::<Result<_>>()?))
    }

    fn format(&self, w: &mut Writer) {
        for feature in &self.0 {
            w.open(&feature.name);
            w.attr_opt("default", feature.default.as_ref());
            w.attr_opt("toggle", feature.toggle.as_ref());
            w.close();
        }
    }
}
