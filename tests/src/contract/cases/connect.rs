//! Who answers, and what it can run.

use oxivirt_core::ErrorCode;

use super::cases;
use crate::contract::Case;
use crate::contract::case::Verdict;

cases!(
    the_driver_says_who_it_is,
    capabilities_are_a_document,
    the_most_cpus_is_a_number_above_zero,
    domain_capabilities_are_a_document,
    host_data_are_a_document,
    unknown_flags_are_refused,
);

fn the_driver_says_who_it_is(case: &Case<'_>) -> Verdict {
    case.needs(&["connect_get_type", "connect_get_uri"])?;
    let kind = case.on.connect.connect_get_type(case.call)?;
    assert!(!kind.is_empty(), "the type has a name");
    case.note("type", kind);
    let uri = case.on.connect.connect_get_uri(case.call)?;
    assert!(uri.contains(':'), "'{uri}' has a scheme");
    case.note("uri", uri);
    if case.declares("connect_get_version") {
        case.note("version", case.on.connect.connect_get_version(case.call)?);
    }
    if case.declares("connect_get_hostname") {
        let name = case.on.connect.connect_get_hostname(case.call)?;
        assert!(!name.is_empty(), "the host has a name");
        case.note("hostname", name);
    }
    Ok(())
}

/// Fails unless a text is one element of this name.
fn expect_document(text: &str, root: &str) {
    assert!(text.trim_start().starts_with(&format!("<{root}")), "begins with <{root}>:\n{text}");
    assert!(text.ends_with(&format!("</{root}>\n")), "ends with </{root}> and a new line:\n{text}");
}

fn capabilities_are_a_document(case: &Case<'_>) -> Verdict {
    case.needs(&["connect_get_capabilities"])?;
    let text = case.on.connect.connect_get_capabilities(case.call)?;
    expect_document(&text, "capabilities");
    assert!(text.contains("<arch>"), "names the architecture of the host");
    case.note("capabilities", text);
    Ok(())
}

fn the_most_cpus_is_a_number_above_zero(case: &Case<'_>) -> Verdict {
    case.needs(&["connect_get_max_vcpus"])?;
    let most = case.on.connect.connect_get_max_vcpus(case.call, None)?;
    assert!(most > 0, "{most}");
    case.note("most CPUs", most);
    Ok(())
}

fn domain_capabilities_are_a_document(case: &Case<'_>) -> Verdict {
    case.needs(&["connect_get_domain_capabilities"])?;
    let connect = &case.on.connect;
    let text = connect.connect_get_domain_capabilities(case.call, None, None, None, None, 0)?;
    expect_document(&text, "domainCapabilities");
    case.note("domain capabilities", text);
    let bad = [(Some("no-such-architecture"), None), (None, Some("no-such-hypervisor"))];
    for (arch, virttype) in bad {
        let answer = connect.connect_get_domain_capabilities(case.call, None, arch, None, virttype, 0);
        case.refused("domain capabilities of nonsense", answer, &[ErrorCode::INVALID_ARG])?;
    }
    Ok(())
}

fn host_data_are_a_document(case: &Case<'_>) -> Verdict {
    case.needs(&["connect_get_sysinfo"])?;
    let text = case.on.connect.connect_get_sysinfo(case.call, 0)?;
    expect_document(&text, "sysinfo");
    case.note("sysinfo", text);
    Ok(())
}

fn unknown_flags_are_refused(case: &Case<'_>) -> Verdict {
    case.needs(&["connect_get_sysinfo"])?;
    let answer = case.on.connect.connect_get_sysinfo(case.call, 1 << 31);
    case.refused("sysinfo with an unknown flag", answer, &[ErrorCode::INVALID_ARG])
}
