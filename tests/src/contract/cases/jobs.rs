//! Long operations on a domain.

use oxivirt_core::ErrorCode;
use oxivirt_core::constants::{DomainAbortJobFlags, DomainJobStatsFlags, DomainJobType};

use super::cases;
use crate::contract::Case;
use crate::contract::case::Verdict;

cases!(a_domain_at_rest_has_no_job, nothing_is_ended_where_nothing_is_done);

fn a_domain_at_rest_has_no_job(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_get_job_info", "domain_get_job_stats"])?;
    let (jobs, call) = (&case.on.domain_jobs, case.call);
    let domain = case.start("contract-no-job")?;
    let info = jobs.domain_get_job_info(call, &domain)?;
    assert_eq!(DomainJobType(info.r#type), DomainJobType::NONE);
    let stats = jobs.domain_get_job_stats(call, &domain, DomainJobStatsFlags::EMPTY)?;
    assert_eq!(DomainJobType(stats.r#type), DomainJobType::NONE);
    let unknown = jobs.domain_get_job_stats(call, &domain, DomainJobStatsFlags(1 << 31));
    case.refused("an unknown flag", unknown, &[ErrorCode::INVALID_ARG])
}

fn nothing_is_ended_where_nothing_is_done(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_abort_job"])?;
    let (jobs, call) = (&case.on.domain_jobs, case.call);
    let domain = case.start("contract-end-job")?;
    case.refused_by_state("ended", jobs.domain_abort_job(call, &domain))?;
    if case.declares("domain_abort_job_flags") {
        let unknown = jobs.domain_abort_job_flags(call, &domain, DomainAbortJobFlags(1 << 31));
        case.refused("an unknown flag", unknown, &[ErrorCode::INVALID_ARG])?;
    }
    let off = case.define("contract-end-job-off")?;
    case.refused_by_state("ended while off", jobs.domain_abort_job(call, &off))
}
