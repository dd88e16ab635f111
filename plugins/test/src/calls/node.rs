//! Questions about the host.

use oxivirt_core::call::Call;
use oxivirt_core::interface::{Node, implements};
use oxivirt_core::types::{Counted, CpuMap, List, NodeInfo, NodeStat, SecurityModel, limit};
use oxivirt_core::{Error, Result};

use crate::TestConnection;
use crate::error::{Own, check_flags};
use crate::node::{CPU_STATS, CPUS_ONLINE, CPUS_PRESENT, SECURITY_MODEL};

#[implements]
impl Node for TestConnection {
    #[quick]
    fn node_get_info(&self, _call: &Call) -> Result<NodeInfo> {
        Ok(self.state().node.info.clone())
    }

    #[quick]
    fn node_get_cells_free_memory(
        &self,
        _call: &Call,
        start_cell: i32,
        maxcells: i32,
    ) -> Result<List<u64, { limit::CELLS }>> {
        let cells = usize::try_from(start_cell).ok().and_then(|start| self.state().node.cells.get(start..));
        let (Some(cells @ [_, ..]), Ok(most @ 1..)) = (cells, usize::try_from(maxcells)) else {
            return Err(Error::invalid_arg("Range exceeds available cells")).own();
        };
        List::new(cells.iter().take(most).map(|cell| cell.free).collect())
    }

    #[quick]
    fn node_get_free_memory(&self, _call: &Call) -> Result<u64> {
        Ok(self.state().node.cells.iter().map(|cell| cell.free / 2).sum())
    }

    #[quick]
    fn node_get_security_model(&self, _call: &Call) -> Result<SecurityModel> {
        Ok(SecurityModel { model: SECURITY_MODEL.into(), doi: "".into() })
    }

    #[quick]
    fn node_get_cpu_stats(
        &self,
        _call: &Call,
        cpu_num: i32,
        nparams: i32,
        flags: u32,
    ) -> Result<Counted<List<NodeStat, { limit::NODE_STATS }>, i32>> {
        check_flags(flags, 0, "node_get_cpu_stats")?;
        if cpu_num < -1 {
            return Err(Error::invalid_arg(format!("no CPU has the number {cpu_num}"))).own();
        }
        let stats = CPU_STATS.map(|(field, value)| NodeStat { field: field.into(), value });
        match usize::try_from(nparams) {
            Ok(0) => Counted::answer(false, stats.into()),
            Ok(most) => Counted::answer(true, stats.into_iter().take(most).collect()),
            Err(_) => Err(Error::invalid_arg(format!("cannot return {nparams} statistics"))).own(),
        }
    }

    #[quick]
    fn node_get_cpu_map(&self, _call: &Call, need_map: bool, need_online: bool, flags: u32) -> Result<CpuMap> {
        check_flags(flags, 0, "node_get_cpu_map")?;
        let map = CPUS_ONLINE.iter().fold(0_u8, |map, cpu| map | 1 << cpu);
        Ok(CpuMap {
            cpumap: if need_map { vec![map].into() } else { Vec::new().into() },
            online: if need_online { CPUS_ONLINE.len() as u32 } else { 0 },
            ret: CPUS_PRESENT as i32,
        })
    }

    #[quick]
    fn node_get_free_pages(
        &self,
        _call: &Call,
        pages: &List<u32, { limit::CELLS }>,
        start_cell: i32,
        cell_count: u32,
        flags: u32,
    ) -> Result<List<u64, { limit::CELLS }>> {
        check_flags(flags, 0, "node_get_free_pages")?;
        let wanted = pages.len().saturating_mul(cell_count as usize);
        let start = u64::try_from(start_cell).ok().filter(|_| wanted <= limit::CELLS);
        let Some(start) = start else {
            return Err(Error::invalid_arg(format!("cannot count pages of {cell_count} cells from {start_cell} on")))
                .own();
        };
        let mut counts = Vec::with_capacity(wanted);
        for cell in start..start.saturating_add(u64::from(cell_count)) {
            // Numbers that tell cells and places in the request apart and are
            // the same at every run.
            let mut count = 6 * cell;
            for _ in 0..pages.len() {
                count = count.wrapping_mul(2).wrapping_add(7);
                counts.push(count);
            }
        }
        List::new(counts)
    }
}
