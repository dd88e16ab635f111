//! Snapshots of a domain.

use oxivirt_core::constants::{
    DomainSnapshotCreateFlags as C, DomainSnapshotDeleteFlags as D, DomainSnapshotListFlags as F,
    DomainSnapshotRevertFlags as R, DomainSnapshotXmlFlags as X, DomainStateCode,
};
use oxivirt_core::types::{Domain, DomainSnapshot};
use oxivirt_core::{Error, ErrorCode};

use super::cases;
use crate::contract::Case;
use crate::contract::case::{Stop, Verdict};

cases!(
    a_snapshot_is_taken_and_found,
    snapshots_form_a_tree,
    snapshots_go_one_by_one_or_with_all_below,
    a_snapshot_brings_back_a_state,
    what_is_no_snapshot_is_refused,
    a_domain_with_snapshots_is_not_forgotten_in_passing,
);

const MISSING: &[ErrorCode] = &[ErrorCode::NO_DOMAIN_SNAPSHOT];

fn take(case: &Case<'_>, domain: &Domain, name: &str) -> Result<DomainSnapshot, Error> {
    let xml = format!("<domainsnapshot><name>{name}</name></domainsnapshot>");
    case.on.domain_snapshots.domain_snapshot_create_xml(case.call, domain, &xml, C::EMPTY)
}

/// A domain that is off, and its snapshots gone after the case.
fn with(case: &Case<'_>, name: &str, body: impl FnOnce(&Domain) -> Verdict) -> Verdict {
    case.needs(&["domain_snapshot_create_xml", "domain_snapshot_delete", "domain_list_all_snapshots"])?;
    let domain = case.define(name)?;
    let verdict = body(&domain);
    let roots = case.on.domain_snapshots.domain_list_all_snapshots(case.call, &domain, true, F::ROOTS);
    for root in roots.iter().flat_map(|roots| roots.items.iter()) {
        // What is left after a failure goes as far as it can.
        let _ = case.on.domain_snapshots.domain_snapshot_delete(case.call, root, D::CHILDREN);
    }
    verdict
}

fn names(case: &Case<'_>, domain: &Domain, flags: F) -> Result<Vec<String>, Stop> {
    let snapshots = &case.on.domain_snapshots;
    let all = snapshots.domain_list_all_snapshots(case.call, domain, true, flags)?;
    let counted = snapshots.domain_list_all_snapshots(case.call, domain, false, flags)?;
    assert_eq!((all.items.len(), counted.count), (all.count as usize, all.count), "{flags:?}");
    let mut names: Vec<_> = all.items.iter().map(|snapshot| snapshot.name.to_string()).collect();
    names.sort();
    Ok(names)
}

fn a_snapshot_is_taken_and_found(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_snapshot_lookup_by_name", "domain_snapshot_get_xml_desc", "domain_snapshot_current"])?;
    let (snapshots, call) = (&case.on.domain_snapshots, case.call);
    with(case, "contract-snapshot", |domain| {
        assert!(!snapshots.domain_has_current_snapshot(call, domain, 0)?);
        case.refused("none is current", snapshots.domain_snapshot_current(call, domain, 0), MISSING)?;
        let one = take(case, domain, "one")?;
        assert_eq!((one.name.as_str(), &one.dom.name, one.dom.uuid), ("one", &domain.name, domain.uuid));
        assert_eq!(snapshots.domain_snapshot_lookup_by_name(call, domain, "one", 0)?.name, one.name);
        assert!(snapshots.domain_has_current_snapshot(call, domain, 0)?);
        assert_eq!(snapshots.domain_snapshot_current(call, domain, 0)?.name, one.name);
        assert!(snapshots.domain_snapshot_is_current(call, &one, 0)?);
        assert!(snapshots.domain_snapshot_has_metadata(call, &one, 0)?);
        let text = snapshots.domain_snapshot_get_xml_desc(call, &one, X::EMPTY)?;
        assert!(text.starts_with("<domainsnapshot>") && text.contains("<name>one</name>"), "{text}");
        assert!(text.contains("<state>shutoff</state>"), "{text}");
        assert!(text.contains(&format!("<uuid>{}</uuid>", domain.uuid)), "it keeps the definition: {text}");
        case.refused("no parent", snapshots.domain_snapshot_get_parent(call, &one, 0), MISSING)?;
        case.refused("by another name", snapshots.domain_snapshot_lookup_by_name(call, domain, "none", 0), MISSING)?;
        let unknown = snapshots.domain_snapshot_lookup_by_name(call, domain, "one", 1 << 31);
        case.refused("an unknown flag", unknown, &[ErrorCode::INVALID_ARG])
    })
}

fn snapshots_form_a_tree(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_snapshot_get_parent", "domain_snapshot_list_all_children", "domain_snapshot_num_children"])?;
    let (snapshots, call) = (&case.on.domain_snapshots, case.call);
    with(case, "contract-tree", |domain| {
        let (one, two, three) = (take(case, domain, "a")?, take(case, domain, "b")?, take(case, domain, "c")?);
        assert_eq!(snapshots.domain_snapshot_get_parent(call, &three, 0)?.name, two.name);
        assert_eq!(snapshots.domain_snapshot_get_parent(call, &two, 0)?.name, one.name);
        assert_eq!(names(case, domain, F::EMPTY)?, ["a", "b", "c"]);
        assert_eq!(names(case, domain, F::ROOTS)?, ["a"]);
        assert_eq!(names(case, domain, F::LEAVES)?, ["c"]);
        assert_eq!(names(case, domain, F::NO_LEAVES)?, ["a", "b"]);
        assert_eq!(snapshots.domain_snapshot_num_children(call, &one, F::EMPTY)?, 1);
        assert_eq!(snapshots.domain_snapshot_num_children(call, &one, F::DESCENDANTS)?, 2);
        let below = snapshots.domain_snapshot_list_all_children(call, &two, true, F::EMPTY)?;
        assert_eq!(below.items.iter().map(|child| child.name.as_str()).collect::<Vec<_>>(), ["c"]);
        let first = snapshots.domain_snapshot_list_names(call, domain, 2, F::EMPTY)?;
        assert_eq!(first.len(), 2, "no more than were asked for");
        assert_eq!(snapshots.domain_snapshot_num(call, domain, F::EMPTY)?, 3);
        let unknown = snapshots.domain_list_all_snapshots(call, domain, true, F(1 << 31));
        case.refused("an unknown flag", unknown, &[ErrorCode::INVALID_ARG])
    })
}

