//! A QEMU of which only the names of things are there.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use oxivirt_conf::domain::devices::Device;
use oxivirt_conf::domain::{FormatFlags, NoHooks, ParseFlags};
use oxivirt_core::ErrorCode;
use serde_json::json;

use super::*;
use crate::monitor::{Event, Handler};
use crate::process::Folders;

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(100);

/// What a guest does with a device that it is asked to let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manners {
    LetsGo,
    Keeps,
    Silent,
}

/// The fake: everything that was made and not taken away, as `kind name`.
#[derive(Debug)]
struct Fake {
    has: Mutex<BTreeSet<String>>,
    said: Mutex<Vec<String>>,
    refuses: &'static str,
    manners: Mutex<Manners>,
}

impl Fake {
    fn serve(&self, stream: &UnixStream) -> std::io::Result<()> {
        let mut out = stream.try_clone()?;
        writeln!(out, "{}", json!({"QMP": {"version": {}, "capabilities": []}}))?;
        for line in BufReader::new(stream).lines() {
            let command: Value = serde_json::from_str(&line?)?;
            let name = command["execute"].as_str().unwrap_or_default();
            self.said.lock().unwrap().push(name.to_owned());
            let answer = self.answer(name, &command["arguments"]);
            let id = &command["id"];
            match answer {
                Ok(value) => writeln!(out, "{}", json!({"return": value, "id": id}))?,
                Err((class, desc)) => {
                    writeln!(out, "{}", json!({"error": {"class": class, "desc": desc}, "id": id}))?;
                    continue;
                }
            }
            if name == "device_del" {
                let event = match *self.manners.lock().unwrap() {
                    Manners::LetsGo => "DEVICE_DELETED",
                    Manners::Keeps => "DEVICE_UNPLUG_GUEST_ERROR",
                    Manners::Silent => continue,
                };
                let alias = command["arguments"]["id"].as_str().unwrap_or_default();
                if event == "DEVICE_DELETED" {
                    self.has.lock().unwrap().remove(&format!("device {alias}"));
                }
                writeln!(out, "{}", json!({"event": event, "data": {"device": alias}}))?;
            }
        }
        Ok(())
    }

    fn answer(&self, name: &str, arguments: &Value) -> Result<Value, (&'static str, String)> {
        if name == self.refuses {
            return Err(("GenericError", format!("{name} is refused")));
        }
        let mut has = self.has.lock().unwrap();
        let named = |key: &str| arguments[key].as_str().unwrap_or_default().to_owned();
        let kind = |name: &str| match name {
            "object-add" | "object-del" => Some(("object", "id")),
            "chardev-add" | "chardev-remove" => Some(("chardev", "id")),
            "netdev_add" | "netdev_del" => Some(("netdev", "id")),
            "blockdev-add" | "blockdev-del" => Some(("node", "node-name")),
            "device_add" | "device_del" => Some(("device", "id")),
            "getfd" | "closefd" => Some(("fd", "fdname")),
            _ => None,
        };
        if let Some((kind, key)) = kind(name) {
            let thing = format!("{kind} {}", named(key));
            if name.ends_with("add") || name == "getfd" {
                has.insert(thing);
                // A descriptor belongs to what was made with it.
                if kind == "netdev" {
                    has.retain(|thing| !thing.starts_with("fd "));
                }
                return Ok(match arguments["backend"]["type"].as_str() {
                    Some("pty") => json!({"pty": "/dev/pts/77"}),
                    _ => json!({}),
                });
            }
            // A device goes when the guest lets it.
            let there = if name == "device_del" { has.contains(&thing) } else { has.remove(&thing) };
            return match there {
                true => Ok(json!({})),
                false => Err(("GenericError", format!("{thing} not found"))),
            };
        }
        Ok(match name {
            "qom-list" => has
                .iter()
                .filter_map(|thing| thing.strip_prefix("device "))
                .chain(["type"])
                .map(|name| json!({"name": name, "type": "child<x>"}))
                .collect(),
            "query-named-block-nodes" => has
                .iter()
                .filter_map(|thing| thing.strip_prefix("node "))
                .map(|name| json!({"node-name": name}))
                .collect(),
            _ if name.starts_with("query-") => json!([]),
            _ => json!({}),
        })
    }
}

