//! Statistics of guests that do nothing: numbers that grow with the time of
//! day, so that whoever measures sees them move.

use oxivirt_conf::domain::devices::BalloonModel;
use oxivirt_core::call::Call;
use oxivirt_core::constants::{
    AllDomainStatsFlags, DomainMemoryStatTag, DomainModificationImpact, DomainStateCode, DomainStatsTypes,
};
use oxivirt_core::interface::{DomainStats, implements};
use oxivirt_core::types::{
    Counted, Domain, DomainBlockStats, DomainInterfaceStats, DomainStatsRecord, List, MemoryStat, STRING_OKAY,
    TypedParam, TypedValue, limit,
};
use oxivirt_core::{Error, ErrorCode, Result};

use super::tuning::iothreads;
use super::{now, perf};
use crate::TestConnection;
use crate::error::{Own, check_flags};
use crate::state::{Snapshot, reference, references};

/// Nanoseconds that the first CPU has spent on a domain and, of these, on the guest.
const CPU_TIME: u64 = 24_386_308_517;
const VCPU_TIME: u64 = 23_151_740_627;
/// Nanoseconds of all CPUs that the host spent outside of the guest.
const USER_TIME: u64 = 5_540_000_000;
const SYSTEM_TIME: u64 = 6_460_000_000;
/// CPUs that a domain has run on.
const CPUS: u32 = 2;
/// When a guest last told about its memory, in seconds since 1970.
const LAST_UPDATE: u64 = 627_319_920;

/// Kinds of statistics that there are.
const SUPPORTED: DomainStatsTypes = DomainStatsTypes(DomainStatsTypes::STATE.0 | DomainStatsTypes::IOTHREAD.0);

#[implements]
impl DomainStats for TestConnection {
    #[quick]
    fn domain_block_stats(&self, _call: &Call, dom: &Domain, path: &str) -> Result<DomainBlockStats> {
        if path.is_empty() {
            let text = "summary statistics are not supported yet";
            return Err(Error::new(ErrorCode::OPERATION_UNSUPPORTED, text)).own();
        }
        let snapshot = self.state().read_active(dom)?;
        if snapshot.definition().devices.disk(path).is_none() {
            return Err(Error::invalid_arg(format!("invalid path: {path}"))).own();
        }
        let (ticks, seconds) = clock();
        Ok(DomainBlockStats {
            rd_req: ticks,
            rd_bytes: ticks / 2,
            wr_req: ticks / 3,
            wr_bytes: ticks / 4,
            errs: seconds / 2,
        })
    }

    #[quick]
    fn domain_interface_stats(&self, _call: &Call, dom: &Domain, device: &str) -> Result<DomainInterfaceStats> {
        let snapshot = self.state().read_active(dom)?;
        super::interface(snapshot.definition(), device)?;
        let (ticks, seconds) = clock();
        Ok(DomainInterfaceStats {
            rx_bytes: ticks,
            rx_packets: ticks / 10,
            rx_errs: seconds,
            rx_drop: seconds / 2,
            tx_bytes: ticks / 2,
            tx_packets: ticks / 11,
            tx_errs: seconds / 3,
            tx_drop: seconds / 4,
        })
    }

    #[quick]
    fn domain_memory_stats(
        &self,
        _call: &Call,
        dom: &Domain,
        max_stats: u32,
        flags: u32,
    ) -> Result<List<MemoryStat, { limit::MEMORY_STATS }>> {
        use DomainMemoryStatTag as T;
        check_flags(flags, 0, "domain_memory_stats")?;
        let snapshot = self.state().read_active(dom)?;
        let definition = snapshot.definition();
        if definition.devices.memballoons.first().is_none_or(|balloon| balloon.model == BalloonModel::None) {
            // Guests tell through their balloon.
            return List::new(Vec::new());
        }
        let memory = definition.current_memory.0;
        let stats = [
            (T::ACTUAL_BALLOON, memory),
            (T::SWAP_IN, 0),
            (T::SWAP_OUT, 0),
            (T::MAJOR_FAULT, 0),
            (T::MINOR_FAULT, 0),
            (T::UNUSED, memory / 2),
            (T::AVAILABLE, memory),
            (T::USABLE, memory / 2),
            (T::LAST_UPDATE, LAST_UPDATE),
            (T::DISK_CACHES, memory / 8),
            (T::HUGETLB_PGALLOC, 0),
            (T::HUGETLB_PGFAIL, 0),
            (T::RSS, memory / 2),
        ];
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
        self.state().read_active(dom)?;
        let room = nparams as usize;
        let Ok(start) = u32::try_from(start_cpu) else {
            let total = [
                ("cpu_time", (0..u64::from(CPUS)).map(|cpu| CPU_TIME + cpu).sum()),
                ("user_time", USER_TIME),
                ("system_time", SYSTEM_TIME),
            ];
            return counted(total.map(time).to_vec(), room);
        };
        if nparams == 0 && ncpus == 0 {
            return Ok(Counted { items: List::new(Vec::new())?, count: CPUS as i32 });
        }
        if start >= CPUS {
            let text = format!("start_cpu {start_cpu} larger than maximum of {}", CPUS - 1);
            return Err(Error::invalid_arg(text)).own();
        }
        let each = |cpu: u32| {
            let cpu = u64::from(cpu);
            [("cpu_time", CPU_TIME + cpu), ("vcpu_time", VCPU_TIME + cpu)].map(time)
        };
        if nparams == 0 {
            return counted(each(0).to_vec(), 0);
        }
        // As many values of each CPU as there is room for one of them, one CPU after the other.
        let end = CPUS.min(start.saturating_add(ncpus));
        let items = (start..end).flat_map(|cpu| each(cpu).into_iter().take(room)).collect::<Vec<_>>();
        Ok(Counted { items: List::new(items)?, count: each(0).len().min(room) as i32 })
    }