fn snapshots_go_one_by_one_or_with_all_below(case: &Case<'_>) -> Verdict {
    let (snapshots, call) = (&case.on.domain_snapshots, case.call);
    with(case, "contract-prune", |domain| {
        let (_, b, c) = (take(case, domain, "a")?, take(case, domain, "b")?, take(case, domain, "c")?);
        take(case, domain, "d")?;
        snapshots.domain_snapshot_delete(call, &b, D::EMPTY)?;
        assert_eq!(names(case, domain, F::EMPTY)?, ["a", "c", "d"]);
        assert_eq!(snapshots.domain_snapshot_get_parent(call, &c, 0)?.name, "a", "it goes to the next above");
        case.refused("it is gone", snapshots.domain_snapshot_delete(call, &b, D::EMPTY), MISSING)?;
        case.refused("it tells no more", snapshots.domain_snapshot_get_xml_desc(call, &b, X::EMPTY), MISSING)?;
        let both = snapshots.domain_snapshot_delete(call, &c, D::CHILDREN | D::CHILDREN_ONLY);
        case.refused("with and without itself", both, &[ErrorCode::INVALID_ARG])?;
        snapshots.domain_snapshot_delete(call, &c, D::CHILDREN_ONLY)?;
        assert_eq!(names(case, domain, F::EMPTY)?, ["a", "c"]);
        let a = snapshots.domain_snapshot_lookup_by_name(call, domain, "a", 0)?;
        snapshots.domain_snapshot_delete(call, &a, D::CHILDREN)?;
        assert!(names(case, domain, F::EMPTY)?.is_empty());
        assert!(!snapshots.domain_has_current_snapshot(call, domain, 0)?);
        Ok(())
    })
}

fn a_snapshot_brings_back_a_state(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_revert_to_snapshot"])?;
    case.needs_start()?;
    let (snapshots, call) = (&case.on.domain_snapshots, case.call);
    with(case, "contract-revert", |domain| {
        let off = take(case, domain, "off")?;
        case.on.domain_lifecycle.domain_create(call, domain)?;
        let unknown = snapshots.domain_revert_to_snapshot(call, &off, R(1 << 31));
        case.refused("an unknown flag", unknown, &[ErrorCode::INVALID_ARG])?;
        let both = snapshots.domain_revert_to_snapshot(call, &off, R::RUNNING | R::PAUSED);
        case.refused("running and paused", both, &[ErrorCode::INVALID_ARG])?;
        case.expect_state(domain, DomainStateCode::RUNNING)?;
        snapshots.domain_revert_to_snapshot(call, &off, R::EMPTY)?;
        case.expect_state(domain, DomainStateCode::SHUTOFF)?;
        snapshots.domain_revert_to_snapshot(call, &off, R::RUNNING)?;
        case.expect_state(domain, DomainStateCode::RUNNING)?;
        assert!(snapshots.domain_snapshot_is_current(call, &off, 0)?);
        Ok(())
    })
}

fn what_is_no_snapshot_is_refused(case: &Case<'_>) -> Verdict {
    let (snapshots, call) = (&case.on.domain_snapshots, case.call);
    with(case, "contract-no-snapshot", |domain| {
        let take = |xml: &str, flags| snapshots.domain_snapshot_create_xml(call, domain, xml, flags);
        let malformed = &[ErrorCode::XML_ERROR, ErrorCode::XML_DETAIL];
        for (what, xml) in [("no document", ""), ("half of one", "<domainsnapshot>"), ("another one", "<domain/>")] {
            case.refused(what, take(xml, C::EMPTY), malformed)?;
        }
        case.refused("redefined without a name", take("<domainsnapshot/>", C::REDEFINE), malformed)?;
        let flags = &[ErrorCode::INVALID_ARG];
        case.refused("an unknown flag", take("<domainsnapshot/>", C(1 << 30)), flags)?;
        assert!(names(case, domain, F::EMPTY)?.is_empty(), "none was made");
        let gone = DomainSnapshot { name: "none".into(), dom: domain.clone() };
        case.refused("children of none", snapshots.domain_snapshot_num_children(call, &gone, F::EMPTY), MISSING)?;
        case.refused("back to none", snapshots.domain_revert_to_snapshot(call, &gone, R::EMPTY), MISSING)
    })
}

fn a_domain_with_snapshots_is_not_forgotten_in_passing(case: &Case<'_>) -> Verdict {
    with(case, "contract-kept", |domain| {
        take(case, domain, "kept")?;
        case.refused_by_state("forgotten", case.on.domain_lifecycle.domain_undefine(case.call, domain))?;
        assert_eq!(names(case, domain, F::EMPTY)?, ["kept"]);
        Ok(())
    })
}
