//! `<features>`.

use super::support::Support;
use crate::capabilities::Amount;
use crate::xml::{Element, YesNo};

/// What else a guest may have; `None` where nothing is known.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Features {
    /// Interrupt controllers of ARM: `version`.
    #[xml(child)]
    pub gic: Option<Support>,
    /// Memory dumps with the kernel's notes.
    #[xml(child)]
    pub vmcoreinfo: Option<Support>,
    /// A number that changes with each generation of a guest.
    #[xml(child)]
    pub genid: Option<Support>,
    /// Backing chains given by the caller.
    #[xml(child = "backingStoreInput")]
    pub backing_store_input: Option<Support>,
    /// Backups of running guests.
    #[xml(child)]
    pub backup: Option<Support>,
    /// Freeing memory after the guest's end.
    #[xml(child = "async-teardown")]
    pub async_teardown: Option<Support>,
    /// Protected guests on s390.
    #[xml(child = "s390-pv")]
    pub s390_pv: Option<Support>,
    /// The PS/2 controller can be left out.
    #[xml(child)]
    pub ps2: Option<Support>,
    /// Encrypted guests on AMD.
    #[xml(child)]
    pub sev: Option<Sev>,
    /// Enclaves on Intel.
    #[xml(child)]
    pub sgx: Option<Sgx>,
    /// Enlightenments for Windows: `features`.
    #[xml(child)]
    pub hyperv: Option<Support>,
    /// Kinds of protected guests: `sectype`.
    #[xml(child = "launchSecurity")]
    pub launch_security: Option<Support>,
}

/// `<sev supported='yes'>`; the rest is absent when it is not.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Sev {
    /// Whether at all.
    #[xml(attr)]
    pub supported: YesNo,
    /// The address bit that marks encrypted pages.
    #[xml(leaf)]
    pub cbitpos: Option<u32>,
    /// How many address bits encryption takes.
    #[xml(leaf = "reducedPhysBits")]
    pub reduced_phys_bits: Option<u32>,
    /// The most guests of the first kind.
    #[xml(leaf = "maxGuests")]
    pub max_guests: Option<u32>,
    /// The most guests with encrypted registers.
    #[xml(leaf = "maxESGuests")]
    pub max_es_guests: Option<u32>,
    /// The identity of the first CPU, in base 64.
    #[xml(leaf = "cpu0Id")]
    pub cpu0_id: Option<String>,
}

/// `<sgx supported='yes'>`; the rest is absent when it is not.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Sgx {
    /// Whether at all.
    #[xml(attr)]
    pub supported: YesNo,
    /// Launches can be controlled.
    #[xml(leaf)]
    pub flc: Option<YesNo>,
    /// The first set of instructions.
    #[xml(leaf)]
    pub sgx1: Option<YesNo>,
    /// The second set of instructions.
    #[xml(leaf)]
    pub sgx2: Option<YesNo>,
    /// The memory of all sections.
    #[xml(child)]
    pub section_size: Option<Amount>,
    /// The memory of each NUMA cell.
    #[xml(children = "section", wrap = "sections")]
    pub sections: Vec<GuestSection>,
}

/// `<section node='0' size='262144' unit='KiB'/>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct GuestSection {
    /// The cell.
    #[xml(attr)]
    pub node: u32,
    /// Its size.
    #[xml(attr)]
    pub size: u64,
    /// The unit of the size.
    #[xml(attr)]
    pub unit: String,
}
