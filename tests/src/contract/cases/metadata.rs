//! Title, description and foreign metadata.

use oxivirt_core::ErrorCode;
use oxivirt_core::constants::{DomainMetadataType as T, DomainModificationImpact as I};

use super::cases;
use crate::contract::Case;
use crate::contract::case::Verdict;

cases!(title_and_description_come_and_go, foreign_elements_come_and_go, nonsense_is_refused);

fn title_and_description_come_and_go(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_set_metadata", "domain_get_metadata"])?;
    let domain = case.define("contract-title")?;
    let (metadata, call) = (&case.on.domain_metadata, case.call);
    for (kind, text) in [(T::TITLE, "a title"), (T::DESCRIPTION, "two\nlines & more")] {
        let get = || metadata.domain_get_metadata(call, &domain, kind, None, I::CURRENT);
        let set = |text| metadata.domain_set_metadata(call, &domain, kind, text, None, None, I::CURRENT);
        case.refused("nothing yet", get(), &[ErrorCode::NO_DOMAIN_METADATA])?;
        set(Some(text))?;
        assert_eq!(get()?, text);
        set(None)?;
        case.refused("nothing any more", get(), &[ErrorCode::NO_DOMAIN_METADATA])?;
    }
    Ok(())
}

fn foreign_elements_come_and_go(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_set_metadata", "domain_get_metadata", "domain_get_xml_desc"])?;
    let domain = case.define("contract-metadata")?;
    let (metadata, call) = (&case.on.domain_metadata, case.call);
    let uri = "http://example.org/contract";
    let get = || metadata.domain_get_metadata(call, &domain, T::ELEMENT, Some(uri), I::CURRENT);
    let set = |text| metadata.domain_set_metadata(call, &domain, T::ELEMENT, text, Some("c"), Some(uri), I::CURRENT);
    case.refused("nothing yet", get(), &[ErrorCode::NO_DOMAIN_METADATA])?;
    set(Some("<thing a='1'><inner/></thing>"))?;
    case.note("element", get()?);
    let text = case.on.domain_information.domain_get_xml_desc(call, &domain, Default::default())?;
    assert!(text.contains("<c:thing xmlns:c=\"http://example.org/contract\" a=\"1\">"), "{text}");
    set(Some("<other/>"))?;
    assert_eq!(get()?, "<other/>", "one element for each namespace");
    set(None)?;
    case.refused("nothing any more", get(), &[ErrorCode::NO_DOMAIN_METADATA])
}

fn nonsense_is_refused(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_set_metadata", "domain_get_metadata"])?;
    let domain = case.define("contract-metadata-bad")?;
    let (metadata, call) = (&case.on.domain_metadata, case.call);
    let set = |kind, text, key, uri, flags| metadata.domain_set_metadata(call, &domain, kind, text, key, uri, flags);
    let invalid = [ErrorCode::INVALID_ARG];
    case.refused("an unknown kind", set(T(77), Some("x"), None, None, I::CURRENT), &invalid)?;
    case.refused("an unknown flag", set(T::TITLE, Some("x"), None, None, I(1 << 31)), &invalid)?;
    case.refused("a title of two lines", set(T::TITLE, Some("a\nb"), None, None, I::CURRENT), &invalid)?;
    case.refused("no namespace", set(T::ELEMENT, Some("<x/>"), Some("c"), None, I::CURRENT), &invalid)?;
    let cut = set(T::ELEMENT, Some("<x"), Some("c"), Some("http://example.org/c"), I::CURRENT);
    case.refused("an unclosed element", cut, &[ErrorCode::XML_DETAIL, ErrorCode::XML_ERROR])?;
    case.refused_by_state("of a run that is not", set(T::TITLE, Some("x"), None, None, I::LIVE))
}
