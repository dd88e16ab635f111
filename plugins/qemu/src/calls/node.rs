//! Questions about the host.

use oxivirt_core::call::Call;
use oxivirt_core::interface::{Node, implements};
use oxivirt_core::types::{Counted, CpuMap, List, NodeInfo, NodeStat, SecurityModel, limit};
use oxivirt_core::{Error, Result};
use oxivirt_util::host::Host;

use super::{Own, check_flags};
use crate::QemuConnection;

#[implements]
impl Node for QemuConnection {
    fn node_get_info(&self, _call: &Call) -> Result<NodeInfo> {
        let host = Host::this();
        let topology = host.node_topology().map_err(|e| failed(&e)).own()?;
        let cpu = host.cpu_info().map_err(|e| failed(&e)).own()?;
        let memory = host.node_memory().map_err(|e| failed(&e)).own()?;
        let number = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
        Ok(NodeInfo {
            model: host.arch().into(),
            memory,
            cpus: number(topology.cpus),
            mhz: number(cpu.mhz),
            nodes: number(topology.nodes),
            sockets: number(topology.sockets),
            cores: number(topology.cores),
            threads: number(topology.threads),
        })
    }

    fn node_get_cells_free_memory(
        &self,
        _call: &Call,
        start_cell: i32,
        maxcells: i32,
    ) -> Result<List<u64, { limit::CELLS }>> {
        let cells = Host::this().cells().map_err(|e| failed(&e)).own()?;
        let (Ok(first), Ok(most)) = (u32::try_from(start_cell), usize::try_from(maxcells)) else {
            return Err(Error::invalid_arg("start cell and number of cells must not be negative")).own();
        };
        if !cells.iter().any(|c| c.id >= first) {
            return Err(Error::invalid_arg(format!("start cell {start_cell} out of range"))).own();
        }
        let bytes = cells.iter().filter(|c| c.id >= first).take(most).map(|c| c.memory.free.saturating_mul(1024));
        let bytes: Vec<u64> = bytes.collect();
        if bytes.is_empty() {
            return Err(Error::invalid_arg("no cells were asked for")).own();
        }
        List::new(bytes)
    }

    fn node_get_free_memory(&self, _call: &Call) -> Result<u64> {
        let kib = Host::this().node_free().map_err(|e| failed(&e)).own()?;
        Ok(kib.saturating_mul(1024))
    }

    #[quick]
    fn node_get_security_model(&self, _call: &Call) -> Result<SecurityModel> {
        Ok(SecurityModel { model: "".into(), doi: "".into() })
    }

    fn node_get_cpu_stats(
        &self,
        _call: &Call,
        cpu_num: i32,
        nparams: i32,
        flags: u32,
    ) -> Result<Counted<List<NodeStat, { limit::NODE_STATS }>, i32>> {
        check_flags(flags, 0, "node_get_cpu_stats")?;
        let cpu = match cpu_num {
            -1 => None,
            number => Some(u32::try_from(number).map_err(|_| bad_cpu(number)).own()?),
        };
        let times = Host::this().cpu_times(cpu).map_err(|e| failed(&e)).own()?;
        let times = times.ok_or_else(|| bad_cpu(cpu_num)).own()?;
        let stats = [("kernel", times.kernel), ("user", times.user), ("idle", times.idle), ("iowait", times.iowait)];
        answer(nparams, &stats)
    }

    fn node_get_memory_stats(
        &self,
        _call: &Call,
        nparams: i32,
        cell_num: i32,
        flags: u32,
    ) -> Result<Counted<List<NodeStat, { limit::NODE_STATS }>, i32>> {
        check_flags(flags, 0, "node_get_memory_stats")?;
        let host = Host::this();
        if cell_num == -1 {
            let m = host.memory().map_err(|e| failed(&e)).own()?;
            return answer(
                nparams,
                &[("total", m.total), ("free", m.free), ("buffers", m.buffers), ("cached", m.cached)],
            );
        }
        let cells = host.cells().map_err(|e| failed(&e)).own()?;
        let cell = cells.iter().find(|c| i64::from(c.id) == i64::from(cell_num));
        let cell = cell.ok_or_else(|| Error::invalid_arg(format!("no cell has the number {cell_num}"))).own()?;
        answer(nparams, &[("total", cell.memory.total), ("free", cell.memory.free)])
    }

    fn node_get_cpu_map(&self, _call: &Call, need_map: bool, need_online: bool, flags: u32) -> Result<CpuMap> {
        check_flags(flags, 0, "node_get_cpu_map")?;
        let host = Host::this();
        let present = host.cpus_present().map_err(|e| failed(&e)).own()?;
        let online = host.cpus_online().map_err(|e| failed(&e)).own()?;
        let count = present.highest().map_or(0, |last| last + 1);
        let map = online.to_le_bytes(count.div_ceil(8));
        Ok(CpuMap {
            cpumap: if need_map { map.into() } else { Vec::new().into() },
            online: if need_online { u32::try_from(online.count()).unwrap_or(u32::MAX) } else { 0 },
            ret: i32::try_from(count).unwrap_or(i32::MAX),
        })
    }

    fn node_get_free_pages(
        &self,
        _call: &Call,
        pages: &List<u32, { limit::CELLS }>,
        start_cell: i32,
        cell_count: u32,
        flags: u32,
    ) -> Result<List<u64, { limit::CELLS }>> {
        check_flags(flags, 0, "node_get_free_pages")?;
        let cells = Host::this().cells().map_err(|e| failed(&e)).own()?;
        let first = u32::try_from(start_cell.max(0)).unwrap_or(0);
        let last = cells.iter().map(|c| c.id).max().unwrap_or(0);
        if first.checked_add(cell_count).is_none_or(|end| end > last.saturating_add(1)) {
            return Err(Error::invalid_arg(format!(
                "start cell {start_cell} out of range (0-{last}) for {cell_count} cells"
            )))
            .own();
        }
        let mut counts = Vec::new();
        for cell in cells.iter().filter(|c| c.id >= first).take(cell_count as usize) {
            for size in pages.iter() {
                let pool = cell.pages.iter().find(|p| p.size_kib == u64::from(*size));
                let pool = pool.ok_or_else(|| {
                    Error::operation_failed(format!("page size {size} is not available on node {}", cell.id))
                });
                counts.push(pool.own()?.free);
            }
        }
        if counts.is_empty() {
            return Err(Error::invalid_arg(format!("start cell {start_cell} out of range"))).own();
        }
        List::new(counts)
    }
}

fn answer(nparams: i32, stats: &[(&str, u64)]) -> Result<Counted<List<NodeStat, { limit::NODE_STATS }>, i32>> {
    let all = stats.iter().map(|(field, value)| NodeStat { field: (*field).into(), value: *value });
    match usize::try_from(nparams) {
        Ok(0) => Counted::answer(false, all.collect()),
        Ok(most) => Counted::answer(true, all.take(most).collect()),
        Err(_) => Err(Error::invalid_arg(format!("cannot return {nparams} statistics"))).own(),
    }
}

fn bad_cpu(number: i32) -> Error {
    Error::invalid_arg(format!("no CPU has the number {number}"))
}

fn failed(error: &std::io::Error) -> Error {
    Error::system("cannot look at the host", error)
}
