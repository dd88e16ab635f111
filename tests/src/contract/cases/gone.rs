//! Calls about a domain that is not there any more, and about one under an old number.

use oxivirt_core::Error;
use oxivirt_core::constants::{DomainCoreDumpFlags, DomainModificationImpact as M, KeycodeSet};
use oxivirt_core::types::{Domain, List};

use super::cases;
use crate::contract::Case;
use crate::contract::case::{Stop, Verdict};

cases!(
    no_call_finds_a_domain_that_is_gone,
    no_call_takes_another_domain_of_the_same_name,
    an_old_number_is_no_obstacle
);

type Ask = fn(&Case<'_>, &Domain) -> Result<(), Error>;

/// Calls by their wire names, one or two of each subject, with arguments that would do.
const CALLS: &[(&str, Ask)] = &[
    ("domain_create", |case, domain| case.on.domain_lifecycle.domain_create(case.call, domain)),
    ("domain_destroy", |case, domain| case.on.domain_lifecycle.domain_destroy(case.call, domain)),
    ("domain_undefine", |case, domain| case.on.domain_lifecycle.domain_undefine(case.call, domain)),
    ("domain_suspend", |case, domain| case.on.domain_lifecycle.domain_suspend(case.call, domain)),
    ("domain_get_info", |case, domain| case.on.domain_information.domain_get_info(case.call, domain).map(drop)),
    ("domain_get_xml_desc", |case, domain| {
        case.on.domain_information.domain_get_xml_desc(case.call, domain, Default::default()).map(drop)
    }),
    ("domain_set_memory", |case, domain| case.on.domain_config.domain_set_memory(case.call, domain, 1024)),
    ("domain_set_vcpus", |case, domain| case.on.domain_config.domain_set_vcpus(case.call, domain, 1)),
    ("domain_get_memory_parameters", |case, domain| {
        case.on.domain_config.domain_get_memory_parameters(case.call, domain, 16, M::CURRENT).map(drop)
    }),
    ("domain_get_blkio_parameters", |case, domain| {
        case.on.domain_config.domain_get_blkio_parameters(case.call, domain, 16, M::CURRENT).map(drop)
    }),
    ("domain_get_numa_parameters", |case, domain| {
        case.on.domain_config.domain_get_numa_parameters(case.call, domain, 16, M::CURRENT).map(drop)
    }),
    ("domain_get_iothread_info", |case, domain| {
        case.on.domain_config.domain_get_iothread_info(case.call, domain, M::CURRENT).map(drop)
    }),
    ("domain_get_scheduler_type", |case, domain| {
        case.on.domain_config.domain_get_scheduler_type(case.call, domain).map(drop)
    }),
    ("domain_managed_save", |case, domain| {
        case.on.domain_save.domain_managed_save(case.call, domain, Default::default())
    }),
    ("domain_core_dump", |case, domain| {
        case.on.domain_save.domain_core_dump(case.call, domain, "/contract/dump", DomainCoreDumpFlags::EMPTY)
    }),
    ("domain_snapshot_create_xml", |case, domain| {
        let snapshots = &case.on.domain_snapshots;
        snapshots.domain_snapshot_create_xml(case.call, domain, "<domainsnapshot/>", Default::default()).map(drop)
    }),
    ("domain_list_all_snapshots", |case, domain| {
        case.on.domain_snapshots.domain_list_all_snapshots(case.call, domain, true, Default::default()).map(drop)
    }),
    ("domain_list_all_checkpoints", |case, domain| {
        case.on.domain_checkpoints.domain_list_all_checkpoints(case.call, domain, true, Default::default()).map(drop)
    }),
    ("domain_memory_stats", |case, domain| {
        case.on.domain_stats.domain_memory_stats(case.call, domain, 16, 0).map(drop)
    }),
    ("domain_get_cpu_stats", |case, domain| {
        case.on.domain_stats.domain_get_cpu_stats(case.call, domain, 16, -1, 1, 0).map(drop)
    }),
    ("domain_get_block_info", |case, domain| {
        case.on.domain_block.domain_get_block_info(case.call, domain, "vda", 0).map(drop)
    }),
    ("domain_get_disk_errors", |case, domain| {
        case.on.domain_block.domain_get_disk_errors(case.call, domain, 16, 0).map(drop)
    }),
    ("domain_detach_device_alias", |case, domain| {
        case.on.domain_devices.domain_detach_device_alias(case.call, domain, "ua-x", Default::default())
    }),
    ("domain_send_key", |case, domain| {
        case.on.domain_guest.domain_send_key(case.call, domain, KeycodeSet::LINUX, 0, &List::new(vec![30])?, 0)
    }),
    ("domain_get_time", |case, domain| case.on.domain_guest.domain_get_time(case.call, domain, 0).map(drop)),
    ("domain_get_fsinfo", |case, domain| case.on.domain_guest.domain_get_fsinfo(case.call, domain, 0).map(drop)),
    ("domain_get_job_info", |case, domain| case.on.domain_jobs.domain_get_job_info(case.call, domain).map(drop)),
    ("domain_abort_job", |case, domain| case.on.domain_jobs.domain_abort_job(case.call, domain)),
    ("domain_backup_get_xml_desc", |case, domain| {
        case.on.domain_backup.domain_backup_get_xml_desc(case.call, domain, 0).map(drop)
    }),
];

/// Every declared one of the calls.
fn calls<'c>(case: &'c Case<'_>) -> Result<Vec<&'c (&'static str, Ask)>, Stop> {
    let calls: Vec<_> = CALLS.iter().filter(|(name, _)| case.declares(name)).collect();
    if calls.is_empty() { Err(Stop::Skip("the driver declares none of the calls".to_owned())) } else { Ok(calls) }
}

fn no_call_finds_a_domain_that_is_gone(case: &Case<'_>) -> Verdict {
    let domain = case.define("contract-gone")?;
    case.on.domain_lifecycle.domain_undefine(case.call, &domain)?;
    for (name, ask) in calls(case)? {
        case.refused_as_missing(name, ask(case, &domain))?;
    }
    Ok(())
}

fn no_call_takes_another_domain_of_the_same_name(case: &Case<'_>) -> Verdict {
    let old = case.define("contract-renewed")?;
    case.on.domain_lifecycle.domain_undefine(case.call, &old)?;
    let new = case.define("contract-renewed")?;
    assert_ne!(old.uuid, new.uuid);
    for (name, ask) in calls(case)? {
        case.refused_as_missing(name, ask(case, &old))?;
    }
    Ok(())
}

fn an_old_number_is_no_obstacle(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_get_info", "domain_suspend"])?;
    let domain = case.start("contract-old-number")?;
    let stale = Domain { id: 9999, ..domain.clone() };
    case.on.domain_information.domain_get_info(case.call, &stale)?;
    case.on.domain_lifecycle.domain_suspend(case.call, &stale)?;
    case.expect_state(&domain, oxivirt_core::constants::DomainStateCode::PAUSED)
}