struct Tell(Arc<Unplugs>);

impl Handler for Tell {
    fn event(&self, event: Event) {
        let news = if event.name == "DEVICE_DELETED" { News::Gone } else { News::Refused };
        self.0.tell(event.text("device").unwrap(), news);
    }
    fn closed(&self, _: &str) {}
}

/// A host with descriptors that lead nowhere.
struct Bench {
    fake: Arc<Fake>,
    monitor: Monitor,
    unplugs: Arc<Unplugs>,
    emulator: Emulator,
    settings: Settings,
    files: GuestFiles,
    _folder: tempfile::TempDir,
}

impl Bench {
    /// * `refuses` – a command that fails.
    fn new(refuses: &'static str, manners: Manners) -> Self {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let fake = Fake { has: Mutex::default(), said: Mutex::default(), refuses, manners: Mutex::new(manners) };
        let fake = Arc::new(fake);
        let serving = Arc::clone(&fake);
        std::thread::spawn(move || serving.serve(&theirs));
        let unplugs = Arc::new(Unplugs::default());
        let monitor = Monitor::open("vm", ours, Box::new(Tell(Arc::clone(&unplugs))), LONG).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut files = Folders::system(folder.path()).guest(1, "vm");
        files.state = folder.path().to_owned();
        let emulator = emulator();
        let settings = Settings::default();
        Self { fake, monitor, unplugs, emulator, settings, files, _folder: folder }
    }

    fn session(&self, unplug: Duration) -> Session<'_> {
        Session {
            monitor: &self.monitor,
            emulator: &self.emulator,
            files: &self.files,
            settings: &self.settings,
            unplugs: &self.unplugs,
            answer: LONG,
            unplug,
        }
    }

    fn attach(&self, live: &DomainDefinition, xml: &str) -> Result<Attached> {
        let mut host = crate::guests::RealHost::new(0, PathBuf::new(), crate::neighbours::Borrower::alone());
        attach(&self.session(LONG), &mut host, live, read(live, xml))
    }

    fn has(&self) -> Vec<String> {
        self.fake.has.lock().unwrap().iter().cloned().collect()
    }
}

fn domain(devices: &str) -> DomainDefinition {
    let xml = format!(
        "<domain type='qemu' id='1'><name>vm</name><uuid>7d1a9d1c-0d7e-4b6e-8c5b-6d3b6f0c1a11</uuid>\
         <memory>1024</memory><maxMemory slots='4'>4194304</maxMemory>\
         <os><type arch='x86_64' machine='pc'>hvm</type></os><devices>\
         <controller type='pci' index='0' model='pci-root'><alias name='pci.0'/></controller>\
         <controller type='virtio-serial' index='0'><alias name='virtio-serial0'/>\
         <address type='pci' domain='0' bus='0' slot='8' function='0'/></controller>{devices}</devices></domain>"
    );
    DomainDefinition::parse(&xml, ParseFlags::NONE, &NoHooks).unwrap()
}

fn read(live: &DomainDefinition, xml: &str) -> Device {
    live.read_device(xml, ParseFlags::INACTIVE, &NoHooks).unwrap()
}

fn print(domain: &DomainDefinition) -> String {
    domain.format(FormatFlags::SECURE).unwrap()
}

const RNG: &str = "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>";
const DISK: &str = "<disk type='file'><driver name='qemu' type='qcow2'/><source file='/dev/null'/>\
                    <target dev='vdb' bus='virtio'/></disk>";
const CHANNEL: &str = "<channel type='pty'><target type='virtio' name='a.b'/></channel>";

