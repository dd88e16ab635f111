#![allow(clippy::unwrap_used)]

use oxivirt_core::{Error, ErrorCode, Result};
use uuid::Uuid;

use super::*;
use crate::domain::devices::SnapshotLocation;
use crate::domain::{DomainDefinition, NoHooks, ParseFlags};

const NEW: SnapshotParse = SnapshotParse { redefine: false, disks: true, internal: false };
const REDEFINE: SnapshotParse = SnapshotParse { redefine: true, ..NEW };
const HEAD: &str = "<name>a</name><creationTime>5</creationTime>";

fn parse(inside: &str, flags: SnapshotParse) -> Result<SnapshotDefinition> {
    let text = format!("<domainsnapshot>{inside}</domainsnapshot>");
    SnapshotDefinition::parse(&text, flags, 77, &NoHooks).map(|(snapshot, _)| snapshot)
}

const DOMAIN: &str = "<domain type='test'><name>n</name><uuid>00000000-0000-0000-0000-000000000001</uuid>\
    <memory>1</memory><os><type>hvm</type></os><devices>\
    <disk type='file'><source file='/d/a.img'/><target dev='vda' bus='virtio'/></disk>\
    <disk type='file' snapshot='no'><source file='/d/b'/><target dev='vdb' bus='virtio'/></disk>\
    <disk type='file' snapshot='external'><source file='/d.x/c'/><target dev='vdc' bus='virtio'/></disk>\
    <disk type='file' device='cdrom'><target dev='hda' bus='ide'/><readonly/></disk>\
    <disk type='block'><source dev='/dev/b'/><target dev='vde' bus='virtio'/></disk></devices></domain>";

fn domain() -> DomainDefinition {
    DomainDefinition::parse(DOMAIN, ParseFlags::INACTIVE, &NoHooks).unwrap()
}

const INTERNAL: Alignment = Alignment { default: SnapshotLocation::Internal, uniform: true, force_default: false };
const EXTERNAL: Alignment = Alignment { default: SnapshotLocation::External, uniform: false, force_default: false };

fn aligned(disks: &str, how: Alignment) -> Result<String> {
    let mut snapshot = parse(&format!("<name>s</name><disks>{disks}</disks>"), NEW)?;
    let before = snapshot.clone();
    let outcome = snapshot.align_disks(Some(&domain()), how, &|path| !path.starts_with("/dev/"));
    if outcome.is_err() {
        assert_eq!(snapshot, before, "a refusal changes nothing");
    }
    outcome?;
    let word = |disk: &SnapshotDisk| {
        let place = disk.snapshot.map_or("?", SnapshotLocation::as_str);
        format!("{}={place}{} ", disk.name, disk.source.path().map_or(String::new(), |path| format!(":{path}")))
    };
    Ok(snapshot.disks.iter().map(word).collect())
}

#[test]
fn a_new_one_has_no_past() {
    let text = "<description/><state>running</state><creationTime>5</creationTime><parent><name>p</name></parent>";
    let new = parse(text, NEW).unwrap();
    assert_eq!(new, SnapshotDefinition { name: "77".into(), creation_time: 77, ..SnapshotDefinition::default() });
}

#[test]
fn an_existing_one_says_where_its_memory_is() {
    let memory = |state: &str| parse(&format!("{HEAD}<state>{state}</state>"), REDEFINE).unwrap().memory;
    assert_eq!(memory("running"), MemorySnapshot::Internal);
    assert_eq!(memory("shutoff"), MemorySnapshot::No);
    let before = parse("<name>a</name><creationTime>-5</creationTime><state>paused</state>", REDEFINE).unwrap();
    assert_eq!(before.creation_time, -5);
}

#[test]
fn malformed_documents_are_refused() {
    let refused = |inside: &str, flags, code| assert_eq!(parse(inside, flags).unwrap_err().code(), code, "{inside}");
    for inside in [
        "<memory snapshot='some'/>",
        "<memory snapshot='external'/>",
        "<memory snapshot='no' file='/x'/>",
        "<memory file='x'/>",
        "<disks><disk name='vda' snapshot='some'/></disks>",
        "<disks><disk name='vda'><source file='x'/></disk></disks>",
        "<disks><disk name='vda' type='dir'><source dir='/x'/></disk></disks>",
        "<disks><disk name='vda' type='network'/></disks>",
    ] {
        refused(inside, NEW, ErrorCode::XML_ERROR);
    }
    refused("<disks><disk/></disks>", NEW, ErrorCode::INTERNAL_ERROR);
    refused("<disks><disk name='vda'><driver type='x'/></disk></disks>", NEW, ErrorCode::CONFIG_UNSUPPORTED);
    refused("<disks><disk name='vda'/></disks>", SnapshotParse::default(), ErrorCode::CONFIG_UNSUPPORTED);
    refused("<creationTime>5</creationTime><state>running</state>", REDEFINE, ErrorCode::XML_ERROR);
    refused("<name>a</name><creationTime>x</creationTime><state>running</state>", REDEFINE, ErrorCode::INTERNAL_ERROR);
    refused(HEAD, REDEFINE, ErrorCode::XML_ERROR);
    refused(&format!("{HEAD}<state>asleep</state>"), REDEFINE, ErrorCode::CONFIG_UNSUPPORTED);
    refused(&format!("{HEAD}<state>shutoff</state><memory file='/x'/>"), REDEFINE, ErrorCode::XML_ERROR);
    refused(&format!("{HEAD}<state>running</state><domain type='test'/>"), REDEFINE, ErrorCode::NO_NAME);
    refused("", SnapshotParse { internal: true, ..NEW }, ErrorCode::INTERNAL_ERROR);
    assert!(SnapshotDefinition::parse("<domain/>", NEW, 0, &NoHooks).is_err());
}

