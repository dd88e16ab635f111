//! Statistics of domains.

use oxivirt_core::ErrorCode;
use oxivirt_core::constants::{AllDomainStatsFlags as A, DomainModificationImpact as M, DomainStatsTypes as S};
use oxivirt_core::types::{Domain, DomainStatsRecord, List, TypedParam, TypedValue};

use super::cases;
use crate::contract::Case;
use crate::contract::case::{Stop, Verdict};

cases!(
    a_disk_has_statistics,
    a_network_card_has_statistics,
    memory_has_statistics,
    cpus_have_statistics,
    what_is_off_has_no_statistics,
    all_domains_have_statistics_at_once,
    statistics_of_chosen_domains,
    performance_is_watched_on_demand,
);

/// What the devices of the suite are called.
const DISK: &str = "vda";
const CARD: &str = crate::contract::CARD_ADDRESS;

fn a_disk_has_statistics(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_block_stats"])?;
    let (stats, call) = (&case.on.domain_stats, case.call);
    let domain = case.start_with_devices("contract-disk-stats")?;
    stats.domain_block_stats(call, &domain, DISK)?;
    case.refused("another disk", stats.domain_block_stats(call, &domain, "none"), &[ErrorCode::INVALID_ARG])?;
    if case.declares("domain_block_stats_flags") {
        let many = |room, flags| stats.domain_block_stats_flags(call, &domain, DISK, room, flags);
        let count = many(0, 0)?.count;
        let all = many(count, 0)?;
        assert_eq!(all.items.len(), count as usize);
        assert!(many(1, 0)?.items.len() <= 1, "no more than there is room for");
        case.refused("an unknown flag", many(count, 1 << 31), &[ErrorCode::INVALID_ARG])?;
    }
    Ok(())
}

fn a_network_card_has_statistics(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_interface_stats"])?;
    let (stats, call) = (&case.on.domain_stats, case.call);
    let domain = case.start_with_devices("contract-card-stats")?;
    stats.domain_interface_stats(call, &domain, CARD)?;
    let unknown = &[ErrorCode::INVALID_ARG];
    case.refused("another card", stats.domain_interface_stats(call, &domain, "none"), unknown)?;
    case.refused("no card", stats.domain_interface_stats(call, &domain, ""), unknown)
}

fn memory_has_statistics(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_memory_stats"])?;
    let (stats, call) = (&case.on.domain_stats, case.call);
    let domain = case.start_with_devices("contract-memory-stats")?;
    let all = stats.domain_memory_stats(call, &domain, 32, 0)?;
    assert!(!all.is_empty(), "something is known");
    let tags: Vec<_> = all.iter().map(|stat| stat.tag).collect();
    case.note("tags", &tags);
    assert!(stats.domain_memory_stats(call, &domain, 1, 0)?.len() <= 1, "no more than there is room for");
    case.refused("an unknown flag", stats.domain_memory_stats(call, &domain, 32, 1 << 31), &[ErrorCode::INVALID_ARG])
}

fn cpus_have_statistics(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_get_cpu_stats"])?;
    let (stats, call) = (&case.on.domain_stats, case.call);
    let domain = case.start("contract-cpu-stats")?;
    let ask = |room, first, count, flags| stats.domain_get_cpu_stats(call, &domain, room, first, count, flags);
    let fields = ask(0, -1, 1, 0)?.count;
    assert!(fields > 0, "something is counted for all CPUs");
    let total = ask(fields as u32, -1, 1, 0)?;
    let names: Vec<_> = total.items.iter().map(|param| param.field().to_owned()).collect();
    assert!(names.iter().any(|name| name == "cpu_time"), "{names:?}");
    assert!(ask(0, 0, 0, 0)?.count > 0, "there are CPUs");
    case.refused("an unknown flag", ask(fields as u32, -1, 1, 1 << 31), &[ErrorCode::INVALID_ARG])
}

fn what_is_off_has_no_statistics(case: &Case<'_>) -> Verdict {
    let (stats, call) = (&case.on.domain_stats, case.call);
    case.needs(&["domain_block_stats", "domain_interface_stats", "domain_memory_stats", "domain_get_cpu_stats"])?;
    let domain = case.define_with_devices("contract-off-stats")?;
    case.refused_by_state("of a disk", stats.domain_block_stats(call, &domain, DISK))?;
    case.refused_by_state("of a card", stats.domain_interface_stats(call, &domain, CARD))?;
    case.refused_by_state("of memory", stats.domain_memory_stats(call, &domain, 32, 0))?;
    case.refused_by_state("of CPUs", stats.domain_get_cpu_stats(call, &domain, 0, -1, 1, 0))
}

