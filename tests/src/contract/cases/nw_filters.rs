//! Filters of network traffic.

use oxivirt_core::ErrorCode;
use oxivirt_core::types::NwFilter;

use super::cases;
use crate::contract::Case;
use crate::contract::case::Verdict;

cases!(a_filter_is_defined_and_found, filters_are_listed, what_is_no_filter_is_refused);

const NAME: &str = "contract-filter";
const UUID: &str = "99999999-9999-9999-9999-999999999911";
const MISSING: &[ErrorCode] = &[ErrorCode::NO_NWFILTER];

/// Defines a filter, runs a part of a case with it, and removes it.
fn with(case: &Case<'_>, body: impl FnOnce(&NwFilter) -> Verdict) -> Verdict {
    case.needs(&["nwfilter_define_xml", "nwfilter_undefine"])?;
    let xml = format!(
        "<filter name='{NAME}' chain='root'><uuid>{UUID}</uuid><rule action='drop' direction='in'><all/></rule></filter>"
    );
    let filter = case.on.nw_filters.nwfilter_define_xml(case.call, &xml)?;
    let verdict = body(&filter);
    // It is gone already where a case undefines it.
    let _ = case.on.nw_filters.nwfilter_undefine(case.call, &filter);
    verdict
}

fn a_filter_is_defined_and_found(case: &Case<'_>) -> Verdict {
    case.needs(&["nwfilter_lookup_by_name", "nwfilter_lookup_by_uuid", "nwfilter_get_xml_desc"])?;
    let (filters, call) = (&case.on.nw_filters, case.call);
    with(case, |filter| {
        assert_eq!(filters.nwfilter_lookup_by_name(call, NAME)?, *filter);
        assert_eq!(filters.nwfilter_lookup_by_uuid(call, &filter.uuid)?, *filter);
        case.note("document", filters.nwfilter_get_xml_desc(call, filter, 0)?);
        case.refused("by another name", filters.nwfilter_lookup_by_name(call, "contract-none"), MISSING)?;
        filters.nwfilter_undefine(call, filter)?;
        case.refused("it is gone", filters.nwfilter_undefine(call, filter), MISSING)?;
        case.refused("it tells no more", filters.nwfilter_get_xml_desc(call, filter, 0), MISSING)
    })
}

fn filters_are_listed(case: &Case<'_>) -> Verdict {
    case.needs(&["connect_list_all_nwfilters", "connect_num_of_nwfilters", "connect_list_nwfilters"])?;
    let (filters, call) = (&case.on.nw_filters, case.call);
    with(case, |filter| {
        let all = filters.connect_list_all_nwfilters(call, true, 0)?;
        assert_eq!(all.items.len(), all.count as usize);
        assert!(all.items.iter().any(|found| found.uuid == filter.uuid));
        let count = filters.connect_num_of_nwfilters(call)?;
        assert_eq!(filters.connect_list_nwfilters(call, count)?.len(), count as usize);
        assert!(filters.connect_list_nwfilters(call, 0)?.is_empty(), "no more than there is room for");
        case.refused(
            "an unknown flag",
            filters.connect_list_all_nwfilters(call, true, 1 << 31),
            &[ErrorCode::INVALID_ARG],
        )
    })
}

fn what_is_no_filter_is_refused(case: &Case<'_>) -> Verdict {
    case.needs(&["nwfilter_define_xml"])?;
    let define = |xml: &str| case.on.nw_filters.nwfilter_define_xml(case.call, xml);
    let malformed = &[ErrorCode::XML_ERROR, ErrorCode::XML_DETAIL, ErrorCode::INTERNAL_ERROR];
    for (what, xml) in [("no document", ""), ("another one", "<network/>"), ("half of one", "<filter>")] {
        case.refused(what, define(xml), malformed)?;
    }
    case.refused("no name", define("<filter/>"), malformed)
}
