//! The host: processors, memory, security model.

use oxivirt_macros::interface;

use crate::Result;
use crate::call::Call;
use crate::types::{Counted, CpuMap, List, NodeInfo, NodeStat, SecurityModel, TypedParam, limit};

/// The host: processors, memory, security model, sleep.
#[interface]
pub trait Node {
    /// Processors and memory, in the shape of `NodeInfo`.
    #[rpc(6, acl = ["connect:read"], high)]
    fn node_get_info(&self, call: &Call) -> Result<NodeInfo>;

    /// Free memory of NUMA cells in bytes.
    ///
    /// * `start_cell`: first cell, from 0; `maxcells`: at most so many cells, above 0.
    /// * Errors: `INVALID_ARG` when the first cell does not exist.
    #[rpc(101, acl = ["connect:read"], high)]
    fn node_get_cells_free_memory(
        &self,
        call: &Call,
        start_cell: i32,
        maxcells: i32,
    ) -> Result<List<u64, { limit::CELLS }>>;

    /// Free memory in bytes.
    #[rpc(102, acl = ["connect:read"], high)]
    fn node_get_free_memory(&self, call: &Call) -> Result<u64>;

    /// Security model of the host; both texts are empty without one.
    #[rpc(122, acl = ["connect:read"], high)]
    fn node_get_security_model(&self, call: &Call) -> Result<SecurityModel>;

    /// Times of one CPU or of all (`cpu_num` -1), in nanoseconds since boot.
    ///
    /// * `nparams` 0 asks for the number of statistics only.
    /// * Errors: `INVALID_ARG` for a CPU that does not exist.
    #[rpc(227, acl = ["connect:read"], high)]
    fn node_get_cpu_stats(
        &self,
        call: &Call,
        cpu_num: i32,
        nparams: i32,
        flags: u32,
    ) -> Result<Counted<List<NodeStat, { limit::NODE_STATS }>, i32>>;

    /// Memory of one NUMA cell or of the host (`cell_num` -1), in KiB.
    ///
    /// * `nparams` 0 asks for the number of statistics only.
    /// * Errors: `INVALID_ARG` for a cell that does not exist.
    #[rpc(228, acl = ["connect:read"], high)]
    fn node_get_memory_stats(
        &self,
        call: &Call,
        nparams: i32,
        cell_num: i32,
        flags: u32,
    ) -> Result<Counted<List<NodeStat, { limit::NODE_STATS }>, i32>>;

    /// Sends the host to sleep and wakes it after `duration` seconds.
    ///
    /// * `target`: 0 memory, 1 disk, 2 both.
    #[rpc(250, acl = ["connect:pm_control"], write)]
    fn node_suspend_for_duration(&self, call: &Call, target: u32, duration: u64, flags: u32) -> Result<()>;

    /// Tunes memory sharing of the host.
    #[rpc(288, acl = ["connect:write"], write)]
    fn node_set_memory_parameters(
        &self,
        call: &Call,
        params: &List<TypedParam, { limit::NODE_PARAMETERS }>,
        flags: u32,
    ) -> Result<()>;

    /// How memory sharing of the host is tuned.
    ///
    /// * `nparams` 0 asks for their number only.
    #[rpc(289, acl = ["connect:read"])]
    fn node_get_memory_parameters(
        &self,
        call: &Call,
        nparams: i32,
        flags: u32,
    ) -> Result<Counted<List<TypedParam, { limit::NODE_PARAMETERS }>, i32>>;

    /// Which CPUs are present and which are online.
    #[rpc(293, acl = ["connect:read"])]
    fn node_get_cpu_map(&self, call: &Call, need_map: bool, need_online: bool, flags: u32) -> Result<CpuMap>;

    /// Free pages of the sizes `pages` (KiB) in cells from `start_cell` on: for each
    /// cell one count per size.
    #[rpc(340, acl = ["connect:read"], high)]
    fn node_get_free_pages(
        &self,
        call: &Call,
        pages: &List<u32, { limit::CELLS }>,
        start_cell: i32,
        cell_count: u32,
        flags: u32,
    ) -> Result<List<u64, { limit::CELLS }>>;

    /// Adds huge pages to the pool of cells from `start_cell` on, or sets their number.
    ///
    /// * Returns how many entries of the request were changed.
    #[rpc(347, acl = ["connect:write"], write)]
    fn node_alloc_pages(
        &self,
        call: &Call,
        page_sizes: &List<u32, { limit::CELLS }>,
        page_counts: &List<u64, { limit::CELLS }>,
        start_cell: i32,
        cell_count: u32,
        flags: u32,
    ) -> Result<i32>;

    /// Platform data of AMD SEV.
    ///
    /// * `nparams` 0 asks for their number only.
    #[rpc(395, acl = ["connect:read"], write)]
    fn node_get_sev_info(
        &self,
        call: &Call,
        nparams: i32,
        flags: u32,
    ) -> Result<Counted<List<TypedParam, { limit::NODE_PARAMETERS }>, i32>>;
}
