//! Secrets that other drivers need.

use oxivirt_core::ErrorCode;
use oxivirt_core::constants::{ListSecretsFlags as F, SecretDefineFlags, SecretUsageType};
use oxivirt_core::types::Secret;

use super::cases;
use crate::contract::Case;
use crate::contract::case::{Stop, Verdict};

cases!(
    a_secret_is_defined_and_found,
    a_secret_keeps_its_value,
    secrets_are_listed_as_the_flags_say,
    what_is_no_secret_is_refused,
);

const USAGE: &str = "contract-usage";
const UUID: &str = "99999999-9999-9999-9999-999999999901";
const MISSING: &[ErrorCode] = &[ErrorCode::NO_SECRET];

fn xml(private: &str, usage: &str) -> String {
    format!(
        "<secret ephemeral='no' private='{private}'><uuid>{UUID}</uuid>\
         <usage type='ceph'><name>{usage}</name></usage></secret>"
    )
}

/// Defines a secret, runs a part of a case with it, and removes it.
fn with(case: &Case<'_>, private: &str, body: impl FnOnce(&Secret) -> Verdict) -> Verdict {
    case.needs(&["secret_define_xml", "secret_undefine"])?;
    let secrets = &case.on.secrets;
    let secret = secrets.secret_define_xml(case.call, &xml(private, USAGE), SecretDefineFlags::EMPTY)?;
    let verdict = body(&secret);
    // It is gone already where a case undefines it.
    let _ = secrets.secret_undefine(case.call, &secret);
    verdict
}

fn a_secret_is_defined_and_found(case: &Case<'_>) -> Verdict {
    case.needs(&["secret_lookup_by_uuid", "secret_lookup_by_usage", "secret_get_xml_desc"])?;
    let (secrets, call) = (&case.on.secrets, case.call);
    with(case, "no", |secret| {
        assert_eq!(secrets.secret_lookup_by_uuid(call, &secret.uuid)?, *secret);
        assert_eq!(secrets.secret_lookup_by_usage(call, SecretUsageType::CEPH, USAGE)?, *secret);
        case.note("document", secrets.secret_get_xml_desc(call, secret, 0)?);
        let other = secrets.secret_lookup_by_usage(call, SecretUsageType::CEPH, "none");
        case.refused("another usage", other, MISSING)?;
        let again = xml("no", USAGE).replace(UUID, "99999999-9999-9999-9999-999999999902");
        let again = secrets.secret_define_xml(call, &again, SecretDefineFlags::EMPTY);
        case.refused("its usage twice", again, &[ErrorCode::INTERNAL_ERROR, ErrorCode::OPERATION_FAILED])?;
        secrets.secret_undefine(call, secret)?;
        case.refused("it is gone", secrets.secret_undefine(call, secret), MISSING)?;
        case.refused("it tells no more", secrets.secret_get_xml_desc(call, secret, 0), MISSING)
    })
}

fn a_secret_keeps_its_value(case: &Case<'_>) -> Verdict {
    case.needs(&["secret_set_value", "secret_get_value"])?;
    let (secrets, call) = (&case.on.secrets, case.call);
    with(case, "no", |secret| {
        let get = || secrets.secret_get_value(call, secret, 0);
        case.refused("no value yet", get(), MISSING)?;
        for value in [&b"contract"[..], &[0, 255, 10], b"x"] {
            secrets.secret_set_value(call, secret, &value.to_vec().into(), 0)?;
            assert_eq!(get()?.to_vec(), value);
        }
        let unknown = secrets.secret_set_value(call, secret, &b"y".to_vec().into(), 1 << 31);
        case.refused("an unknown flag", unknown, &[ErrorCode::INVALID_ARG])?;
        assert_eq!(get()?.to_vec(), b"x");
        Ok(())
    })
}

fn secrets_are_listed_as_the_flags_say(case: &Case<'_>) -> Verdict {
    case.needs(&["connect_list_all_secrets", "connect_num_of_secrets", "connect_list_secrets"])?;
    let (secrets, call) = (&case.on.secrets, case.call);
    with(case, "yes", |secret| {
        let listed = |flags| -> Result<bool, Stop> {
            let all = secrets.connect_list_all_secrets(call, true, flags)?;
            assert_eq!(all.items.len(), all.count as usize);
            assert_eq!(secrets.connect_list_all_secrets(call, false, flags)?.count, all.count, "{flags:?}");
            Ok(all.items.iter().any(|found| found.uuid == secret.uuid))
        };
        for (flags, wanted) in [
            (F::EMPTY, true),
            (F::EPHEMERAL, false),
            (F::NO_EPHEMERAL, true),
            (F::PRIVATE, true),
            (F::NO_PRIVATE, false),
            (F::PRIVATE | F::NO_PRIVATE, true),
            (F::PRIVATE | F::EPHEMERAL, false),
        ] {
            assert_eq!(listed(flags)?, wanted, "{flags:?}");
        }
        let count = secrets.connect_num_of_secrets(call)?;
        assert_eq!(secrets.connect_list_secrets(call, count)?.len(), count as usize);
        assert!(secrets.connect_list_secrets(call, 0)?.is_empty(), "no more than there is room for");
        case.refused(
            "an unknown flag",
            secrets.connect_list_all_secrets(call, true, F(1 << 31)),
            &[ErrorCode::INVALID_ARG],
        )
    })
}

fn what_is_no_secret_is_refused(case: &Case<'_>) -> Verdict {
    case.needs(&["secret_define_xml", "secret_lookup_by_uuid"])?;
    let (secrets, call) = (&case.on.secrets, case.call);
    let define = |xml: &str, flags| secrets.secret_define_xml(call, xml, flags);
    let malformed = &[ErrorCode::XML_ERROR, ErrorCode::XML_DETAIL];
    for (what, xml) in [("no document", ""), ("another one", "<network/>"), ("half of one", "<secret>")] {
        case.refused(what, define(xml, SecretDefineFlags::EMPTY), malformed)?;
    }
    case.refused("an unknown flag", define("<secret/>", SecretDefineFlags(1 << 31)), &[ErrorCode::INVALID_ARG])?;
    let uuid = "99999999-9999-9999-9999-999999999903".parse()?;
    case.refused("by uuid", secrets.secret_lookup_by_uuid(call, &uuid), MISSING)
}