    #[quick]
    fn connect_get_all_domain_stats(
        &self,
        _call: &Call,
        doms: &List<Domain, { limit::LIST }>,
        stats: DomainStatsTypes,
        flags: AllDomainStatsFlags,
    ) -> Result<List<DomainStatsRecord, { limit::LIST }>> {
        use AllDomainStatsFlags as F;
        let known = F::ALL.iter().fold(0, |known, (flag, _)| known | flag.0);
        check_flags(flags.0, known, "connect_get_all_domain_stats")?;
        let wanted = if stats.0 == 0 { SUPPORTED } else { stats };
        let unsupported = stats.0 & !SUPPORTED.0;
        if flags.contains(F::ENFORCE_STATS) && unsupported != 0 {
            let text = format!("Stats types bits 0x{unsupported:x} are not supported by this daemon");
            return Err(Error::new(ErrorCode::ARGUMENT_UNSUPPORTED, text)).own();
        }
        if doms.is_empty() {
            let all = self.state().domains.list();
            let mut fitting = all.snapshots();
            fitting.retain(|snapshot| passes(snapshot, flags));
            let named = references(&fitting).into_iter().zip(fitting);
            return List::new(named.map(|(dom, snapshot)| record(dom, snapshot, wanted)).collect::<Result<_>>()?);
        }
        let mut records = Vec::with_capacity(doms.len());
        for dom in doms.iter() {
            // One that is gone is left out, as it would be from a list.
            let Ok(snapshot) = self.state().read(dom) else { continue };
            if passes(&snapshot, flags) {
                records.push(record(reference(&snapshot), &snapshot, wanted)?);
            }
        }
        List::new(records)
    }

    #[quick]
    fn domain_get_perf_events(
        &self,
        _call: &Call,
        dom: &Domain,
        flags: DomainModificationImpact,
    ) -> Result<List<TypedParam, { limit::PARAMETERS }>> {
        let definition = self.look_at_single(dom, flags.0, "domain_get_perf_events")?;
        List::new(perf::get(&definition))
    }

    fn domain_set_perf_events(
        &self,
        call: &Call,
        dom: &Domain,
        params: &List<TypedParam, { limit::PARAMETERS }>,
        flags: DomainModificationImpact,
    ) -> Result<()> {
        let name = "domain_set_perf_events";
        self.tune(call, dom, flags.0, name, params, &perf::known(), |definition| {
            perf::set(definition, params);
            Ok(())
        })
    }
}

/// Tenths of milliseconds divided by ten, and seconds, since 1970.
fn clock() -> (i64, i64) {
    let now = now();
    let whole = |number: u128| i64::try_from(number).unwrap_or(i64::MAX);
    (whole(now.as_micros() / 10), whole(u128::from(now.as_secs())))
}

fn time((name, nanoseconds): (&str, u64)) -> TypedParam {
    TypedParam::new(name, TypedValue::UnsignedLongLong(nanoseconds))
}

fn counted(mut params: Vec<TypedParam>, room: usize) -> Result<Counted<List<TypedParam, { limit::CPU_STATS }>, i32>> {
    if room == 0 {
        return Counted::answer(false, params);
    }
    params.truncate(room);
    Counted::answer(true, params)
}

/// Whether a domain is wanted: of each group that `flags` touch, one flag fits.
fn passes(snapshot: &Snapshot, flags: AllDomainStatsFlags) -> bool {
    use AllDomainStatsFlags as F;
    let active = if snapshot.is_active() { F::ACTIVE } else { F::INACTIVE };
    let kept = if snapshot.is_persistent() { F::PERSISTENT } else { F::TRANSIENT };
    let state = match snapshot.status.state {
        DomainStateCode::RUNNING => F::RUNNING,
        DomainStateCode::PAUSED => F::PAUSED,
        DomainStateCode::SHUTOFF => F::SHUTOFF,
        _ => F::OTHER,
    };
    let groups = [
        (F::ACTIVE | F::INACTIVE, active),
        (F::PERSISTENT | F::TRANSIENT, kept),
        (F::RUNNING | F::PAUSED | F::SHUTOFF | F::OTHER, state),
    ];
    groups.iter().all(|(group, own)| !flags.intersects(*group) || flags.intersects(*own))
}

fn record(dom: Domain, snapshot: &Snapshot, wanted: DomainStatsTypes) -> Result<DomainStatsRecord> {
    let mut params = Vec::with_capacity(2);
    if wanted.contains(DomainStatsTypes::STATE) {
        params.push(TypedParam::new("state.state", TypedValue::Int(snapshot.status.state.0)));
        params.push(TypedParam::new("state.reason", TypedValue::Int(snapshot.status.reason)));
    }
    if wanted.contains(DomainStatsTypes::IOTHREAD) && snapshot.is_active() {
        params.extend(iothreads::statistics(snapshot));
    }
    Ok(DomainStatsRecord { dom, params: List::new(params)? })
}
