//! The host that this driver pretends to be.

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
        let pages =
            PAGE_SIZES.iter().map(|size| format!("      <pages unit='KiB' size='{size}'/>\n")).collect::<String>();
        let cells = self.cells.iter().enumerate().map(|(id, cell)| cell.capabilities(id)).collect::<String>();
        let guests = ["hvm", "xen"].map(guest_capabilities).concat();
        format!(
            "<capabilities>\n\n  <host>\n    <cpu>\n      <arch>{ARCH}</arch>\n      <features>\n        <pae/>\n        \
             <nonpae/>\n      </features>\n{pages}    </cpu>\n    <power_management/>\n    <iommu support='no'/>\n    \
             <topology>\n      <cells num='{}'>\n{cells}      </cells>\n    </topology>\n    <secmodel>\n      \
             <model>{SECURITY_MODEL}</model>\n      <doi></doi>\n    </secmodel>\n  </host>\n\n{guests}</capabilities>\n",
            self.cells.len()
        )
    }
}

impl Cell {
    fn capabilities(&self, id: usize) -> String {
        let plain = self.memory / u64::from(self.page_size);
        let cpus = self.cpus.clone().enumerate().map(|(core, cpu)| {
            format!(
                "            <cpu id='{cpu}' socket_id='{id}' die_id='0' cluster_id='0' core_id='{core}' \
                 siblings='{cpu}'/>\n"
            )
        });
        format!(
            "        <cell id='{id}'>\n          <memory unit='KiB'>{}</memory>\n          <pages unit='KiB' \
             size='{}'>{plain}</pages>\n          <pages unit='KiB' size='2048'>0</pages>\n          <pages unit='KiB' \
             size='1048576'>0</pages>\n          <cpus num='{}'>\n{}          </cpus>\n        </cell>\n",
            self.memory,
            self.page_size,
            self.cpus.len(),
            cpus.collect::<String>()
        )
    }
}

fn guest_capabilities(os_type: &str) -> String {
    format!(
        "  <guest>\n    <os_type>{os_type}</os_type>\n    <arch name='{ARCH}'>\n      <wordsize>32</wordsize>\n      \
         <emulator>/usr/bin/test-hv</emulator>\n      <domain type='test'/>\n    </arch>\n    <features>\n      <pae/>\n      \
         <nonpae/>\n    </features>\n  </guest>\n\n"
    )
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
