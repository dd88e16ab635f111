//! Statistics of guests.

use std::sync::Arc;

use oxivirt_core::call::Call;
use oxivirt_core::constants::{
    AllDomainStatsFlags, DomainDirtyRateCalcFlags, DomainModificationImpact, DomainStatsTypes,
};
use oxivirt_core::interface::{DomainStats, implements};
use oxivirt_core::types::{
    Counted, Domain, DomainBlockStats, DomainInterfaceStats, DomainStatsRecord, List, MemoryStat, STRING_OKAY,
    TypedParam, TypedValue, answer_params, check_params, limit,
};
use oxivirt_core::{Error, ErrorCode, Result};
use oxivirt_util::cgroup::Controller;

use super::{IMPACT, Own, affected_one, check_flags, not_running, owner, references};
use crate::QemuConnection;
use crate::guests::stats::{BlockTotals, SUPPORTED, Wish};
use crate::guests::with_living;
use crate::lifecycle::State;
use crate::perf;
use crate::process::cpu_time;
use crate::state::{Object, Snapshot};

#[implements]
impl DomainStats for QemuConnection {
    fn domain_block_stats(&self, call: &Call, dom: &Domain, path: &str) -> Result<DomainBlockStats> {
        let totals = self.block_totals(call, dom, path)?;
        let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        Ok(DomainBlockStats {
            rd_req: number(totals.read[0]),
            rd_bytes: number(totals.read[1]),
            wr_req: number(totals.written[0]),
            wr_bytes: number(totals.written[1]),
            // QEMU does not count them.
            errs: -1,
        })
    }

    fn domain_block_stats_flags(
        &self,
        call: &Call,
        dom: &Domain,
        path: &str,
        nparams: i32,
        flags: u32,
    ) -> Result<Counted<List<TypedParam, { limit::TUNING_PARAMETERS }>, i32>> {
        check_flags(flags, STRING_OKAY, "domain_block_stats_flags")?;
        let totals = self.block_totals(call, dom, path)?;
        let values = [
            ("wr_bytes", totals.written[1]),
            ("wr_operations", totals.written[0]),
            ("rd_bytes", totals.read[1]),
            ("rd_operations", totals.read[0]),
            ("flush_operations", totals.flushed[0]),
            ("wr_total_times", totals.written[2]),
            ("rd_total_times", totals.read[2]),
            ("flush_total_times", totals.flushed[1]),
        ];
        let param = |(name, value): (&str, u64)| {
            TypedParam::new(name, TypedValue::LongLong(i64::try_from(value).unwrap_or(i64::MAX)))
        };
        answer_params(values.map(param).to_vec(), nparams, flags).own()
    }

    #[quick]
    fn domain_interface_stats(&self, _call: &Call, dom: &Domain, device: &str) -> Result<DomainInterfaceStats> {
        let snapshot = self.read_active(dom)?;
        crate::guests::interface_stats(snapshot.definition(), device).own()
    }

    fn domain_memory_stats(
        &self,
        call: &Call,
        dom: &Domain,
        max_stats: u32,
        flags: u32,
    ) -> Result<List<MemoryStat, { limit::MEMORY_STATS }>> {
        check_flags(flags, 0, "domain_memory_stats")?;
        let job = self.guests.query(self.uuid(dom)?, &owner(call)).own()?;
        let stats = self.guests.memory_stats(&job).own()?;
        let most = usize::try_from(max_stats).unwrap_or(usize::MAX);
        List::new(stats.into_iter().take(most).map(|(tag, val)| MemoryStat { tag: tag.0, val }).collect())
    }

