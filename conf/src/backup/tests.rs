#![allow(clippy::unwrap_used)]

use oxivirt_core::ErrorCode;

use super::*;
use crate::domain::devices::{Disk, StorageKind};
use crate::domain::{DomainDefinition, NoHooks, ParseFlags};

fn disk(dev: &str, path: Option<&str>) -> Disk {
    let mut disk = Disk::default();
    disk.target.dev = dev.to_owned();
    disk.source.kind = StorageKind::File { path: path.map(str::to_owned), fdgroup: None };
    disk
}

/// `vda` and `vdb` with files, `hda` without a medium, `vdc` on a block device.
fn domain() -> DomainDefinition {
    let mut domain = DomainDefinition::default();
    let block = Disk { source: Default::default(), ..disk("vdc", None) };
    domain.devices.disks = vec![disk("vda", Some("/i/a")), disk("vdb", Some("/i/b")), disk("hda", None), block];
    domain.devices.disks[3].source.kind = StorageKind::Block { path: Some("/dev/c".into()) };
    domain
}

fn parse(inside: &str) -> oxivirt_core::Result<BackupDefinition> {
    BackupDefinition::parse(&format!("<domainbackup>{inside}</domainbackup>"), BackupForm::Public)
}

#[test]
fn requests_are_completed_from_the_domain() {
    let mut backup = parse("<incremental>c</incremental><disks><disk name='vdb' backupmode='full'/></disks>").unwrap();
    backup.align_disks(&domain(), "now").unwrap();
    assert_eq!(
        backup.format(BackupForm::Public),
        "<domainbackup mode='push'>\n  <incremental>c</incremental>\n  <disks>\n    \
         <disk name='vdb' backup='yes' type='file' backupmode='full'>\n      <target file='/i/b.now'/>\n    </disk>\n    \
         <disk name='vda' backup='no'/>\n    <disk name='hda' backup='no'/>\n    <disk name='vdc' backup='no'/>\n  \
         </disks>\n</domainbackup>\n"
    );
}

#[test]
fn without_requests_every_disk_with_a_medium_takes_part() {
    let mut backup = parse("").unwrap();
    let mut domain = domain();
    assert!(backup.align_disks(&domain, "x").is_err(), "no file name can be made beside a block device");
    assert!(backup.disks.is_empty(), "nothing is changed by a refusal");
    domain.devices.disks.pop();
    backup.align_disks(&domain, "x").unwrap();
    let part: Vec<_> = backup.disks.iter().map(|disk| (disk.name.as_str(), disk.backup, disk.mode)).collect();
    let full = Some(BackupDiskMode::Full);
    assert_eq!(part, [("vda", true, full), ("vdb", true, full), ("hda", false, None)]);
}

#[test]
fn what_does_not_fit_the_domain_is_refused() {
    let cases = [
        ("<disk name='vdz'/>", ErrorCode::INVALID_ARG),
        ("<disk name='vda'/><disk name='vda'/>", ErrorCode::INVALID_ARG),
        ("<disk name='hda'/>", ErrorCode::CONFIG_UNSUPPORTED),
        ("<disk name='vda' backupmode='incremental'/>", ErrorCode::CONFIG_UNSUPPORTED),
        ("<disk name='vda' backupmode='full' incremental='c'/>", ErrorCode::CONFIG_UNSUPPORTED),
        ("<disk name='vda' type='block'/>", ErrorCode::CONFIG_UNSUPPORTED),
    ];
    for (disks, code) in cases {
        let mut backup = parse(&format!("<disks>{disks}</disks>")).unwrap();
        assert_eq!(backup.align_disks(&domain(), "x").unwrap_err().code(), code, "{disks}");
    }
}

#[test]
fn malformed_documents_are_refused() {
    for inside in [
        "<disks><disk/></disks>",
        "<disks><disk name='vda' backup='perhaps'/></disks>",
        "<disks><disk name='vda' backupmode='half'/></disks>",
        "<disks><disk name='vda' type='network'/></disks>",
        "<disks><disk name='vda'><driver/></disk></disks>",
        "<disks><disk name='vda'><driver type='nope'/></disk></disks>",
        "<server name='localhost'/>",
    ] {
        assert_eq!(parse(inside).unwrap_err().code(), ErrorCode::XML_ERROR, "{inside}");
    }
    for server in [
        "",
        "<server/>",
        "<server transport='udp' name='x'/>",
        "<server name='x' port='70000'/>",
        "<server transport='unix'/>",
        "<server transport='unix' socket='here'/>",
        "<server transport='fd'/>",
        "<server name='x'/><disks><disk name='vda'><driver type='raw'/></disk></disks>",
    ] {
        let text = format!("<domainbackup mode='pull'>{server}</domainbackup>");
        assert_eq!(
            BackupDefinition::parse(&text, BackupForm::Public).unwrap_err().code(),
            ErrorCode::XML_ERROR,
            "{server}"
        );
    }
    assert!(BackupDefinition::parse("<domainbackup mode='copy'/>", BackupForm::Public).is_err());
    assert!(BackupDefinition::parse("<domain/>", BackupForm::Public).is_err());
    assert_eq!(BackupDefinition::parse("<domainbackup", BackupForm::Public).unwrap_err().code(), ErrorCode::XML_DETAIL);
}

#[test]
fn the_state_of_the_job_is_for_this_daemon_alone() {
    let text = "<domainbackup mode='pull'>\n  <server transport='fd' fdgroup='g'/>\n  <disks>\n    \
                <disk name='vda' backup='yes' state='running' type='file'>\n      <scratch file='/s'/>\n    </disk>\n  \
                </disks>\n  <privateData>\n    <objects>\n      <secret type='tlskey' alias='k'/>\n      \
                <TLSx509 alias='t'/>\n    </objects>\n    <later/>\n  </privateData>\n</domainbackup>\n";
    assert_eq!(BackupDefinition::parse(text, BackupForm::Internal).unwrap().format(BackupForm::Internal), text);
    let public = BackupDefinition::parse(text, BackupForm::Public).unwrap().format(BackupForm::Internal);
    assert!(!public.contains("state=") && !public.contains("privateData"), "{public}");
}

#[test]
fn a_read_domain_can_be_backed_up() {
    let text = "<domain type='test'><name>n</name><memory>1</memory><os><type>hvm</type></os><devices>\
                <disk type='file'><source file='/x.img'/><target dev='vda'/></disk></devices></domain>";
    let domain = DomainDefinition::parse(text, ParseFlags::INACTIVE, &NoHooks).unwrap();
    let mut backup = BackupDefinition::default();
    backup.align_disks(&domain, "7").unwrap();
    assert_eq!(backup.disks[0].store.path(), Some("/x.img.7"));
}
