#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use oxivirt_conf::domain::devices::StorageSource;
use oxivirt_conf::domain::{DomainStatus, NoHooks};
use oxivirt_core::ErrorCode;

use super::*;

/// A status file with these elements beside the domain.
fn file(elements: &str) -> String {
    format!(
        "<domstatus state='running' reason='booted' pid='7'>{elements}<domain type='qemu' id='1'><name>n</name>\
         <uuid>00000000-0000-0000-0000-000000000001</uuid><memory>1</memory><os><type arch='x86_64'>hvm</type></os>\
         <devices><disk type='file'><driver type='qcow2'/><source file='/a' index='2'/><backingStore type='file' index='3'>\
         <format type='raw'/><source file='/b'/></backingStore><target dev='vda' bus='virtio'/><alias name='virtio-disk0'/>\
         </disk></devices></domain></domstatus>"
    )
}

const MONITOR: &str = "<monitor path='/m/monitor.sock' type='unix'/>";

fn read(elements: &str) -> oxivirt_core::Result<DomainStatus<PrivateStatus>> {
    DomainStatus::parse(&file(elements), &NoHooks)
}

/// Everything that stock libvirt writes, in its order and form.
const FULL: &str = "\
  <monitor path='/m/monitor.sock' type='unix'/>
  <dbusDaemon/>
  <dbusVMState/>
  <namespaces>
    <mount/>
  </namespaces>
  <vcpus>
    <vcpu id='0' pid='11'/>
    <vcpu id='2' pid='13'/>
  </vcpus>
  <qemuCaps>
    <flag name='kvm'/>
    <flag name='blockdev'/>
  </qemuCaps>
  <lockstate>leases</lockstate>
  <job type='none' async='migration out' phase='perform3' flags='0x802' asyncStarted='5' asyncPaused='yes'>
    <disk dev='vda' migrating='yes'>
      <migrationSource type='network' format='raw'>
        <source protocol='nbd' name='drive' tlsFromConfig='0'>
          <host name='there' port='1'/>
          <privateData>
            <nodenames>
              <nodename type='storage' name='s'/>
            </nodenames>
          </privateData>
        </source>
      </migrationSource>
    </disk>
    <disk dev='vdb' migrating='no'>
      <snapshotDelete/>
    </disk>
    <migParams>
      <param name='tls-creds' value=''/>
    </migParams>
    <tempBlockDirtyBitmaps>
      <bitmap name='b' nodename='n'/>
    </tempBlockDirtyBitmaps>
  </job>
  <fakereboot/>
  <devices>
    <device alias='net0'/>
  </devices>
  <numad nodeset='0-2' cpuset='1,3'/>
  <libDir path='/l'/>
  <channelTargetDir path='/c'/>
  <memoryBackingDir path='/r'/>
  <cpu mode='host-passthrough' check='none' migratable='on'/>
  <chardevStdioLogd/>
  <rememberOwner/>
  <allowReboot value='yes'/>
  <prDaemon/>
  <nodename index='9'/>
  <fdset index='4'/>
  <memPrealloc/>
  <blockjobs active='yes'>
    <blockjob name='broken' type='broken' state='ready' brokentype='commit'/>
    <blockjob name='copy' type='copy' state='ready' newstate='pivoting' jobflags='0x1' shallownew='yes'>
      <errmsg>no space</errmsg>
      <disk dst='vda' mirror='yes'/>
    </blockjob>
    <blockjob name='commit' type='commit' state='running' jobflags='0x0'>
      <chains>
        <disk type='file' format='qcow2'>
          <source file='/old' index='12'/>
          <backingStore type='file' index='13'>
            <format type='raw'/>
            <source file='/older'/>
            <backingStore/>
          </backingStore>
        </disk>
      </chains>
      <base node='b'/>
      <top node='t'/>
      <topparent node='p'/>
      <deleteCommittedImages/>
      <disabledBaseBitmaps>
        <bitmap name='x'/>
      </disabledBaseBitmaps>
    </blockjob>
    <blockjob name='create' type='create' state='running'>
      <create mode='storage'/>
      <src type='file' format='qcow2'>
        <source file='/new' index='14'/>
      </src>
    </blockjob>
    <blockjob name='backup' type='backup' state='running'>
      <disk dst='vdb'/>
      <bitmap name='since'/>
      <store type='file' format='qcow2'>
        <source file='/store' index='15'/>
      </store>
    </blockjob>
  </blockjobs>
  <slirp>
    <helper alias='net0' pid='17'>
      <feature name='dbus-p2p'/>
    </helper>
  </slirp>
  <agentTimeout>30</agentTimeout>
  <backups>
    <domainbackup mode='push'>
      <disks>
        <disk name='vda' backup='yes' state='running' type='file' backupmode='full'>
          <driver type='qcow2'/>
          <target file='/t' index='16'/>
        </disk>
      </disks>
    </domainbackup>
  </backups>
  <originalMemlock>1</originalMemlock>
  <preMigrationMemlock>2</preMigrationMemlock>
  <ofTomorrow a='1'/>
";

