//! Checkpoints of a domain, and backups from them.

use oxivirt_core::constants::{
    DomainBackupBeginFlags, DomainCheckpointCreateFlags as C, DomainCheckpointDeleteFlags as D,
    DomainCheckpointListFlags as F, DomainCheckpointXmlFlags as X,
};
use oxivirt_core::types::{Domain, DomainCheckpoint};
use oxivirt_core::{Error, ErrorCode};

use super::cases;
use crate::contract::Case;
use crate::contract::case::{Stop, Verdict};

cases!(
    a_checkpoint_is_made_and_found,
    checkpoints_form_a_chain,
    what_is_no_checkpoint_is_refused,
    only_what_runs_has_checkpoints_made,
    what_is_no_backup_is_refused,
);

const MISSING: &[ErrorCode] = &[ErrorCode::NO_DOMAIN_CHECKPOINT];

fn make(case: &Case<'_>, domain: &Domain, name: &str) -> Result<DomainCheckpoint, Error> {
    let xml = format!("<domaincheckpoint><name>{name}</name></domaincheckpoint>");
    case.on.domain_checkpoints.domain_checkpoint_create_xml(case.call, domain, &xml, C::EMPTY)
}

/// A domain with a disk that runs, and its checkpoints gone after the case.
fn with(case: &Case<'_>, name: &str, body: impl FnOnce(&Domain) -> Verdict) -> Verdict {
    case.needs(&["domain_checkpoint_create_xml", "domain_checkpoint_delete", "domain_list_all_checkpoints"])?;
    let domain = case.start_with_devices(name)?;
    let verdict = body(&domain);
    let roots = case.on.domain_checkpoints.domain_list_all_checkpoints(case.call, &domain, true, F::ROOTS);
    for root in roots.iter().flat_map(|roots| roots.items.iter()) {
        // What is left after a failure goes as far as it can.
        let _ = case.on.domain_checkpoints.domain_checkpoint_delete(case.call, root, D::CHILDREN);
    }
    verdict
}

fn names(case: &Case<'_>, domain: &Domain, flags: F) -> Result<Vec<String>, Stop> {
    let checkpoints = &case.on.domain_checkpoints;
    let all = checkpoints.domain_list_all_checkpoints(case.call, domain, true, flags)?;
    let counted = checkpoints.domain_list_all_checkpoints(case.call, domain, false, flags)?;
    assert_eq!((all.items.len(), counted.count), (all.count as usize, all.count), "{flags:?}");
    let mut names: Vec<_> = all.items.iter().map(|checkpoint| checkpoint.name.to_string()).collect();
    names.sort();
    Ok(names)
}

fn a_checkpoint_is_made_and_found(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_checkpoint_lookup_by_name", "domain_checkpoint_get_xml_desc"])?;
    let (checkpoints, call) = (&case.on.domain_checkpoints, case.call);
    with(case, "contract-checkpoint", |domain| {
        let one = make(case, domain, "one")?;
        assert_eq!(checkpoints.domain_checkpoint_lookup_by_name(call, domain, "one", 0)?.name, one.name);
        let text = checkpoints.domain_checkpoint_get_xml_desc(call, &one, X::EMPTY)?;
        assert!(text.starts_with("<domaincheckpoint>") && text.contains("<name>one</name>"), "{text}");
        assert!(text.contains(&format!("<uuid>{}</uuid>", domain.uuid)), "it keeps the definition: {text}");
        let bare = checkpoints.domain_checkpoint_get_xml_desc(call, &one, X::NO_DOMAIN)?;
        assert!(!bare.contains("<domain "), "{bare}");
        case.refused("no parent", checkpoints.domain_checkpoint_get_parent(call, &one, 0), MISSING)?;
        let unknown = checkpoints.domain_checkpoint_lookup_by_name(call, domain, "one", 1 << 31);
        case.refused("an unknown flag", unknown, &[ErrorCode::INVALID_ARG])
    })
}