#[test]
fn what_is_plugged_and_unplugged_leaves_nothing() {
    for (xml, parts) in [
        (RNG, &["device rng0", "object objrng0"][..]),
        (DISK, &["device virtio-disk1", "node libvirt-1-format", "node libvirt-1-storage"]),
        (CHANNEL, &["chardev charchannel0", "device channel0"]),
    ] {
        let bench = Bench::new("", Manners::LetsGo);
        let live = domain("");
        let attached = bench.attach(&live, xml).unwrap();
        assert_eq!(bench.has(), parts);
        journal::end(&bench.files).unwrap();
        let with = attached.definition;
        assert_ne!(print(&with), print(&live));
        let like = Device::of(with.devices.by_alias(&attached.alias).unwrap());
        let gone = detach(&bench.session(LONG), &with, like.as_ref(), 0, Patience::Wait).unwrap();
        let Detached::Gone(rest) = gone else { panic!("the device is still there") };
        assert_eq!(print(&rest), print(&live));
        assert!(bench.has().is_empty(), "{:?}", bench.has());
    }
}

#[test]
fn what_qemu_chose_is_in_the_definition() {
    let bench = Bench::new("", Manners::LetsGo);
    let attached = bench.attach(&domain(""), CHANNEL).unwrap();
    let channel = attached.definition.devices.channels.first().unwrap();
    assert_eq!(channel.source.path(), Some("/dev/pts/77"));
}

#[test]
fn a_failure_in_the_middle_takes_everything_back() {
    for (refuses, xml) in [
        ("device_add", RNG),
        ("object-add", RNG),
        ("device_add", DISK),
        ("blockdev-add", DISK),
        ("device_add", CHANNEL),
        ("chardev-add", CHANNEL),
    ] {
        let bench = Bench::new(refuses, Manners::LetsGo);
        let error = bench.attach(&domain(""), xml).unwrap_err();
        assert!(error.message().contains(&format!("{refuses} is refused")), "{error}");
        assert!(bench.has().is_empty(), "{refuses}: {:?}", bench.has());
        assert_eq!(journal::pending(&bench.files).unwrap(), None);
    }
}

#[test]
fn a_guest_that_keeps_a_device_is_told_of() {
    let bench = Bench::new("", Manners::Keeps);
    let with = bench.attach(&domain(""), RNG).unwrap().definition;
    let like = Device::of(with.devices.by_alias("rng0").unwrap());
    let error = detach(&bench.session(LONG), &with, like.as_ref(), 0, Patience::Wait).unwrap_err();
    assert_eq!(error.code(), ErrorCode::OPERATION_FAILED);
    assert!(error.message().contains("'rng0'"), "{error}");
    assert_eq!(bench.has(), ["device rng0", "object objrng0"]);
    assert!(!lost(&bench.session(LONG), &with).unwrap().contains(&"rng0".to_owned()));
}

#[test]
fn a_silent_guest_holds_up_nobody_for_long() {
    let bench = Bench::new("", Manners::Silent);
    let with = bench.attach(&domain(""), RNG).unwrap().definition;
    let like = Device::of(with.devices.by_alias("rng0").unwrap());
    let error = detach(&bench.session(SHORT), &with, like.as_ref(), 0, Patience::Wait).unwrap_err();
    assert_eq!(error.code(), ErrorCode::OPERATION_TIMEOUT);
    assert!(error.message().contains("'rng0'") && error.message().contains("DEVICE_DELETED"), "{error}");
    let asked = detach(&bench.session(SHORT), &with, like.as_ref(), 0, Patience::Ask).unwrap();
    assert!(matches!(asked, Detached::Asked));
    // It lets go in the end.
    bench.fake.has.lock().unwrap().remove("device rng0");
    assert!(lost(&bench.session(SHORT), &with).unwrap().contains(&"rng0".to_owned()));
    let rest = finish(&bench.session(SHORT), &with, like.as_ref(), 0);
    assert_eq!(print(&rest), print(&domain("")));
    assert!(bench.has().is_empty(), "{:?}", bench.has());
}

