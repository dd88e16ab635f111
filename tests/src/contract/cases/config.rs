//! Memory and virtual CPUs.

use oxivirt_core::ErrorCode;
use oxivirt_core::constants::{DomainMemoryFlags as M, DomainVcpuFlags as V};

use super::cases;
use crate::contract::Case;
use crate::contract::case::Verdict;

cases!(memory_of_a_definition_changes, virtual_cpus_of_a_definition_change);

fn memory_of_a_definition_changes(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_set_memory_flags", "domain_get_info"])?;
    let domain = case.define("contract-memory")?;
    let (config, call) = (&case.on.domain_config, case.call);
    let numbers = || case.on.domain_information.domain_get_info(call, &domain).map(|info| (info.max_mem, info.memory));
    let (most, _) = numbers()?;
    let set = |memory, flags| config.domain_set_memory_flags(call, &domain, memory, flags);
    set(most / 2, M::CONFIG)?;
    assert_eq!(numbers()?, (most, most / 2));
    case.refused("more than the most", set(most + 1, M::CONFIG), &[ErrorCode::INVALID_ARG])?;
    case.refused_by_state("of a run that is not", set(most / 2, M::LIVE))?;
    set(most * 2, M::CONFIG | M::MAXIMUM)?;
    assert_eq!(numbers()?, (most * 2, most / 2));
    case.refused("an unknown flag", set(most, M(1 << 31)), &[ErrorCode::INVALID_ARG])
}

fn virtual_cpus_of_a_definition_change(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_set_vcpus_flags", "domain_get_vcpus_flags"])?;
    let domain = case.define("contract-set-vcpus")?;
    let (config, call) = (&case.on.domain_config, case.call);
    let get = |flags| case.on.domain_information.domain_get_vcpus_flags(call, &domain, flags);
    let set = |count, flags| config.domain_set_vcpus_flags(call, &domain, count, flags);
    set(4, V::CONFIG | V::MAXIMUM)?;
    set(2, V::CONFIG)?;
    assert_eq!((get(V::CONFIG)?, get(V::CONFIG | V::MAXIMUM)?), (2, 4));
    case.refused("more than the most", set(5, V::CONFIG), &[ErrorCode::INVALID_ARG])?;
    case.refused("none", set(0, V::CONFIG), &[ErrorCode::INVALID_ARG])?;
    case.refused_by_state("of a run that is not", set(1, V::LIVE))?;
    set(1, V::CONFIG | V::MAXIMUM)?;
    assert_eq!((get(V::CONFIG)?, get(V::CONFIG | V::MAXIMUM)?), (1, 1), "the most is never below");
    Ok(())
}