/// The statistics of one domain.
fn find<'r>(records: &'r [DomainStatsRecord], domain: &Domain) -> Option<&'r DomainStatsRecord> {
    records.iter().find(|record| record.dom.uuid == domain.uuid)
}

fn value<'r>(record: &'r DomainStatsRecord, field: &str) -> Result<TypedValue<'r>, Stop> {
    let found = record.params.iter().find(|param| param.field() == field);
    found.map(TypedParam::value).ok_or_else(|| Stop::Fail(format!("no {field} in {:?}", record.params)))
}

fn all_domains_have_statistics_at_once(case: &Case<'_>) -> Verdict {
    case.needs(&["connect_get_all_domain_stats"])?;
    case.needs_start()?;
    let (stats, call) = (&case.on.domain_stats, case.call);
    let (on, off) = (case.start("contract-stats-on")?, case.define("contract-stats-off")?);
    let none = List::new(Vec::new())?;
    let ask = |what, flags| stats.connect_get_all_domain_stats(call, &none, what, flags);
    let all = ask(S::STATE, A::EMPTY)?;
    for (domain, wanted) in [(&on, 1), (&off, 5)] {
        let record = find(&all, domain).ok_or_else(|| format!("{} is missing", domain.name))?;
        assert_eq!(value(record, "state.state")?, TypedValue::Int(wanted));
    }
    for (flags, sees_on, sees_off) in [
        (A::ACTIVE, true, false),
        (A::INACTIVE, false, true),
        (A::PERSISTENT, true, true),
        (A::TRANSIENT, false, false),
        (A::RUNNING, true, false),
        (A::PAUSED, false, false),
        (A::SHUTOFF, false, true),
        (A::RUNNING | A::SHUTOFF, true, true),
        (A::ACTIVE | A::SHUTOFF, false, false),
    ] {
        let some = ask(S::STATE, flags)?;
        assert_eq!((find(&some, &on).is_some(), find(&some, &off).is_some()), (sees_on, sees_off), "{flags:?}");
    }
    Ok(())
}

fn statistics_of_chosen_domains(case: &Case<'_>) -> Verdict {
    case.needs(&["connect_get_all_domain_stats"])?;
    let (stats, call) = (&case.on.domain_stats, case.call);
    let (one, _other) = (case.define("contract-chosen")?, case.define("contract-not-chosen")?);
    let chosen = List::new(vec![one.clone()])?;
    let some = stats.connect_get_all_domain_stats(call, &chosen, S::STATE, A::EMPTY)?;
    assert_eq!(some.iter().map(|record| record.dom.name.as_str()).collect::<Vec<_>>(), ["contract-chosen"]);
    let unknown = stats.connect_get_all_domain_stats(call, &chosen, S(1 << 30), A::ENFORCE_STATS);
    case.refused("a kind that nobody knows", unknown, &[ErrorCode::ARGUMENT_UNSUPPORTED, ErrorCode::INVALID_ARG])
}

fn performance_is_watched_on_demand(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_get_perf_events", "domain_set_perf_events"])?;
    let (stats, call) = (&case.on.domain_stats, case.call);
    let domain = case.define("contract-perf")?;
    let watched = || -> Result<bool, Stop> {
        let all = stats.domain_get_perf_events(call, &domain, M::CONFIG)?;
        let found = all.iter().find(|param| param.field() == "cpu_cycles");
        Ok(found.map(TypedParam::value) == Some(TypedValue::Boolean(true)))
    };
    let set = |name: &str, value, flags| {
        let params = List::new(vec![TypedParam::new(name, value)])?;
        stats.domain_set_perf_events(call, &domain, &params, flags)
    };
    assert!(!watched()?);
    set("cpu_cycles", TypedValue::Boolean(true), M::CONFIG)?;
    assert!(watched()?);
    let wrong = &[ErrorCode::INVALID_ARG, ErrorCode::ARGUMENT_UNSUPPORTED];
    case.refused("a number for yes or no", set("cpu_cycles", TypedValue::Int(0), M::CONFIG), wrong)?;
    case.refused("an unknown event", set("nonsense", TypedValue::Boolean(true), M::CONFIG), wrong)?;
    case.refused_by_state("of a run that is not", set("cpu_cycles", TypedValue::Boolean(false), M::LIVE))?;
    assert!(watched()?);
    Ok(())
}
