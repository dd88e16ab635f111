//! Each case edits one place of a definition that has a device of every kind.
#![allow(clippy::unwrap_used)]

mod devices;
mod general;
mod hooks;

use oxivirt_core::{Error, ErrorCode};

use crate::domain::{DomainDefinition, NoHooks, ParseFlags};

const GUEST: &str = include_str!("guest.xml");

fn parse(xml: &str) -> DomainDefinition {
    // Not for this machine or that one: of every kind there is one device.
    let flags = ParseFlags::SKIP_VALIDATE;
    DomainDefinition::parse(xml, flags, &NoHooks).unwrap_or_else(|error| panic!("{error}\n{xml}"))
}

fn edited(from: &str, to: &str) -> DomainDefinition {
    assert_eq!(GUEST.matches(from).count(), 1, "'{from}' must stand in the document once");
    parse(&GUEST.replace(from, to))
}

fn compare(from: &str, to: &str) -> Result<(), Error> {
    let (old, new) = (parse(GUEST), edited(from, to));
    let both = [old.check_abi_stability(&new, &NoHooks), new.check_abi_stability(&old, &NoHooks)];
    assert_eq!(both[0].is_ok(), both[1].is_ok(), "'{from}' to '{to}' must be the same as back");
    let [result, _] = both;
    result
}

/// Each is `(from, to, path of the refused change)`.
fn refused(cases: &[(&str, &str, &str)]) {
    for (from, to, path) in cases {
        let error = compare(from, to).err().unwrap_or_else(|| panic!("'{from}' to '{to}' must be refused"));
        assert_eq!(error.code(), ErrorCode::CONFIG_UNSUPPORTED, "{error}");
        let wanted = format!("{path} cannot change from ");
        assert!(error.detail().starts_with(&wanted), "wanted '{wanted}' for '{from}' to '{to}', got: {error}");
    }
}

/// Each is `(from, to)`; the definitions must differ all the same.
fn allowed(cases: &[(&str, &str)]) {
    for (from, to) in cases {
        assert_ne!(parse(GUEST), edited(from, to), "'{from}' to '{to}' changes nothing");
        compare(from, to).unwrap_or_else(|error| panic!("'{from}' to '{to}' must be allowed: {error}"));
    }
}