#[test]
fn a_daemon_that_was_killed_leaves_a_note() {
    let bench = Bench::new("", Manners::LetsGo);
    let live = domain("");
    let with = bench.attach(&live, DISK).unwrap().definition;
    let attempt = journal::pending(&bench.files).unwrap().unwrap();
    assert_eq!(attempt.made.len(), 3);
    let session = bench.session(LONG);
    assert_eq!(settle(&session, &with, &attempt).unwrap(), Fate::Known);
    // QEMU has all of it: the next daemon learns of it from the note.
    assert_eq!(settle(&session, &live, &attempt).unwrap(), Fate::Made);
    let after = attempt.after(&NoHooks).unwrap();
    assert_eq!(print(&after), print(&with));
    // The device itself never came: the rest is of no use.
    bench.fake.has.lock().unwrap().remove("device virtio-disk1");
    assert_eq!(settle(&session, &live, &attempt).unwrap(), Fate::Undone);
    assert!(bench.has().is_empty(), "{:?}", bench.has());
    conclude(&session).unwrap();
    assert_eq!(journal::pending(&bench.files).unwrap(), None);
}

#[test]
fn what_collides_or_cannot_be_plugged_says_so_before_qemu_is_asked() {
    let bench = Bench::new("", Manners::LetsGo);
    let live = bench.attach(&domain(""), DISK).unwrap().definition;
    let said = || bench.fake.said.lock().unwrap().iter().filter(|name| name.ends_with("add")).count();
    let before = said();
    for (xml, code, words) in [
        (DISK, ErrorCode::OPERATION_FAILED, "target vdb already exists"),
        (
            "<disk type='file' device='floppy'><source file='/dev/null'/><target dev='fda' bus='fdc'/></disk>",
            ErrorCode::OPERATION_UNSUPPORTED,
            "floppy",
        ),
        (
            "<disk type='file'><source file='/dev/null'/><target dev='hda' bus='ide'/></disk>",
            ErrorCode::OPERATION_UNSUPPORTED,
            "'ide'",
        ),
        ("<tpm model='tpm-tis'><backend type='passthrough'/></tpm>", ErrorCode::OPERATION_UNSUPPORTED, "'tpm'"),
        ("<sound model='ich9'/>", ErrorCode::OPERATION_UNSUPPORTED, "'sound'"),
        ("<audio id='2' type='none'/>", ErrorCode::OPERATION_UNSUPPORTED, "'audio'"),
        (
            "<rng model='virtio'><backend model='random'/><address type='pci' domain='0' bus='0' slot='8' \
             function='0'/></rng>",
            ErrorCode::XML_ERROR,
            "0000:00:08.0",
        ),
    ] {
        let error = bench.attach(&live, xml).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.message().contains(words), "{error}");
    }
    assert_eq!(said(), before);
}

#[test]
fn a_medium_is_exchanged() {
    let drive = |source: &str| {
        format!(
            "<disk type='file' device='cdrom'><driver name='qemu' type='raw'/>{source}\
             <target dev='sda' bus='sata'/><readonly/><alias name='sata0-0-0'/>\
             <address type='drive' controller='0' bus='0' target='0' unit='0'/></disk>"
        )
    };
    let bench = Bench::new("", Manners::LetsGo);
    let empty = domain(&drive(""));
    let mut host = crate::guests::RealHost::new(0, PathBuf::new(), crate::neighbours::Borrower::alone());
    let device = read(&empty, &drive("<source file='/dev/null'/>"));
    let session = bench.session(LONG);
    let full = update(&session, &mut host, &empty, device, Force::No).unwrap();
    conclude(&session).unwrap();
    assert!(bench.has().contains(&"node libvirt-1-storage".to_owned()), "{:?}", bench.has());
    assert_eq!(full.devices.disks.first().unwrap().source.index, Some(1));
    // The same once more is no change.
    let count = bench.fake.said.lock().unwrap().len();
    let device = read(&full, &drive("<source file='/dev/null'/>"));
    let same = update(&session, &mut host, &full, device, Force::No).unwrap();
    assert_eq!(print(&same), print(&full));
    assert_eq!(bench.fake.said.lock().unwrap().len(), count);
    let ejected = update(&session, &mut host, &full, read(&full, &drive("")), Force::No).unwrap();
    conclude(&session).unwrap();
    assert!(bench.has().is_empty(), "{:?}", bench.has());
    assert!(ejected.devices.disks.first().unwrap().source.is_empty());
    // What the guest sees cannot be changed.
    let other = drive("").replace("<readonly/>", "<readonly/><serial>1</serial>");
    let error = update(&session, &mut host, &empty, read(&empty, &other), Force::No).unwrap_err();
    assert_eq!(error.code(), ErrorCode::OPERATION_UNSUPPORTED);
    assert!(error.message().contains("'serial'"), "{error}");
}

