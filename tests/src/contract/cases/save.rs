//! Domains whose memory goes to a file and comes back.

use std::fs;
use std::path::PathBuf;

use oxivirt_core::ErrorCode;
use oxivirt_core::constants::{
    DomainCoreDumpFlags as D, DomainCreateFlags, DomainSaveImageXmlFlags as X, DomainSaveRestoreFlags as F,
    DomainStateCode,
};
use oxivirt_core::types::Domain;

use super::cases;
use crate::contract::Case;
use crate::contract::case::Verdict;

cases!(
    a_saved_domain_comes_back,
    a_saved_domain_tells_its_definition,
    what_is_no_saved_domain_is_refused,
    only_what_runs_can_be_saved,
    a_managed_image_is_used_up_by_the_next_start,
    a_managed_image_can_be_thrown_away,
    a_dump_is_written,
);

/// A file in a folder of its own that goes with it.
struct Place(PathBuf);

impl Place {
    /// The same name whichever way a driver is reached, since answers may tell it.
    fn new(name: &str) -> Result<Self, String> {
        let folder = std::env::temp_dir().join(format!("contract-save-{}", std::process::id()));
        fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        Ok(Self(folder.join(name)))
    }

    fn path(&self) -> String {
        self.0.display().to_string()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn a_saved_domain_comes_back(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_save", "domain_restore"])?;
    let (save, call) = (&case.on.domain_save, case.call);
    let place = Place::new("comes-back")?;
    let domain = case.start("contract-saved")?;
    save.domain_save(call, &domain, &place.path())?;
    case.expect_state(&domain, DomainStateCode::SHUTOFF)?;
    assert!(place.0.is_file(), "the file is there");
    save.domain_restore(call, &place.path())?;
    case.expect_state(&domain, DomainStateCode::RUNNING)?;
    // A second one would have the same name and uuid.
    let again = save.domain_restore(call, &place.path());
    case.refused("while it runs", again, &[ErrorCode::OPERATION_INVALID, ErrorCode::OPERATION_FAILED])
}

fn a_saved_domain_tells_its_definition(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_save_flags", "domain_save_image_get_xml_desc"])?;
    let (save, call) = (&case.on.domain_save, case.call);
    let place = Place::new("tells")?;
    let domain = case.start("contract-saved-text")?;
    case.refused(
        "running and paused",
        save.domain_save_flags(call, &domain, &place.path(), None, F::RUNNING | F::PAUSED),
        &[ErrorCode::INVALID_ARG],
    )?;
    case.refused(
        "an unknown flag",
        save.domain_save_flags(call, &domain, &place.path(), None, F(1 << 31)),
        &[ErrorCode::INVALID_ARG],
    )?;
    case.expect_state(&domain, DomainStateCode::RUNNING)?;
    save.domain_save_flags(call, &domain, &place.path(), None, F::EMPTY)?;
    let text = save.domain_save_image_get_xml_desc(call, &place.path(), X::EMPTY)?;
    assert!(text.contains("<name>contract-saved-text</name>"), "{text}");
    assert!(text.contains(&format!("<uuid>{}</uuid>", domain.uuid)), "{text}");
    Ok(())
}

fn what_is_no_saved_domain_is_refused(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_restore", "domain_save_image_get_xml_desc"])?;
    let (save, call) = (&case.on.domain_save, case.call);
    let place = Place::new("nonsense")?;
    let bad =
        &[ErrorCode::SYSTEM_ERROR, ErrorCode::OPERATION_FAILED, ErrorCode::INTERNAL_ERROR, ErrorCode::INVALID_ARG];
    let both = |what: &str| -> Verdict {
        case.refused(what, save.domain_restore(call, &place.path()), bad)?;
        case.refused(what, save.domain_save_image_get_xml_desc(call, &place.path(), X::EMPTY), bad)
    };
    both("no file")?;
    for (what, bytes) in [("an empty file", &b""[..]), ("a short file", b"Te"), ("another file", &[b'x'; 4096])] {
        fs::write(&place.0, bytes).map_err(|e| e.to_string())?;
        both(what)?;
    }
    case.refused("a folder", save.domain_restore(call, "/"), bad)
}

fn only_what_runs_can_be_saved(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_save", "domain_managed_save"])?;
    let (save, call) = (&case.on.domain_save, case.call);
    let place = Place::new("off")?;
    let domain = case.define("contract-save-off")?;
    case.refused_by_state("saved", save.domain_save(call, &domain, &place.path()))?;
    case.refused_by_state("saved by the driver", save.domain_managed_save(call, &domain, F::EMPTY))?;
    if case.declares("domain_core_dump") {
        case.refused_by_state("dumped", save.domain_core_dump(call, &domain, &place.path(), D::EMPTY))?;
    }
    assert!(!place.0.exists(), "no file is left");
    Ok(())
}

fn has_image(case: &Case<'_>, domain: &Domain) -> Result<bool, oxivirt_core::Error> {
    case.on.domain_information.domain_has_managed_save_image(case.call, domain, 0)
}

fn a_managed_image_is_used_up_by_the_next_start(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_managed_save", "domain_has_managed_save_image"])?;
    let (save, call) = (&case.on.domain_save, case.call);
    let domain = case.start("contract-managed")?;
    assert!(!has_image(case, &domain)?);
    let both = save.domain_managed_save(call, &domain, F::RUNNING | F::PAUSED);
    case.refused("running and paused", both, &[ErrorCode::INVALID_ARG])?;
    save.domain_managed_save(call, &domain, F::EMPTY)?;
    assert!(has_image(case, &domain)?);
    case.expect_state(&domain, DomainStateCode::SHUTOFF)?;
    let forget = case.on.domain_lifecycle.domain_undefine(call, &domain);
    case.refused_by_state("forgotten with its image", forget)?;
    case.on.domain_lifecycle.domain_create(call, &domain)?;
    assert!(!has_image(case, &domain)?, "the image is used up");
    case.expect_state(&domain, DomainStateCode::RUNNING)
}

fn a_managed_image_can_be_thrown_away(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_managed_save", "domain_managed_save_remove", "domain_has_managed_save_image"])?;
    let (save, call) = (&case.on.domain_save, case.call);
    let domain = case.start("contract-thrown-away")?;
    save.domain_managed_save(call, &domain, F::EMPTY)?;
    let unknown = save.domain_managed_save_remove(call, &domain, 1 << 31);
    case.refused("an unknown flag", unknown, &[ErrorCode::INVALID_ARG])?;
    assert!(has_image(case, &domain)?);
    save.domain_managed_save_remove(call, &domain, 0)?;
    assert!(!has_image(case, &domain)?);
    save.domain_managed_save_remove(call, &domain, 0)?;
    if case.declares("domain_create_with_flags") {
        save_and_start_fresh(case, &domain)?;
    }
    Ok(())
}

/// A start that does not want the image begins from nothing.
fn save_and_start_fresh(case: &Case<'_>, domain: &Domain) -> Verdict {
    let lifecycle = &case.on.domain_lifecycle;
    lifecycle.domain_create(case.call, domain)?;
    case.on.domain_save.domain_managed_save(case.call, domain, F::EMPTY)?;
    match lifecycle.domain_create_with_flags(case.call, domain, DomainCreateFlags::START_FORCE_BOOT) {
        Ok(_) => {}
        // Not every driver has the flag.
        Err(error) if error.code() == ErrorCode::INVALID_ARG => {
            case.on.domain_save.domain_managed_save_remove(case.call, domain, 0)?;
        }
        Err(error) => return Err(error.into()),
    }
    assert!(!has_image(case, domain)?);
    Ok(())
}

fn a_dump_is_written(case: &Case<'_>) -> Verdict {
    case.needs(&["domain_core_dump"])?;
    let (save, call) = (&case.on.domain_save, case.call);
    let place = Place::new("dump")?;
    let domain = case.start("contract-dumped")?;
    case.refused(
        "crashed and live",
        save.domain_core_dump(call, &domain, &place.path(), D::CRASH | D::LIVE),
        &[ErrorCode::INVALID_ARG],
    )?;
    save.domain_core_dump(call, &domain, &place.path(), D::EMPTY)?;
    assert!(place.0.is_file(), "the file is there");
    case.expect_state(&domain, DomainStateCode::RUNNING)
}