    #[quick]
    fn domain_get_cpu_stats(
        &self,
        _call: &Call,
        dom: &Domain,
        nparams: u32,
        start_cpu: i32,
        ncpus: u32,
        flags: u32,
    ) -> Result<Counted<List<TypedParam, { limit::CPU_STATS }>, i32>> {
        check_flags(flags, STRING_OKAY, "domain_get_cpu_stats")?;
        let snapshot = self.read_active(dom)?;
        let run = self.find(dom)?.private().require_run().own()?;
        let groups = run.controlled(Controller::CpuAcct);
        let param = |(name, value)| TypedParam::new(name, TypedValue::UnsignedLongLong(value));
        let Ok(start) = usize::try_from(start_cpu) else {
            let times = match groups {
                Some(groups) => Some(groups.cpu_time().own()?),
                None => {
                    let times = snapshot.status.pid.and_then(cpu_time::parts_of_process);
                    times.map(|times| (times.time, times.user, times.system))
                }
            };
            let failed = || Error::internal("cannot read the CPU time of a guest");
            let (time, user, system) = times.ok_or_else(failed).own()?;
            let params = [("cpu_time", time), ("user_time", user), ("system_time", system)].map(param).to_vec();
            return answer_params(params, i32::try_from(nparams).unwrap_or(i32::MAX), flags).own();
        };
        // Times on each of the host's CPUs are counted by control groups alone.
        let missing = || Error::operation_invalid("cgroup CPUACCT controller is not mounted");
        let times = with_living(&snapshot, |living| groups.ok_or_else(missing)?.cpu_times(living)).own()?;
        let room = nparams as usize;
        let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
        if nparams == 0 && ncpus == 0 {
            return Ok(Counted { items: List::new(Vec::new())?, count: count(times.len()) });
        }
        if start >= times.len() {
            let text = format!("start_cpu {start_cpu} larger than maximum of {}", times.len().saturating_sub(1));
            return Err(Error::invalid_arg(text)).own();
        }
        let each = |(whole, vcpus): &(u64, u64)| [("cpu_time", *whole), ("vcpu_time", *vcpus)].map(param);
        if nparams == 0 {
            return Ok(Counted { items: List::new(Vec::new())?, count: 2 });
        }
        // As many values of each CPU as there is room for one of them, one CPU after the other.
        let chosen = times.iter().skip(start).take(ncpus as usize);
        let items = chosen.flat_map(|times| each(times).into_iter().take(room)).collect::<Vec<_>>();
        Ok(Counted { items: List::new(items)?, count: count(room.min(2)) })
    }

    fn connect_get_all_domain_stats(
        &self,
        call: &Call,
        doms: &List<Domain, { limit::LIST }>,
        stats: DomainStatsTypes,
        flags: AllDomainStatsFlags,
    ) -> Result<List<DomainStatsRecord, { limit::LIST }>> {
        use AllDomainStatsFlags as F;
        let known = F::ALL.iter().fold(0, |known, (flag, _)| known | flag.0);
        check_flags(flags.0, known, "connect_get_all_domain_stats")?;
        let groups = if stats.0 == 0 { SUPPORTED } else { stats };
        let unsupported = groups.0 & !SUPPORTED.0;
        if flags.contains(F::ENFORCE_STATS) && unsupported != 0 {
            let text = format!("Stats types bits 0x{unsupported:x} are not supported by this daemon or QEMU");
            return Err(Error::new(ErrorCode::ARGUMENT_UNSUPPORTED, text)).own();
        }
        let guests: Vec<(Arc<Object>, Arc<Snapshot>)> = match doms.is_empty() {
            true => self.guests.table.list().iter().map(|(o, s)| (Arc::clone(o), Arc::clone(s))).collect(),
            // One that is gone is left out, as it would be from a list.
            false => {
                let found = doms.iter().filter_map(|dom| self.find(dom).ok());
                found.map(|object| (Arc::clone(&object), object.snapshot())).collect()
            }
        };
        let guests: Vec<_> = guests.into_iter().filter(|(_, snapshot)| passes(snapshot, flags)).collect();
        let wish = Wish { groups, no_wait: flags.contains(F::NOWAIT), backing: flags.contains(F::BACKING) };
        let values = self.guests.statistics(&guests, wish, &owner(call));
        let named: Vec<&Snapshot> = guests.iter().map(|(_, snapshot)| &**snapshot).collect();
        let records = references(&named)
            .into_iter()
            .zip(values)
            .map(|(dom, params)| Ok(DomainStatsRecord { dom, params: List::new(params)? }));
        List::new(records.collect::<Result<_>>()?)
    }

    #[quick]
    fn domain_get_perf_events(
        &self,
        _call: &Call,
        dom: &Domain,
        flags: DomainModificationImpact,
    ) -> Result<List<TypedParam, { limit::PARAMETERS }>> {
        check_flags(flags.0, IMPACT | STRING_OKAY, "domain_get_perf_events")?;
        let object = self.find(dom)?;
        let snapshot = object.snapshot();
        let which = affected_one(&snapshot, flags.0, "domain_get_perf_events")?;
        let wanted = match (which.live(), object.private().run()) {
            (true, Some(run)) => run.marks.enabled_counters(),
            _ => perf::wanted(which.of(&snapshot)),
        };
        List::new(perf::params(|name| wanted.contains(&name)))
    }