fn checkpoints_form_a_chain(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_checkpoint_get_parent", "domain_checkpoint_list_all_children"])?;
    let (checkpoints, call) = (&case.on.domain_checkpoints, case.call);
    with(case, "contract-chain", |domain| {
        let (a, b, c) = (make(case, domain, "a")?, make(case, domain, "b")?, make(case, domain, "c")?);
        assert_eq!(checkpoints.domain_checkpoint_get_parent(call, &c, 0)?.name, b.name);
        assert_eq!(names(case, domain, F::EMPTY)?, ["a", "b", "c"]);
        assert_eq!(names(case, domain, F::ROOTS)?, ["a"]);
        assert_eq!(names(case, domain, F::LEAVES)?, ["c"]);
        assert_eq!(names(case, domain, F::NO_LEAVES)?, ["a", "b"]);
        let below = checkpoints.domain_checkpoint_list_all_children(call, &a, true, F::DESCENDANTS)?;
        assert_eq!(below.count, 2);
        let both = checkpoints.domain_checkpoint_delete(call, &a, D::CHILDREN | D::CHILDREN_ONLY);
        case.refused("with and without itself", both, &[ErrorCode::INVALID_ARG])?;
        checkpoints.domain_checkpoint_delete(call, &b, D::EMPTY)?;
        assert_eq!(checkpoints.domain_checkpoint_get_parent(call, &c, 0)?.name, "a");
        case.refused("it is gone", checkpoints.domain_checkpoint_delete(call, &b, D::EMPTY), MISSING)?;
        checkpoints.domain_checkpoint_delete(call, &a, D::CHILDREN)?;
        assert!(names(case, domain, F::EMPTY)?.is_empty());
        Ok(())
    })
}

fn what_is_no_checkpoint_is_refused(case: &Case<'_>) -> Verdict {
    let (checkpoints, call) = (&case.on.domain_checkpoints, case.call);
    with(case, "contract-no-checkpoint", |domain| {
        let make = |xml: &str, flags| checkpoints.domain_checkpoint_create_xml(call, domain, xml, flags);
        let malformed = &[ErrorCode::XML_ERROR, ErrorCode::XML_DETAIL];
        for (what, xml) in [("no document", ""), ("half of one", "<domaincheckpoint>"), ("another one", "<domain/>")] {
            case.refused(what, make(xml, C::EMPTY), malformed)?;
        }
        let disk = "<domaincheckpoint><name>d</name><disks><disk name='none'/></disks></domaincheckpoint>";
        case.refused("a disk that is not there", make(disk, C::EMPTY), &[ErrorCode::CONFIG_UNSUPPORTED])?;
        case.refused("an unknown flag", make("<domaincheckpoint/>", C(1 << 31)), &[ErrorCode::INVALID_ARG])?;
        assert!(names(case, domain, F::EMPTY)?.is_empty(), "none was made");
        case.refused("none", checkpoints.domain_checkpoint_lookup_by_name(call, domain, "none", 0), MISSING)
    })
}

fn only_what_runs_has_checkpoints_made(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_checkpoint_create_xml"])?;
    let domain = case.define_with_devices("contract-checkpoint-off")?;
    let codes = &[ErrorCode::OPERATION_UNSUPPORTED, ErrorCode::OPERATION_INVALID];
    case.refused("while off", make(case, &domain, "one"), codes)
}

fn what_is_no_backup_is_refused(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_backup_begin", "domain_backup_get_xml_desc"])?;
    let (backup, call) = (&case.on.domain_backup, case.call);
    let domain = case.start_with_devices("contract-backup")?;
    let begin = |xml: &str, flags| backup.domain_backup_begin(call, &domain, xml, None, flags);
    let none = &[ErrorCode::NO_DOMAIN_BACKUP];
    case.refused("none is under way", backup.domain_backup_get_xml_desc(call, &domain, 0), none)?;
    let malformed = &[ErrorCode::XML_ERROR, ErrorCode::XML_DETAIL];
    case.refused("another document", begin("<domain/>", DomainBackupBeginFlags::EMPTY), malformed)?;
    let unknown = begin("<domainbackup/>", DomainBackupBeginFlags(1 << 31));
    case.refused("an unknown flag", unknown, &[ErrorCode::INVALID_ARG])
}