#[test]
fn disks_follow_request_then_domain_then_default() {
    let all = "vda=internal vdb=no vdc=external:/d.x/c.s vde=internal hda=no ";
    assert_eq!(aligned("", INTERNAL).unwrap(), all);
    let wanted = "<disk name='vde' snapshot='no'/>";
    let outside = "vda=external:/d/a.s vdb=no vdc=external:/d.x/c.s vde=no hda=no ";
    assert_eq!(aligned(wanted, EXTERNAL).unwrap(), outside);
    let named = "<disk name='/dev/b'><source file='/n'/></disk><disk name='vda' snapshot='manual'/>";
    let found = "vda=manual vdb=no vdc=external:/d.x/c.s vde=external:/n hda=no ";
    assert_eq!(aligned(named, EXTERNAL).unwrap(), found);
    assert_eq!(aligned("<disk name='hda' snapshot='no'/>", INTERNAL).unwrap(), all);
    let forced = Alignment { default: SnapshotLocation::Internal, uniform: false, force_default: true };
    assert_eq!(aligned("", forced).unwrap(), "vda=internal vdb=internal vdc=internal vde=internal hda=no ");
}

#[test]
fn requests_that_do_not_fit_are_refused() {
    for (disks, how, text) in [
        ("<disk name='vdz'/>", EXTERNAL, "no disk named 'vdz'"),
        ("<disk name='vda'/><disk name='/d/a.img'/>", EXTERNAL, "disk 'vda' specified twice"),
        ("<disk name='vdc' snapshot='no'/>", INTERNAL, "disk 'vdc' must use snapshot mode 'internal'"),
        (
            "<disk name='vda' snapshot='no'><source file='/x'/></disk>",
            EXTERNAL,
            "file '/x' for disk 'vda' requires use of external snapshot mode",
        ),
        ("", EXTERNAL, "source for disk 'vde' is not a regular file; refusing to generate external snapshot name"),
        (
            "<disk name='vde' snapshot='no'/><disk name='hda' snapshot='external'/>",
            EXTERNAL,
            "cannot generate external snapshot name for disk 'hda' without source",
        ),
        (
            "<disk name='vde' snapshot='no'/><disk name='vdb' snapshot='external'><source file='/d/a.s'/></disk>",
            EXTERNAL,
            "cannot generate external snapshot name for disk 'vda': collision with disk 'vdb'",
        ),
    ] {
        let error = aligned(disks, how).unwrap_err();
        assert_eq!(error.code(), ErrorCode::CONFIG_UNSUPPORTED, "{disks}");
        assert!(error.message().ends_with(text), "{error}");
    }
    let many = "<disk name='vda'/>".repeat(6);
    assert!(aligned(&many, EXTERNAL).is_err(), "more requests than disks");
    let mut alone = parse("<name>s</name>", NEW).unwrap();
    assert_eq!(alone.align_disks(None, EXTERNAL, &|_| true).unwrap_err().code(), ErrorCode::INTERNAL_ERROR);
}

#[test]
fn a_redefinition_stays_what_it_was() {
    let id = Uuid::from_u128(1);
    let read = |state: &str| parse(&format!("{HEAD}<state>{state}</state>{DOMAIN}"), REDEFINE).unwrap();
    let free = |_: &DomainDefinition, _: &DomainDefinition| Ok(());
    let check = |next: &mut SnapshotDefinition, before: Option<&SnapshotDefinition>, id, disk_only| {
        next.check_redefinition(id, before, disk_only, &free, &|_| true)
    };
    let running = read("running");
    for (mut next, before, id, disk_only) in [
        (read("running"), None, Uuid::from_u128(2), false),
        (read("running"), None, id, true),
        (read("shutoff"), Some(&running), id, false),
        (read("disk-snapshot"), Some(&running), id, true),
    ] {
        let error = check(&mut next, before, id, disk_only).unwrap_err();
        assert_eq!(error.code(), ErrorCode::INVALID_ARG, "{error}");
    }
    let mut next = parse(&format!("{HEAD}<state>paused</state>"), REDEFINE).unwrap();
    check(&mut next, Some(&running), id, false).unwrap();
    assert_eq!((next.domain.as_ref(), next.disks.len()), (running.domain.as_ref(), 5));
    let mut bare = parse(&format!("{HEAD}<state>paused</state>"), REDEFINE).unwrap();
    assert_eq!(check(&mut bare, None, id, false).unwrap_err().code(), ErrorCode::INTERNAL_ERROR);
    let strict = |_: &DomainDefinition, _: &DomainDefinition| Err(Error::config_unsupported("another machine"));
    let mut other = read("running");
    assert!(other.check_redefinition(id, Some(&running), false, &strict, &|_| true).is_err());
}

#[test]
fn a_file_of_this_daemon_prints_as_it_was_read() {
    let mut snapshot =
        parse(&format!("{HEAD}<state>running</state>{DOMAIN}<cookie><n a='1'/></cookie>"), REDEFINE).unwrap();
    snapshot.disks = vec![SnapshotDisk { name: "vda".into(), delete_in_progress: true, ..SnapshotDisk::default() }];
    snapshot.revert_disks = snapshot.disks.clone();
    snapshot.inactive_domain = snapshot.domain.clone();
    let flags = SnapshotFormat { secure: true, internal: true, current: true, domain_uuid: None };
    let text = snapshot.format(flags).unwrap();
    let internal = SnapshotParse { internal: true, ..REDEFINE };
    let (again, current) = SnapshotDefinition::parse(&text, internal, 0, &NoHooks).unwrap();
    assert!(current && again == snapshot, "{text}");
    assert_eq!(again.format(flags).unwrap(), text);
    assert!(SnapshotDefinition::default().format(flags).is_err(), "nothing without a name");
}
