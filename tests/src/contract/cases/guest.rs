//! What is asked of a guest, and sent to it.

use oxivirt_core::ErrorCode;
use oxivirt_core::constants::{
    DomainInterfaceAddressesSource as S, DomainSetTimeFlags, DomainSetUserPasswordFlags, KeycodeSet,
};
use oxivirt_core::types::{Domain, List};

use super::cases;
use crate::contract::Case;
use crate::contract::case::{Stop, Verdict};

cases!(
    keys_are_sent_to_a_guest,
    a_guest_has_a_clock,
    file_systems_freeze_and_thaw,
    a_guest_has_addresses,
    a_guest_that_is_off_answers_nothing,
    unknown_flags_are_refused_for_guests,
    screens_and_consoles_of_what_is_off_stay_dark,
);

fn keys_are_sent_to_a_guest(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_send_key"])?;
    let (guest, call) = (&case.on.domain_guest, case.call);
    let domain = case.start("contract-keys")?;
    let send = |set, codes: Vec<u32>, flags| guest.domain_send_key(call, &domain, set, 0, &List::new(codes)?, flags);
    send(KeycodeSet::LINUX, vec![30], 0)?;
    let wrong = &[ErrorCode::INVALID_ARG, ErrorCode::INTERNAL_ERROR];
    case.refused("a number of no key", send(KeycodeSet::LINUX, vec![99_999], 0), wrong)?;
    case.refused("an unknown numbering", send(KeycodeSet(77), vec![30], 0), wrong)?;
    case.refused("an unknown flag", send(KeycodeSet::LINUX, vec![30], 1 << 31), &[ErrorCode::INVALID_ARG])?;
    if case.declares("domain_inject_nmi") {
        guest.domain_inject_nmi(call, &domain, 0)?;
    }
    Ok(())
}

fn a_guest_has_a_clock(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_get_time", "domain_set_time"])?;
    let (guest, call) = (&case.on.domain_guest, case.call);
    let domain = case.start("contract-clock")?;
    needs_agent(guest.domain_get_time(call, &domain, 0))?;
    guest.domain_set_time(call, &domain, 1_000_000, 0, DomainSetTimeFlags::EMPTY)?;
    let time = guest.domain_get_time(call, &domain, 0)?;
    assert!(time.seconds >= 1_000_000, "{time:?}");
    Ok(())
}

fn file_systems_freeze_and_thaw(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_fsfreeze", "domain_fsthaw", "domain_get_fsinfo"])?;
    let (guest, call) = (&case.on.domain_guest, case.call);
    let domain = case.start("contract-frozen")?;
    let systems = needs_agent(guest.domain_get_fsinfo(call, &domain, 0))?;
    assert_eq!(systems.items.len(), systems.count as usize);
    let none = List::default();
    let frozen = guest.domain_fsfreeze(call, &domain, &none, 0)?;
    case.note("frozen", frozen);
    assert!(frozen > 0);
    assert_eq!(guest.domain_fsthaw(call, &domain, &none, 0)?, frozen);
    assert_eq!(guest.domain_fsthaw(call, &domain, &none, 0)?, 0, "nothing is left to thaw");
    let frozen = guest.domain_fsfreeze(call, &domain, &none, 1 << 31);
    case.refused("an unknown flag", frozen, &[ErrorCode::INVALID_ARG])
}

/// Ends the case where a guest would have to run an agent.
fn needs_agent<T>(answer: Result<T, oxivirt_core::Error>) -> Result<T, Stop> {
    answer.map_err(|error| match error.code() {
        ErrorCode::ARGUMENT_UNSUPPORTED | ErrorCode::AGENT_UNRESPONSIVE => {
            Stop::Skip(format!("the guest runs no agent: {error}"))
        }
        _ => error.into(),
    })
}

fn a_guest_has_addresses(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_interface_addresses"])?;
    let (guest, call) = (&case.on.domain_guest, case.call);
    let domain = case.start_with_devices("contract-addresses")?;
    let ask = |source, flags| guest.domain_interface_addresses(call, &domain, source, flags);
    let cards = ask(S::LEASE, 0)?;
    let address = |card: &oxivirt_core::types::GuestInterface| card.hwaddr.clone().into_option().map(String::from);
    assert!(cards.iter().all(|card| address(card).as_deref() == Some(crate::contract::CARD_ADDRESS)), "{cards:?}");
    case.refused("an unknown flag", ask(S::LEASE, 1 << 31), &[ErrorCode::INVALID_ARG])?;
    case.refused("an unknown source", ask(S(77), 0), &[ErrorCode::INVALID_ARG, ErrorCode::ARGUMENT_UNSUPPORTED])
}