#[test]
fn all_that_stock_writes_is_understood_and_written_again() {
    let status = read(FULL).unwrap();
    let text = status.format().unwrap();
    assert!(text.contains(FULL), "{text}");
    let known = &status.private;
    let job = known.job.as_ref().unwrap();
    let long = job.long.as_ref().unwrap();
    assert_eq!((long.flags, long.started, long.paused), (0x802, 5, true));
    let target = job.disks[0].source.as_ref().unwrap();
    assert_eq!(StorageNotes::of(&target.source).unwrap().node("storage"), Some("s"));
    assert_eq!(known.block_jobs.jobs[1].disk, JobDisk::Disk { dst: "vda".into(), mirror: true });
    assert_eq!(known.block_jobs.jobs[1].error.as_deref(), Some("no space"));
    assert!(matches!(&known.block_jobs.jobs[2].disk, JobDisk::Chains { disk: Some(_), mirror: None }));
    assert_eq!((known.slirp[0].pid, known.agent_timeout, known.other.len()), (17, 30, 1));
}

#[test]
fn a_short_file_gets_what_older_daemons_left_out() {
    let mut private = read(MONITOR).unwrap().private;
    assert_eq!(private.folder(), PathBuf::from("/m/"));
    assert_eq!(private, PrivateStatus::new("/m/monitor.sock".into()));
    private.fill("/ram/1-n".as_ref());
    assert_eq!(private.memory_dir, Some("/ram/1-n".into()));
    let old = "<vcpus><vcpu pid='4'/><vcpu pid='5'/></vcpus>";
    let vcpus = read(&format!("{MONITOR}{old}")).unwrap().private.vcpus;
    assert_eq!(vcpus.iter().map(|v| (v.index, v.thread)).collect::<Vec<_>>(), [(0, 4), (1, 5)]);
}

#[test]
fn malformed_files_are_refused() {
    for elements in [
        "",
        "<monitor type='unix'/>",
        "<monitor path='/dev/pts/1' type='pty'/>",
        "<monitor path='/m'/><vcpus><vcpu id='0'/></vcpus>",
        "<monitor path='/m'/><vcpus><vcpu id='-1' pid='1'/></vcpus>",
        "<monitor path='/m'/><qemuCaps><flag/></qemuCaps>",
        "<monitor path='/m'/><job type='none' async='dump' flags='many'/>",
        "<monitor path='/m'/><job><disk/></job>",
        "<monitor path='/m'/><job><disk dev='vda'><migrationSource format='raw'/></disk></job>",
        "<monitor path='/m'/><numad nodeset='x'/>",
        "<monitor path='/m'/><nodename index='-1'/>",
        "<monitor path='/m'/><blockjobs active='maybe'/>",
        "<monitor path='/m'/><blockjobs><blockjob name='a' type='copy'/></blockjobs>",
        "<monitor path='/m'/><blockjobs><blockjob name='a' type='copy' state='ready'><disk/></blockjob></blockjobs>",
        "<monitor path='/m'/><slirp><helper alias='net0'/></slirp>",
        "<monitor path='/m'/><agentTimeout>soon</agentTimeout>",
        "<monitor path='/m'/><allowReboot value='1'/>",
        "<monitor path='/m'/><backups><domainbackup mode='pull'/></backups>",
    ] {
        assert_eq!(read(elements).unwrap_err().code(), ErrorCode::XML_ERROR, "{elements}");
    }
}

#[test]
fn notes_of_images_and_disks_are_typed() {
    let text = "<privateData><nodenames><nodename type='storage' name='s'/></nodenames>\
        <reservations mgralias='r'/><relPath>base.qcow2</relPath><objects><secret type='auth' alias='a'/>\
        <TLSx509 alias='t'/></objects><fdsets><fdset type='storage' id='1337'/></fdsets>\
        <thresholdEvent indexUsed='yes'/><nbdkit><pidfile>/p</pidfile><socketfile>/s</socketfile></nbdkit>\
        <ofTomorrow/></privateData>";
    let document = oxivirt_conf::xml::Document::parse(text).unwrap();
    let raw = oxivirt_conf::xml::RawElement::copy(document.root());
    let mut source = StorageSource { private_data: Some(Box::new(raw.clone())), ..StorageSource::default() };
    let notes = StorageNotes::of(&source).unwrap();
    assert_eq!((notes.node("storage"), notes.node("format")), (Some("s"), None));
    assert_eq!(
        (notes.fdset, notes.threshold_by_index, notes.relative_path.as_deref()),
        (Some(1337), true, Some("base.qcow2"))
    );
    notes.put(&mut source).unwrap();
    assert_eq!(source.private_data.as_deref(), Some(&raw));
    StorageNotes::default().put(&mut source).unwrap();
    assert_eq!(source.private_data, None);
}

#[test]
fn names_that_the_command_line_made_are_noted_once() {
    let mut domain = read(MONITOR).unwrap().definition;
    name_nodes(&mut domain).unwrap();
    let named = domain.clone();
    name_nodes(&mut domain).unwrap();
    renew(&mut domain).unwrap();
    assert_eq!(domain, named);
    assert_eq!(last_node(&domain), 3);
    let disk = &domain.devices.disks[0];
    let notes = StorageNotes::of(&disk.source).unwrap();
    assert_eq!((notes.node("storage"), notes.node("format")), (Some("libvirt-2-storage"), Some("libvirt-2-format")));
    let Some(oxivirt_conf::domain::devices::BackingStore::Layer(below)) = disk.backing.as_deref() else {
        panic!("there is a backing image")
    };
    assert_eq!(StorageNotes::of(&below.source).unwrap().node("format"), None, "a raw image has no second node");
    assert_eq!(DiskNotes::of(disk).unwrap().qom.as_deref(), Some("/machine/peripheral/virtio-disk0/virtio-backend"));
}
