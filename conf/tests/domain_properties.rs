//! What must hold for any document: damaged ones never panic, accepted ones
//! survive a round of printing and reading, and the phases come in order.

use std::cell::RefCell;

use oxivirt_conf::domain::devices::{DeviceMut, GraphicsKind};
use oxivirt_conf::domain::{
    Device, DomainDefinition, DomainHooks, DomainStatus, DomainType, FormatFlags, NoHooks, ParseFlags, State,
};
use oxivirt_core::{Error, ErrorCode, Result};

/// A document that touches most elements.
const FULL: &str = include_str!("domain/full.xml");

/// A small generator, so that a failure comes again with its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

/// Changes a few places the way editors, cables and attackers do.
fn damage(text: &str, random: &mut Random) -> String {
    const PIECES: &[&str] = &[
        "<",
        ">",
        "'",
        "\"",
        "&",
        "&amp;",
        "&#x41;",
        "/>",
        "</",
        "=",
        "-1",
        "0",
        "18446744073709551615",
        "99999999999999999999",
        "<![CDATA[",
        "]]>",
        "<!--",
        "xmlns:a='b'",
        "é",
        "\u{0}",
        "type=''",
        "<disk/>",
        "no",
        "yes",
        " ",
    ];
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        match random.below(5) {
            0 => {
                bytes.remove(at);
            }
            1 => {
                let end = (at + random.below(40)).min(bytes.len());
                bytes.drain(at..end);
            }
            2 => {
                let end = (at + random.below(80)).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, copy);
            }
            3 => {
                let piece = PIECES[random.below(PIECES.len())];
                bytes.splice(at..at, piece.bytes());
            }
            _ => bytes[at] = b"<>='\"&/09az \n"[random.below(13)],
        }
        if bytes.is_empty() {
            break;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn damaged_documents_never_panic_and_accepted_ones_survive_a_round() {
    let mut accepted = 0;
    for seed in 1..3000_u64 {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let text = damage(FULL, &mut random);
        for (parse, format) in [
            (ParseFlags::INACTIVE, FormatFlags::INACTIVE | FormatFlags::SECURE),
            (ParseFlags::NONE, FormatFlags::SECURE),
        ] {
            let Ok(first) = DomainDefinition::parse(&text, parse, &NoHooks) else { continue };
            accepted += 1;
            let printed = first.format(format).expect("what was read can be printed");
            let second = DomainDefinition::parse(&printed, parse, &NoHooks)
                .unwrap_or_else(|error| panic!("seed {seed}: own output refused: {error}\n{printed}"));
            let again = second.format(format).expect("what was read can be printed");
            assert_eq!(printed, again, "seed {seed}: the second print differs");
        }
    }
    assert!(accepted > 500, "only {accepted} documents accepted: the damage is too strong to test anything");
}

#[test]
fn running_facts_show_only_where_asked() {
    let def = DomainDefinition::parse(FULL, ParseFlags::NONE, &NoHooks).expect("valid");
    assert_eq!(def.id, Some(3));
    let live = def.format(FormatFlags::NONE).expect("prints");
    assert!(live.starts_with("<domain type='kvm' id='3' xmlns:qemu="), "{live}");
    assert!(live.contains("<alias name='virtio-disk0'/>"));
    let inactive = def.format(FormatFlags::INACTIVE).expect("prints");
    assert!(inactive.starts_with("<domain type='kvm' xmlns:qemu="), "{inactive}");
    assert!(!inactive.contains("virtio-disk0") && inactive.contains("<alias name='ua-kept'/>"));
    let configured = DomainDefinition::parse(FULL, ParseFlags::INACTIVE, &NoHooks).expect("valid");
    assert_eq!(configured.id, None);
}

#[test]
fn passwords_show_with_secure_only() {
    let def = DomainDefinition::parse(FULL, ParseFlags::NONE, &NoHooks).expect("valid");
    assert!(def.format(FormatFlags::SECURE).expect("prints").contains("passwd='geheim'"));
    assert!(!def.format(FormatFlags::NONE).expect("prints").contains("geheim"));
    let graphics = def.devices.graphics.first().expect("there is one");
    assert!(matches!(&graphics.kind, GraphicsKind::Vnc(vnc) if vnc.auth.passwd.as_deref() == Some("geheim")));
}

/// Notes which phase was called, and fails one of them on demand.
#[derive(Default)]
struct Noting {
    phases: RefCell<Vec<&'static str>>,
    fail: Option<&'static str>,
}

impl Noting {
    fn note(&self, phase: &'static str) -> Result<()> {
        let mut phases = self.phases.borrow_mut();
        if phases.last() != Some(&phase) {
            phases.push(phase);
        }
        match self.fail {
            Some(fail) if fail == phase => Err(Error::config_unsupported(format!("no {phase}"))),
            _ => Ok(()),
        }
    }
}

impl DomainHooks for Noting {
    fn basic_post_parse(&self, _: &mut DomainDefinition, _: ParseFlags) -> Result<()> {
        self.note("basic")
    }

    fn device_post_parse(&self, device: DeviceMut<'_>, def: &DomainDefinition, _: ParseFlags) -> Result<()> {
        if let DeviceMut::Watchdog(_) = device {
            assert!(def.devices.watchdogs.is_empty() && !def.devices.disks.is_empty(), "only the own kind is out");
        }
        self.note("device")
    }

    fn definition_post_parse(&self, def: &mut DomainDefinition, _: ParseFlags) -> Result<()> {
        def.title = Some("changed".to_owned());
        self.note("definition")
    }

    fn assign_addresses(&self, _: &mut DomainDefinition, _: ParseFlags) -> Result<()> {
        self.note("addresses")
    }

    fn validate(&self, def: &DomainDefinition, _: ParseFlags) -> Result<()> {
        assert_eq!(def.title.as_deref(), Some("changed"));
        self.note("validate")
    }
}

#[test]
fn phases_come_in_order_and_an_error_in_any_fails_the_parse() {
    let order = ["basic", "device", "definition", "addresses", "validate"];
    let hooks = Noting::default();
    DomainDefinition::parse(FULL, ParseFlags::INACTIVE, &hooks).expect("valid");
    assert_eq!(*hooks.phases.borrow(), order);
    for (at, phase) in order.into_iter().enumerate() {
        let hooks = Noting { fail: Some(phase), ..Noting::default() };
        let error = DomainDefinition::parse(FULL, ParseFlags::INACTIVE, &hooks).expect_err("the hook failed");
        assert_eq!((error.code(), error.detail()), (ErrorCode::CONFIG_UNSUPPORTED, format!("no {phase}").as_str()));
        assert_eq!(*hooks.phases.borrow(), order[..=at]);
    }
}

#[test]
fn errors_name_path_value_and_what_was_allowed() {
    let text = FULL.replace("<on_crash>restart</on_crash>", "<on_crash>explode</on_crash>");
    let error = DomainDefinition::parse(&text, ParseFlags::INACTIVE, &NoHooks).expect_err("no such action");
    assert_eq!(error.code(), ErrorCode::XML_ERROR);
    for part in ["line ", "/domain/on_crash", "'explode'", "coredump-restart"] {
        assert!(error.message().contains(part), "'{part}' in {}", error.message());
    }
}

#[test]
fn unknown_elements_are_ignored_and_metadata_is_kept() {
    let text = FULL.replace("<on_crash>", "<strange a='b'><c/></strange><on_crash>");
    let def = DomainDefinition::parse(&text, ParseFlags::INACTIVE, &NoHooks).expect("valid");
    let printed = def.format(FormatFlags::INACTIVE).expect("prints");
    assert!(!printed.contains("strange"));
    let metadata = concat!(
        "  <metadata xmlns:app=\"urn:app\">\n",
        "    <app:note app:x=\"a&quot;b\">text <app:b/></app:note>\n",
        "  </metadata>\n"
    );
    assert!(printed.contains(metadata), "{printed}");
}

#[test]
fn a_minimal_domain_gets_the_common_defaults() {
    let text = "<domain type='test'><name>a</name><memory unit='GiB'>1</memory><os><type>hvm</type></os>\
                <devices><serial type='pty'/><disk><source file='/a'/><target dev='sda'/></disk></devices></domain>";
    let def = DomainDefinition::parse(text, ParseFlags::INACTIVE, &NoHooks).expect("valid");
    assert_eq!(def.kind, DomainType::Test);
    assert_eq!((def.memory.0, def.current_memory.0), (1 << 20, 1 << 20));
    assert!(!def.uuid.is_nil());
    let printed = def.format(FormatFlags::INACTIVE).expect("prints");
    for part in [
        "<on_reboot>restart</on_reboot>",
        "<console type='pty'>\n      <target type='serial' port='0'/>",
        "<target dev='sda' bus='scsi'/>",
        "<controller type='scsi' index='0'/>",
        "<boot dev='hd'/>",
    ] {
        assert!(printed.contains(part), "'{part}' in {printed}");
    }
}

#[test]
fn one_device_reads_and_prints_alone() {
    let text = "<disk type='file' device='disk'>\n  <source file='/a'/>\n  <target dev='vda' bus='virtio'/>\n</disk>\n";
    let device = Device::parse(text, ParseFlags::INACTIVE).expect("valid");
    assert_eq!(device.format(FormatFlags::INACTIVE), text);
    let error = Device::parse("<banana/>", ParseFlags::INACTIVE).expect_err("no device");
    assert_eq!(error.code(), ErrorCode::CONFIG_UNSUPPORTED);
}

#[test]
fn a_status_file_holds_state_and_domain() {
    let definition = DomainDefinition::parse(FULL, ParseFlags::NONE, &NoHooks).expect("valid");
    let status = DomainStatus {
        state: State::Running,
        reason: "booted".to_owned(),
        pid: 123,
        taints: vec!["custom-argv".to_owned()],
        deprecations: Vec::new(),
        private: (),
        definition,
    };
    let text = status.format().expect("prints");
    assert!(text.starts_with("<domstatus state='running' reason='booted' pid='123'>\n  <taint flag='custom-argv'/>\n"));
    let read = DomainStatus::<()>::parse(&text, &NoHooks).expect("own file reads");
    assert_eq!(read.definition.id, Some(3));
    assert_eq!(read.format().expect("prints"), text);
}

/// `xmllint` knows the public schema; without it this is skipped.
#[test]
fn output_is_valid_against_the_public_schema() {
    let schema = "/usr/share/libvirt/schemas/domain.rng";
    let xmllint = std::process::Command::new("xmllint").arg("--version").output();
    if xmllint.is_err() || !std::path::Path::new(schema).exists() {
        oxivirt_tests::skip::skip(&format!("xmllint or '{schema}' is missing"));
        return;
    }
    let def = DomainDefinition::parse(FULL, ParseFlags::INACTIVE, &NoHooks).expect("valid");
    let printed = def.format(FormatFlags::INACTIVE | FormatFlags::SECURE).expect("prints");
    let path = std::env::temp_dir().join(format!("oxivirt-domain-schema-{}.xml", std::process::id()));
    std::fs::write(&path, &printed).expect("the temporary folder can be written");
    let found = std::process::Command::new("xmllint")
        .args(["--noout", "--relaxng", schema])
        .arg(&path)
        .output()
        .expect("xmllint starts");
    std::fs::remove_file(&path).expect("the file can be removed");
    assert!(found.status.success(), "{}\n{printed}", String::from_utf8_lossy(&found.stderr));
}

#[test]
fn memory_follows_the_nodes_where_defaults_may_change() {
    let text = "<domain type='test'><name>a</name><memory unit='GiB'>4</memory><os><type>hvm</type></os>\
                <cpu><numa><cell cpus='0' memory='1' unit='GiB'/></numa></cpu></domain>";
    let kept = DomainDefinition::parse(text, ParseFlags::INACTIVE, &NoHooks).expect("valid");
    assert_eq!(kept.memory.0, 4 << 20);
    let updated =
        DomainDefinition::parse(text, ParseFlags::INACTIVE | ParseFlags::ABI_UPDATE, &NoHooks).expect("valid");
    assert_eq!((updated.memory.0, updated.current_memory.0), (1 << 20, 1 << 20));
    let none = text.replace("<memory unit='GiB'>4</memory>", "");
    let inferred = DomainDefinition::parse(&none, ParseFlags::INACTIVE, &NoHooks).expect("valid");
    assert_eq!(inferred.memory.0, 1 << 20);
}

/// A client may send a document of several megabytes; time must not grow with
/// the square of the number of devices.
#[test]
fn very_many_devices_do_not_take_very_long() {
    let head = "<domain type='test'><name>a</name><memory>1024</memory><iothreads>65536</iothreads><os><type>hvm</type></os><devices>";
    let controllers = "<controller type='pci'/>".repeat(40_000);
    let interfaces = "<interface type='user'/>".repeat(20_000);
    let text = format!("{head}{controllers}{interfaces}</devices></domain>");
    let start = std::time::Instant::now();
    let def = DomainDefinition::parse(&text, ParseFlags::INACTIVE, &NoHooks).expect("valid");
    assert_eq!(def.devices.controllers.last().and_then(|c| c.index), Some(39_999));
    assert!(start.elapsed().as_secs() < 20, "{:?} for {} bytes", start.elapsed(), text.len());
}