/// A call about a guest.
type Ask = fn(&Case<'_>, &Domain, u32) -> Result<(), oxivirt_core::Error>;

/// Calls by their wire names; each gets the same unknown flags.
const CALLS: &[(&str, Ask)] = &[
    ("domain_send_key", |case, domain, flags| {
        case.on.domain_guest.domain_send_key(case.call, domain, KeycodeSet::LINUX, 0, &List::new(vec![30])?, flags)
    }),
    ("domain_inject_nmi", |case, domain, flags| case.on.domain_guest.domain_inject_nmi(case.call, domain, flags)),
    ("domain_get_time", |case, domain, flags| case.on.domain_guest.domain_get_time(case.call, domain, flags).map(drop)),
    ("domain_set_time", |case, domain, flags| {
        case.on.domain_guest.domain_set_time(case.call, domain, 1, 0, DomainSetTimeFlags(flags))
    }),
    ("domain_get_fsinfo", |case, domain, flags| {
        case.on.domain_guest.domain_get_fsinfo(case.call, domain, flags).map(drop)
    }),
    ("domain_fsfreeze", |case, domain, flags| {
        case.on.domain_guest.domain_fsfreeze(case.call, domain, &List::default(), flags).map(drop)
    }),
    ("domain_fsthaw", |case, domain, flags| {
        case.on.domain_guest.domain_fsthaw(case.call, domain, &List::default(), flags).map(drop)
    }),
    ("domain_fstrim", |case, domain, flags| case.on.domain_guest.domain_fstrim(case.call, domain, None, 0, flags)),
    ("domain_get_hostname", |case, domain, flags| {
        case.on.domain_guest.domain_get_hostname(case.call, domain, flags).map(drop)
    }),
    ("domain_interface_addresses", |case, domain, flags| {
        case.on.domain_guest.domain_interface_addresses(case.call, domain, S::LEASE, flags).map(drop)
    }),
    ("domain_set_user_password", |case, domain, flags| {
        let flags = DomainSetUserPasswordFlags(flags);
        case.on.domain_guest.domain_set_user_password(case.call, domain, Some("a"), Some("b"), flags)
    }),
    ("domain_get_guest_vcpus", |case, domain, flags| {
        case.on.domain_guest.domain_get_guest_vcpus(case.call, domain, flags).map(drop)
    }),
    ("domain_get_guest_info", |case, domain, flags| {
        case.on.domain_guest.domain_get_guest_info(case.call, domain, Default::default(), flags).map(drop)
    }),
];

fn a_guest_that_is_off_answers_nothing(case: &Case<'_>) -> Verdict {
    let domain = case.define("contract-guest-off")?;
    let calls: Vec<_> = CALLS.iter().filter(|(name, _)| case.declares(name)).collect();
    if calls.is_empty() {
        return Err(Stop::Skip("the driver asks nothing of guests".to_owned()));
    }
    for (name, ask) in calls {
        case.refused_by_state(name, ask(case, &domain, 0))?;
    }
    Ok(())
}

fn unknown_flags_are_refused_for_guests(case: &Case<'_>) -> Verdict {
    let domain = case.start("contract-guest-flags")?;
    for (name, ask) in CALLS.iter().filter(|(name, _)| case.declares(name)) {
        case.refused(name, ask(case, &domain, 1 << 31), &[ErrorCode::INVALID_ARG])?;
    }
    Ok(())
}

fn screens_and_consoles_of_what_is_off_stay_dark(case: &Case<'_>) -> Verdict {
    let (console, call) = (&case.on.domain_console, case.call);
    case.needs(&["domain_open_console"])?;
    let domain = case.define("contract-dark")?;
    case.refused_by_state("a console", console.domain_open_console(call, &domain, None, Default::default()))?;
    if case.declares("domain_open_channel") {
        case.refused_by_state("a channel", console.domain_open_channel(call, &domain, None, 0))?;
    }
    Ok(())
}
