#![allow(clippy::unwrap_used)]

use oxivirt_core::{ErrorCode, Result};

use super::*;
use crate::domain::{DomainDefinition, NoHooks, ParseFlags};

const REDEFINE: CheckpointParse = CheckpointParse { redefine: true, internal: false };

fn domain(uuid: u128) -> DomainDefinition {
    let text = format!(
        "<domain type='test'><name>n</name><uuid>{}</uuid><memory>1</memory><os><type>hvm</type></os><devices>\
         <disk type='file'><source file='/a'/><target dev='vda' bus='virtio'/></disk>\
         <disk type='file'><source file='/b'/><target dev='vdb' bus='virtio'/></disk>\
         <disk type='file' device='cdrom'><target dev='hda' bus='ide'/></disk></devices></domain>",
        uuid::Uuid::from_u128(uuid)
    );
    DomainDefinition::parse(&text, ParseFlags::INACTIVE, &NoHooks).unwrap()
}

fn parse(inside: &str, flags: CheckpointParse) -> Result<CheckpointDefinition> {
    let text = format!("<domaincheckpoint>{inside}</domaincheckpoint>");
    CheckpointDefinition::parse(&text, flags, 77, &NoHooks).map(|(checkpoint, _)| checkpoint)
}

fn aligned(disks: &str) -> Result<String> {
    let mut checkpoint = parse(&format!("<name>c</name>{disks}"), CheckpointParse::default())?;
    checkpoint.align_disks(Some(&domain(1)))?;
    let word = |disk: &CheckpointDisk| format!("{}={} ", disk.name, disk.bitmap.as_deref().unwrap_or("no"));
    Ok(checkpoint.disks.iter().map(word).collect())
}

#[test]
fn new_ones_are_named_by_the_time() {
    let new =
        parse("<parent><name>p</name></parent><creationTime>5</creationTime>", CheckpointParse::default()).unwrap();
    assert_eq!((new.name.as_str(), new.creation_time, new.parent), ("77", 77, None));
}

#[test]
fn disks_follow_the_requests() {
    assert_eq!(aligned("").unwrap(), "vda=c vdb=c hda=no ");
    assert_eq!(aligned("<disks><disk name='/b' bitmap='x'/></disks>").unwrap(), "vda=no vdb=x hda=no ");
    assert_eq!(aligned("<disks><disk name='vda' checkpoint='no'/></disks>").unwrap(), "vda=no vdb=no hda=no ");
    for refused in ["<disk name='vdz'/>", "<disk name='vda'/><disk name='/a'/>", "<disk name='hda'/>"] {
        let error = aligned(&format!("<disks>{refused}</disks>")).unwrap_err();
        assert_eq!(error.code(), ErrorCode::CONFIG_UNSUPPORTED, "{refused}");
    }
}

#[test]
fn malformed_documents_are_refused() {
    for inside in [
        "<name>a/b</name>",
        "<name>.a</name>",
        "<name>a b</name>",
        "<name/>",
        "<disks/>",
        "<disks><disk/></disks>",
        "<disks><disk name='vda' checkpoint='some'/></disks>",
        "<disks><disk name='vda' checkpoint='no' bitmap='x'/></disks>",
    ] {
        assert_eq!(parse(inside, CheckpointParse::default()).unwrap_err().code(), ErrorCode::XML_ERROR, "{inside}");
    }
    assert_eq!(parse("<creationTime>1</creationTime>", REDEFINE).unwrap_err().code(), ErrorCode::XML_ERROR);
    for time in ["", "<creationTime/>", "<creationTime>x</creationTime>"] {
        let error = parse(&format!("<name>a</name>{time}"), REDEFINE).unwrap_err();
        assert_eq!(error.code(), ErrorCode::INTERNAL_ERROR, "{time}");
    }
    let internal = CheckpointParse { internal: true, ..CheckpointParse::default() };
    assert_eq!(parse("", internal).unwrap_err().code(), ErrorCode::INTERNAL_ERROR);
    assert!(CheckpointDefinition::parse("<domain/>", CheckpointParse::default(), 0, &NoHooks).is_err());
}

#[test]
fn a_redefinition_is_of_the_same_domain_and_keeps_it() {
    let head = "<name>a</name><creationTime>5</creationTime>";
    let mut before = parse(head, REDEFINE).unwrap();
    before.domain = Some(Box::new(domain(1)));
    let id = before.domain.as_ref().unwrap().uuid;
    let free = |_: &DomainDefinition, _: &DomainDefinition| Ok(());
    let mut next = parse(head, REDEFINE).unwrap();
    next.check_redefinition(id, Some(&before), &free).unwrap();
    assert_eq!((next.disks.len(), next.domain.is_some()), (3, true));
    let mut foreign = CheckpointDefinition { domain: Some(Box::new(domain(2))), ..before.clone() };
    assert_eq!(foreign.check_redefinition(id, None, &free).unwrap_err().code(), ErrorCode::INVALID_ARG);
    let strict = |_: &DomainDefinition, _: &DomainDefinition| Err(oxivirt_core::Error::config_unsupported("other"));
    let mut other = before.clone();
    assert!(other.check_redefinition(id, Some(&before), &strict).is_err());
    let mut bare = parse(head, REDEFINE).unwrap();
    bare.check_redefinition(id, None, &strict).unwrap();
    assert!(bare.disks.is_empty());
}

#[test]
fn sizes_and_the_domain_are_printed_on_demand() {
    let mut checkpoint = parse("<name>c</name>", CheckpointParse::default()).unwrap();
    checkpoint.domain = Some(Box::new(domain(1)));
    checkpoint.align_disks(None).unwrap();
    checkpoint.disks[0].size = Some(9);
    let print = |flags| checkpoint.format(flags).unwrap();
    let plain = print(CheckpointFormat::default());
    assert!(!plain.contains("size=") && plain.contains("<domain type='test'>") && !plain.contains("<active>"));
    let flags = CheckpointFormat { size: true, no_domain: true, internal: true, current: true, secure: false };
    let full = print(flags);
    assert!(
        full.contains("bitmap='c' size='9'/>") && !full.contains("<domain ") && full.contains("<active>1</active>")
    );
}