    fn domain_set_perf_events(
        &self,
        call: &Call,
        dom: &Domain,
        params: &List<TypedParam, { limit::PARAMETERS }>,
        flags: DomainModificationImpact,
    ) -> Result<()> {
        check_flags(flags.0, IMPACT, "domain_set_perf_events")?;
        check_params(params, &perf::known())?;
        let job = self.guests.modify(self.uuid(dom)?, &owner(call)).own()?;
        let which = super::affected(&job.snapshot(), flags.0)?;
        if which.live() {
            let run = job.private().require_run().own()?;
            run.marks.set_counters(params, run.process.pid()).own()?;
        }
        super::edit(which, &self.guests, &job, |definition| {
            perf::put(definition, params);
            Ok(())
        })
        .own()
    }

    fn domain_start_dirty_rate_calc(
        &self,
        call: &Call,
        dom: &Domain,
        seconds: i32,
        flags: DomainDirtyRateCalcFlags,
    ) -> Result<()> {
        use DomainDirtyRateCalcFlags as F;
        check_flags(flags.0, (F::MODE_DIRTY_BITMAP | F::MODE_DIRTY_RING).0, "domain_start_dirty_rate_calc")?;
        let mode = match flags {
            F::MODE_PAGE_SAMPLING => "page-sampling",
            F::MODE_DIRTY_BITMAP => "dirty-bitmap",
            F::MODE_DIRTY_RING => "dirty-ring",
            _ => {
                return Err(super::exclusive(
                    "VIR_DOMAIN_DIRTYRATE_MODE_DIRTY_BITMAP",
                    "VIR_DOMAIN_DIRTYRATE_MODE_DIRTY_RING",
                ));
            }
        };
        let job = self.guests.modify(self.uuid(dom)?, &owner(call)).own()?;
        self.guests.measure_dirty_rate(&job, seconds, mode).own()
    }
}

impl QemuConnection {
    /// Counters of one disk, of all without a path.
    fn block_totals(&self, call: &Call, dom: &Domain, path: &str) -> Result<BlockTotals> {
        let job = self.guests.query(self.uuid(dom)?, &owner(call)).own()?;
        let snapshot = job.snapshot();
        if !snapshot.is_active() {
            return Err(not_running());
        }
        let disks = &snapshot.definition().devices.disks;
        let at = match path {
            "" => None,
            path => {
                let found = snapshot.definition().devices.disk(path);
                let missing = || Error::invalid_arg(format!("invalid path: {path}"));
                let target = &found.ok_or_else(missing).own()?.target.dev;
                disks.iter().position(|disk| disk.target.dev == *target)
            }
        };
        let run = job.private().require_run().own()?;
        let monitor = run.monitor().own()?;
        let all = BlockTotals::of_disks(monitor, disks);
        let all = all.map_err(|failure| failure.into_error(monitor.domain(), "query-blockstats")).own()?;
        match at {
            None => Ok(all.into_iter().flatten().fold(BlockTotals::default(), BlockTotals::plus)),
            Some(at) => {
                let missing = || Error::internal(format!("cannot find statistics for device '{path}'"));
                all.get(at).copied().flatten().ok_or_else(missing).own()
            }
        }
    }
}

/// Whether a guest is wanted: of each group that `flags` touch, one flag fits.
fn passes(snapshot: &Snapshot, flags: AllDomainStatsFlags) -> bool {
    use AllDomainStatsFlags as F;
    let active = if snapshot.is_active() { F::ACTIVE } else { F::INACTIVE };
    let kept = if snapshot.is_persistent() { F::PERSISTENT } else { F::TRANSIENT };
    let state = match snapshot.status.state {
        State::Running(_) => F::RUNNING,
        State::Paused(_) => F::PAUSED,
        State::ShutOff(_) => F::SHUTOFF,
        _ => F::OTHER,
    };
    let groups = [
        (F::ACTIVE | F::INACTIVE, active),
        (F::PERSISTENT | F::TRANSIENT, kept),
        (F::RUNNING | F::PAUSED | F::SHUTOFF | F::OTHER, state),
    ];
    groups.iter().all(|(group, own)| !flags.intersects(*group) || flags.intersects(*own))
}
