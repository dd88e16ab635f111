//! The host that this driver pretends to be.

use oxivirt_conf::capabilities::{
    self, Amount, Capabilities, CellCpu, Guest, GuestArch, GuestDomain, GuestFeature, GuestFeatures, Host,
    HostTopology, Iommu, PageCount, SecurityModel,
};
use oxivirt_conf::cpu::{CpuPages, HostCpu, NameList};
use oxivirt_core::types::NodeInfo;

/// Architecture of the host and of a domain that names none.
pub(crate) const ARCH: &str = "i686";
/// The security model that domains run under.
pub(crate) const SECURITY_MODEL: &str = "testSecurity";
/// The label of a running domain.
pub(crate) const SECURITY_LABEL: &str = "libvirt-test";
/// Most virtual CPUs of one domain.
pub(crate) const MAX_VCPUS: u32 = 32;
/// CPUs that are present, and which of them are online.
pub(crate) const CPUS_PRESENT: u32 = 8;
pub(crate) const CPUS_ONLINE: [u32; 3] = [0, 2, 4];
/// Sizes of pages in KiB.
pub(crate) const PAGE_SIZES: [u32; 4] = [4, 8, 2048, 1_048_576];

/// A host.
pub(crate) struct Node {
    /// Processors and memory.
    pub(crate) info: NodeInfo,
    /// NUMA cells.
    pub(crate) cells: Vec<Cell>,
}

/// A NUMA cell.
pub(crate) struct Cell {
    /// In KiB, as the capabilities say it.
    pub(crate) memory: u64,
    /// In bytes, as the statistics say it.
    pub(crate) free: u64,
    /// Size of its plain pages in KiB.
    pub(crate) page_size: u32,
    /// Numbers of its CPUs.
    pub(crate) cpus: std::ops::Range<u32>,
}

impl Default for Node {
    /// Two cells of eight CPUs each.
    fn default() -> Self {
        let info = NodeInfo {
            model: ARCH.into(),
            memory: 3_145_728,
            cpus: 16,
            mhz: 1400,
            nodes: 2,
            sockets: 2,
            cores: 2,
            threads: 2,
        };
        let cells = vec![
            Cell { memory: 2_097_152, free: 2_097_152, page_size: 4, cpus: 0..8 },
            Cell { memory: 4_194_304, free: 4_194_304, page_size: 8, cpus: 8..16 },
        ];
        Self { info, cells }
    }
}

impl Node {
    /// CPUs that there would be room for: the highest number a virtual CPU can
    /// be on, plus one.
    pub(crate) fn host_cpus(&self) -> u32 {
        let info = &self.info;
        [info.nodes, info.sockets, info.cores, info.threads]
            .iter()
            .fold(1, |product: u32, part| product.saturating_mul(u32::try_from(*part).unwrap_or(0)))
    }

    /// The `<capabilities>` document.
    pub(crate) fn capabilities(&self) -> String {
        let machine_features = ["pae", "nonpae"].map(str::to_owned).to_vec();
        let cpu = HostCpu {
            arch: Some(ARCH.to_owned()),
            machine_features: Some(NameList(machine_features)),
            pages: PAGE_SIZES.iter().map(|size| CpuPages::kib(u64::from(*size))).collect(),
            ..HostCpu::default()
        };
        let cells = (0..).zip(&self.cells).map(|(id, cell)| cell.capabilities(id)).collect();
        let host = Host {
            cpu: Some(cpu),
            power_management: Some(NameList::default()),
            iommu: Some(Iommu { support: false.into() }),
            topology: Some(HostTopology { cells, interconnects: None }),
            security: vec![SecurityModel { model: SECURITY_MODEL.to_owned(), ..SecurityModel::default() }],
            ..Host::default()
        };
        Capabilities { host, guests: ["hvm", "xen"].map(guest).to_vec() }.to_xml()
    }
}

impl Cell {
    fn capabilities(&self, id: u32) -> capabilities::Cell {
        let plain = PageCount::kib(u64::from(self.page_size), self.memory / u64::from(self.page_size));
        let huge = [2048, 1_048_576].map(|size| PageCount::kib(size, 0));
        let cpu = |(core, cpu): (u32, u32)| CellCpu {
            id: cpu,
            socket_id: Some(id),
            die_id: Some(0),
            cluster_id: Some(0),
            core_id: Some(core),
            siblings: Some(cpu.to_string()),
        };
        capabilities::Cell {
            id,
            memory: Some(Amount::kib(self.memory)),
            pages: std::iter::once(plain).chain(huge).collect(),
            cpus: (0..).zip(self.cpus.clone()).map(cpu).collect(),
            ..capabilities::Cell::default()
        }
    }
}

fn guest(os_type: &str) -> Guest {
    let arch = GuestArch {
        name: ARCH.to_owned(),
        wordsize: 32,
        emulator: Some("/usr/bin/test-hv".to_owned()),
        domains: vec![GuestDomain { domain_type: "test".to_owned(), ..GuestDomain::default() }],
        ..GuestArch::default()
    };
    let features = ["pae", "nonpae"].map(GuestFeature::plain).to_vec();
    Guest { os_type: os_type.to_owned(), arch, features: Some(GuestFeatures(features)) }
}

/// The `<sysinfo>` document.
pub(crate) const SYSINFO: &str = "\
<sysinfo type='smbios'>
  <bios>
    <entry name='vendor'>LENOVO</entry>
    <entry name='version'>G4ETA1WW (2.61 )</entry>
    <entry name='date'>05/07/2014</entry>
    <entry name='release'>2.61</entry>
  </bios>
</sysinfo>
";

/// Times of the host's CPUs, in nanoseconds; they stand still.
pub(crate) const CPU_STATS: [(&str, u64); 4] =
    [("user", 9_797_400_000), ("kernel", 34_678_723_400_000), ("idle", 87_264_900_000), ("iowait", 763_600_000)];
