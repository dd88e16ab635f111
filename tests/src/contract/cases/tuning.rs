//! How much of the host a domain may use.

use oxivirt_core::ErrorCode;
use oxivirt_core::constants::{
    DomainLifecycle as L, DomainLifecycleAction as T, DomainModificationImpact as M, DomainXmlFlags,
};
use oxivirt_core::types::{List, STRING_OKAY, TypedParam, TypedValue, limit};

use super::cases;
use crate::contract::Case;
use crate::contract::case::{Stop, Verdict};

cases!(
    limits_of_memory_are_kept,
    weights_of_disks_are_kept,
    nodes_of_memory_are_kept,
    the_scheduler_has_a_name_and_parameters,
    a_network_card_can_be_slowed,
    a_disk_can_be_slowed,
    virtual_cpus_are_pinned,
    threads_for_disks_come_and_go,
    what_happens_at_the_end_is_chosen,
);

/// What no parameter may be.
const WRONG: &[ErrorCode] = &[ErrorCode::INVALID_ARG, ErrorCode::ARGUMENT_UNSUPPORTED];

/// One parameter.
fn one(name: &str, value: TypedValue<'_>) -> Result<List<TypedParam, { limit::TUNING_PARAMETERS }>, Stop> {
    Ok(List::new(vec![TypedParam::new(name, value)])?)
}

/// The value of a parameter, in words.
fn find(params: &[TypedParam], name: &str) -> Result<String, Stop> {
    let found = params.iter().find(|param| param.field() == name);
    found.map(|param| format!("{:?}", param.value())).ok_or_else(|| Stop::Fail(format!("no {name} in {params:?}")))
}

fn limits_of_memory_are_kept(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_set_memory_parameters", "domain_get_memory_parameters"])?;
    let (config, call) = (&case.on.domain_config, case.call);
    let domain = case.define("contract-limits")?;
    let get = |room, flags| config.domain_get_memory_parameters(call, &domain, room, flags);
    let set = |params: &List<_, _>, flags| config.domain_set_memory_parameters(call, &domain, params, flags);
    let count = get(0, M::CONFIG)?.count;
    let limit = one("hard_limit", TypedValue::UnsignedLongLong(1_000_000))?;
    set(&limit, M::CONFIG)?;
    let all = get(count, M::CONFIG)?;
    assert_eq!(find(&all.items, "hard_limit")?, "UnsignedLongLong(1000000)");
    case.refused("an unknown parameter", set(&one("nonsense", TypedValue::Int(1))?, M::CONFIG), WRONG)?;
    case.refused("a word for a number", set(&one("hard_limit", TypedValue::String("x"))?, M::CONFIG), WRONG)?;
    let twice = List::new(limit.iter().chain(limit.iter()).cloned().collect())?;
    case.refused("one twice", set(&twice, M::CONFIG), WRONG)?;
    case.refused_by_state("of a run that is not", set(&limit, M::LIVE))?;
    case.refused("an unknown flag", set(&limit, M(1 << 31)), &[ErrorCode::INVALID_ARG])?;
    case.refused("of both at once", get(count, M::LIVE | M::CONFIG), &[ErrorCode::INVALID_ARG])
}

fn weights_of_disks_are_kept(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_set_blkio_parameters", "domain_get_blkio_parameters"])?;
    let (config, call) = (&case.on.domain_config, case.call);
    let domain = case.define("contract-weights")?;
    let set = |name: &str, value, flags| -> Result<(), oxivirt_core::Error> {
        let params = List::new(vec![TypedParam::new(name, value)])?;
        config.domain_set_blkio_parameters(call, &domain, &params, flags)
    };
    set("weight", TypedValue::UnsignedInt(300), M::CONFIG)?;
    let count = config.domain_get_blkio_parameters(call, &domain, 0, M::CONFIG)?.count;
    let all = config.domain_get_blkio_parameters(call, &domain, count, M::CONFIG)?;
    assert_eq!(find(&all.items, "weight")?, "UnsignedInt(300)");
    case.refused("a list of nothing", set("device_weight", TypedValue::String("x"), M::CONFIG), WRONG)?;
    case.refused("an unknown parameter", set("nonsense", TypedValue::UnsignedInt(1), M::CONFIG), WRONG)?;
    case.refused_by_state("of a run that is not", set("weight", TypedValue::UnsignedInt(200), M::LIVE))
}