#[test]
fn the_link_of_a_card_is_all_that_changes() {
    let card = |rest: &str| {
        format!(
            "<interface type='user'><mac address='52:54:00:00:00:01'/><model type='virtio'/>{rest}\
             <alias name='net0'/><address type='pci' domain='0' bus='0' slot='3' function='0'/></interface>"
        )
    };
    let bench = Bench::new("", Manners::LetsGo);
    let live = domain(&card(""));
    let mut host = crate::guests::RealHost::new(0, PathBuf::new(), crate::neighbours::Borrower::alone());
    let mut change = |xml: &str| {
        let device = live.read_device(xml, ParseFlags::NONE, &NoHooks).unwrap();
        update(&bench.session(LONG), &mut host, &live, device, Force::No)
    };
    let down = change(&card("<link state='down'/>")).unwrap();
    assert!(print(&down).contains("<link state='down'/>"));
    assert_eq!(bench.fake.said.lock().unwrap().last().map(String::as_str), Some("set_link"));
    for (xml, code) in [
        (card("").replace("'virtio'", "'e1000'"), ErrorCode::OPERATION_UNSUPPORTED),
        (card("").replace("'user'", "'ethernet'"), ErrorCode::OPERATION_UNSUPPORTED),
        (card("<mtu size='1400'/>"), ErrorCode::OPERATION_UNSUPPORTED),
        (card("").replace("00:01", "00:02"), ErrorCode::DEVICE_MISSING),
    ] {
        let error = change(&xml).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
    }
}

#[test]
fn the_stored_definition_has_rules_of_its_own() {
    let mut stored = domain(DISK);
    let again = insert(&mut stored, read(&domain(""), DISK)).unwrap_err();
    assert_eq!(again.code(), ErrorCode::OPERATION_INVALID);
    let disk = read(&domain(""), &DISK.replace("/dev/null", "/dev/zero"));
    replace(&mut stored, disk.clone()).unwrap();
    assert_eq!(stored.devices.disks.first().unwrap().source.path(), Some("/dev/zero"));
    take_out(&mut stored, disk.as_ref()).unwrap();
    let missing = take_out(&mut stored, disk.as_ref()).unwrap_err();
    assert_eq!(missing.code(), ErrorCode::DEVICE_MISSING);
    let missing = replace(&mut stored, disk).unwrap_err();
    assert_eq!(missing.code(), ErrorCode::INVALID_ARG);
    let module = "<memory model='dimm'><target><size>512</size><node>0</node></target></memory>";
    let module = Device::parse(module, ParseFlags::INACTIVE).unwrap();
    insert(&mut stored, module.clone()).unwrap();
    assert_eq!(stored.memory.0, 1536);
    take_out(&mut stored, module.as_ref()).unwrap();
    assert_eq!(stored.memory.0, 1024);
    let video = Device::parse("<video><model type='vga'/></video>", ParseFlags::INACTIVE).unwrap();
    for error in
        [insert(&mut stored, video.clone()), take_out(&mut stored, video.as_ref()), replace(&mut stored, video)]
    {
        assert_eq!(error.unwrap_err().code(), ErrorCode::OPERATION_UNSUPPORTED);
    }
}

/// A binary of which nothing was asked.
fn emulator() -> Emulator {
    Emulator {
        binary: "/usr/bin/qemu-system-x86_64".into(),
        version: 10_000_000,
        package: String::new(),
        arch: "x86_64".into(),
        accels: Default::default(),
        types: Default::default(),
        properties: Default::default(),
        commands: Default::default(),
        events: Default::default(),
        features: Default::default(),
        options: Default::default(),
        tpm_models: Default::default(),
        tpm_types: Default::default(),
        displays: Default::default(),
        netdevs: Default::default(),
        gic: Vec::new(),
        sev: None,
        sgx: None,
        hyperv: None,
    }
}
