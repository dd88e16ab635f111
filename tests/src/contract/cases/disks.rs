//! What is known about disks, and the jobs on them.

use oxivirt_core::ErrorCode;
use oxivirt_core::constants::{
    DomainBlockJobAbortFlags, DomainBlockJobInfoFlags, DomainBlockPullFlags, DomainBlockResizeFlags,
    DomainMemoryPeekFlags as P,
};

use super::cases;
use crate::contract::Case;
use crate::contract::case::Verdict;

cases!(
    a_disk_has_a_size,
    memory_can_be_looked_at,
    errors_of_disks_are_told,
    a_disk_without_a_job_has_none,
    a_disk_is_not_resized_by_mistake,
);

fn a_disk_has_a_size(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_get_block_info"])?;
    let (block, call) = (&case.on.domain_block, case.call);
    let domain = case.start_with_devices("contract-disk-size")?;
    let info = block.domain_get_block_info(call, &domain, "vda", 0)?;
    assert!(info.capacity > 0 && info.allocation <= info.capacity.max(info.physical), "{info:?}");
    let wrong = &[ErrorCode::INVALID_ARG];
    case.refused("another disk", block.domain_get_block_info(call, &domain, "none", 0), wrong)?;
    case.refused("no disk", block.domain_get_block_info(call, &domain, "", 0), wrong)?;
    case.refused("an unknown flag", block.domain_get_block_info(call, &domain, "vda", 1 << 31), wrong)
}

fn memory_can_be_looked_at(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_memory_peek"])?;
    let (block, call) = (&case.on.domain_block, case.call);
    let domain = case.start("contract-peek")?;
    let peek = |size, flags| block.domain_memory_peek(call, &domain, 0, size, flags);
    assert_eq!(peek(8, P::PHYSICAL)?.len(), 8);
    let wrong = &[ErrorCode::INVALID_ARG];
    case.refused("of no kind", peek(8, P::EMPTY), wrong)?;
    case.refused("of both kinds", peek(8, P::PHYSICAL | P::VIRTUAL), wrong)?;
    let off = case.define("contract-peek-off")?;
    case.refused_by_state("while off", block.domain_memory_peek(call, &off, 0, 8, P::PHYSICAL))
}

fn errors_of_disks_are_told(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_get_disk_errors"])?;
    let (block, call) = (&case.on.domain_block, case.call);
    let domain = case.start_with_devices("contract-disk-errors")?;
    let all = block.domain_get_disk_errors(call, &domain, 16, 0)?;
    case.note("errors", &all);
    let unknown = block.domain_get_disk_errors(call, &domain, 16, 1 << 31);
    case.refused("an unknown flag", unknown, &[ErrorCode::INVALID_ARG])?;
    let off = case.define_with_devices("contract-disk-errors-off")?;
    case.refused_by_state("while off", block.domain_get_disk_errors(call, &off, 16, 0))
}

fn a_disk_without_a_job_has_none(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_get_block_job_info", "domain_block_job_abort", "domain_block_pull"])?;
    let (block, call) = (&case.on.domain_block, case.call);
    let domain = case.start_with_devices("contract-no-block-job")?;
    let info = block.domain_get_block_job_info(call, &domain, "vda", DomainBlockJobInfoFlags::EMPTY)?;
    assert_eq!(info.found, 0, "{info:?}");
    let codes = &[ErrorCode::INVALID_ARG, ErrorCode::OPERATION_INVALID];
    let abort = |disk: &str| block.domain_block_job_abort(call, &domain, disk, DomainBlockJobAbortFlags::EMPTY);
    case.refused("nothing ends", abort("vda"), codes)?;
    case.refused("on another disk", abort("none"), codes)?;
    let pull = |flags| block.domain_block_pull(call, &domain, "none", 0, flags);
    case.refused("a pull to another disk", pull(DomainBlockPullFlags::EMPTY), codes)?;
    case.refused("an unknown flag", pull(DomainBlockPullFlags(1 << 31)), &[ErrorCode::INVALID_ARG])
}

fn a_disk_is_not_resized_by_mistake(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_block_resize"])?;
    let (block, call) = (&case.on.domain_block, case.call);
    let off = case.define_with_devices("contract-resize-off")?;
    let resize = |disk: &str, flags| block.domain_block_resize(call, &off, disk, 1 << 20, flags);
    case.refused_by_state("while off", resize("vda", DomainBlockResizeFlags::BYTES))?;
    case.refused("an unknown flag", resize("vda", DomainBlockResizeFlags(1 << 31)), &[ErrorCode::INVALID_ARG])
}