fn nodes_of_memory_are_kept(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_set_numa_parameters", "domain_get_numa_parameters"])?;
    let (config, call) = (&case.on.domain_config, case.call);
    let domain = case.define("contract-nodes")?;
    let set = |name: &str, value, flags| -> Result<(), oxivirt_core::Error> {
        let params = List::new(vec![TypedParam::new(name, value)])?;
        config.domain_set_numa_parameters(call, &domain, &params, flags)
    };
    set("numa_nodeset", TypedValue::String("0"), M::CONFIG)?;
    let flags = M(M::CONFIG.0 | STRING_OKAY);
    let count = config.domain_get_numa_parameters(call, &domain, 0, flags)?.count;
    let all = config.domain_get_numa_parameters(call, &domain, count, flags)?;
    assert_eq!(find(&all.items, "numa_nodeset")?, "String(\"0\")");
    case.refused("a set of nothing", set("numa_nodeset", TypedValue::String("x"), M::CONFIG), WRONG)?;
    case.refused("an unknown mode", set("numa_mode", TypedValue::Int(77), M::CONFIG), WRONG)?;
    case.refused_by_state("of a run that is not", set("numa_nodeset", TypedValue::String("0"), M::LIVE))
}

fn the_scheduler_has_a_name_and_parameters(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_get_scheduler_type", "domain_get_scheduler_parameters_flags"])?;
    let (config, call) = (&case.on.domain_config, case.call);
    let domain = case.start("contract-scheduler")?;
    let kind = config.domain_get_scheduler_type(call, &domain)?;
    assert!(!kind.r#type.is_empty(), "it has a name");
    let all = config.domain_get_scheduler_parameters_flags(call, &domain, kind.nparams, M::CURRENT)?;
    assert!(all.len() <= kind.nparams as usize);
    let unknown = config.domain_get_scheduler_parameters_flags(call, &domain, kind.nparams, M(1 << 31));
    case.refused("an unknown flag", unknown, &[ErrorCode::INVALID_ARG])?;
    if case.declares("domain_set_scheduler_parameters") {
        let set = |params: &List<_, _>| config.domain_set_scheduler_parameters(call, &domain, params);
        let nonsense = one("nonsense", TypedValue::UnsignedInt(1))?;
        case.refused("an unknown parameter", set(&nonsense), WRONG)?;
    }
    Ok(())
}

fn a_network_card_can_be_slowed(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_set_interface_parameters", "domain_get_interface_parameters"])?;
    let (config, call) = (&case.on.domain_config, case.call);
    let domain = case.define_with_devices("contract-slow-card")?;
    let card = crate::contract::CARD_ADDRESS;
    let set = |card: &str, name: &str, flags| -> Result<(), oxivirt_core::Error> {
        let params = List::new(vec![TypedParam::new(name, TypedValue::UnsignedInt(100))])?;
        config.domain_set_interface_parameters(call, &domain, card, &params, flags)
    };
    let count = config.domain_get_interface_parameters(call, &domain, card, 0, M::CONFIG)?.count;
    set(card, "inbound.average", M::CONFIG)?;
    let all = config.domain_get_interface_parameters(call, &domain, card, count, M::CONFIG)?;
    assert_eq!(find(&all.items, "inbound.average")?, "UnsignedInt(100)");
    case.refused("another card", set("none", "inbound.average", M::CONFIG), &[ErrorCode::INVALID_ARG])?;
    case.refused("an unknown parameter", set(card, "nonsense", M::CONFIG), WRONG)?;
    case.refused_by_state("of a run that is not", set(card, "inbound.average", M::LIVE))
}

fn a_disk_can_be_slowed(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_set_block_io_tune", "domain_get_block_io_tune"])?;
    let (block, call) = (&case.on.domain_block, case.call);
    let domain = case.define_with_devices("contract-slow-disk")?;
    let set = |disk: &str, params: &[(&str, u64)], flags| -> Result<(), oxivirt_core::Error> {
        let params = params.iter().map(|(name, value)| TypedParam::new(*name, TypedValue::UnsignedLongLong(*value)));
        block.domain_set_block_io_tune(call, &domain, disk, &List::new(params.collect())?, flags)
    };
    let both = [("total_bytes_sec", 2000), ("total_bytes_sec_max", 4000)];
    set("vda", &both, M::CONFIG)?;
    let count = block.domain_get_block_io_tune(call, &domain, Some("vda"), 0, M::CONFIG)?.count;
    let all = block.domain_get_block_io_tune(call, &domain, Some("vda"), count, M::CONFIG)?;
    assert_eq!(find(&all.items, "total_bytes_sec")?, "UnsignedLongLong(2000)");
    let against = [("total_bytes_sec", 10), ("read_bytes_sec", 5)];
    case.refused("all and a part", set("vda", &against, M::CONFIG), WRONG)?;
    case.refused("another disk", set("none", &both, M::CONFIG), WRONG)?;
    case.refused("an unknown parameter", set("vda", &[("nonsense", 1)], M::CONFIG), WRONG)?;
    case.refused_by_state("of a run that is not", set("vda", &both, M::LIVE))
}

fn virtual_cpus_are_pinned(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_pin_vcpu_flags", "domain_get_vcpu_pin_info"])?;
    let (config, call) = (&case.on.domain_config, case.call);
    let domain = case.define("contract-pinned")?;
    let pin = |cpu, map: &[u8], flags| config.domain_pin_vcpu_flags(call, &domain, cpu, &map.to_vec().into(), flags);
    match pin(0, &[1], M::CONFIG) {
        Ok(()) => {
            let maps = case.on.domain_information.domain_get_vcpu_pin_info(call, &domain, 1, 1, M::CONFIG)?;
            assert_eq!((maps.num, maps.cpumaps.first()), (1, Some(&1)));
        }
        // Some pin only what runs.
        Err(error) if error.code() == ErrorCode::INVALID_ARG => case.note("no flags", ()),
        Err(error) => return Err(error.into()),
    }
    let wrong = &[ErrorCode::INVALID_ARG, ErrorCode::OPERATION_INVALID];
    case.refused("a CPU that is not there", pin(999, &[1], M::CURRENT), wrong)?;
    case.refused("both at once", pin(0, &[1], M(1 << 31)), wrong)
}

fn threads_for_disks_come_and_go(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_add_iothread", "domain_del_iothread", "domain_get_iothread_info"])?;
    let (config, call) = (&case.on.domain_config, case.call);
    let domain = case.define("contract-threads")?;
    let there = || -> Result<Vec<u32>, Stop> {
        let threads = config.domain_get_iothread_info(call, &domain, M::CONFIG)?;
        Ok(threads.items.iter().map(|thread| thread.iothread_id).collect())
    };
    let (add, delete) = (
        |id, flags| config.domain_add_iothread(call, &domain, id, flags),
        |id| config.domain_del_iothread(call, &domain, id, M::CONFIG),
    );
    add(3, M::CONFIG)?;
    add(1, M::CONFIG)?;
    let mut ids = there()?;
    ids.sort_unstable();
    assert_eq!(ids, [1, 3]);
    let wrong = &[ErrorCode::INVALID_ARG];
    case.refused("a number twice", add(3, M::CONFIG), wrong)?;
    case.refused("number zero", add(0, M::CONFIG), wrong)?;
    case.refused("one that is not there", delete(7), wrong)?;
    case.refused_by_state("of a run that is not", add(9, M::LIVE))?;
    delete(3)?;
    assert_eq!(there()?, [1]);
    Ok(())
}

fn what_happens_at_the_end_is_chosen(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_set_lifecycle_action", "domain_get_xml_desc"])?;
    let (config, call) = (&case.on.domain_config, case.call);
    let domain = case.define("contract-end")?;
    let set = |at, action, flags| config.domain_set_lifecycle_action(call, &domain, at, action, flags);
    set(L::POWEROFF, T::RESTART, M::CONFIG)?;
    let text = case.on.domain_information.domain_get_xml_desc(call, &domain, DomainXmlFlags::INACTIVE)?;
    assert!(text.contains("<on_poweroff>restart</on_poweroff>"), "{text}");
    let wrong = &[ErrorCode::INVALID_ARG];
    case.refused("an unknown end", set(L(77), T::RESTART, M::CONFIG), wrong)?;
    case.refused("an unknown action", set(L::POWEROFF, T(77), M::CONFIG), wrong)?;
    case.refused_by_state("of a run that is not", set(L::REBOOT, T::DESTROY, M::LIVE))
}
