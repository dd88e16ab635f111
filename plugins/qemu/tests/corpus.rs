//! Command lines and completed definitions against a corpus of expected ones.
//!
//! Without the corpus the test is skipped. `OXIVIRT_CORPUS_SHOW=name` prints one case,
//! `OXIVIRT_CORPUS_SHOW=all` the list of cases with their first difference.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use oxivirt_conf::domain::devices::{Interface, InterfaceSource};
use oxivirt_conf::domain::{DomainDefinition, FormatFlags, ParseFlags};
use oxivirt_core::Result;
use oxivirt_driver_qemu::capabilities::{Accel, Ask, Emulator, probe_with};
use oxivirt_driver_qemu::command::{self, Host, Request, Taps};
use oxivirt_driver_qemu::hooks::{Emulators, Hooks};
use oxivirt_driver_qemu::monitor::Failure;
use oxivirt_driver_qemu::process::Folders;
use oxivirt_driver_qemu::{addresses, aliases};
use oxivirt_tests::corpus;
use serde_json::Value;

/// A recorded session: the answer to each command.
struct Recording(HashMap<String, Value>);

impl Ask for Recording {
    fn ask(&mut self, command: &str, arguments: Value) -> Result<Value, Failure> {
        let key = if arguments.is_null() { command.to_owned() } else { format!("{command} {arguments}") };
        match self.0.get(&key).cloned() {
            Some(answer) => match (answer.get("return"), answer.pointer("/error/desc")) {
                (Some(value), _) => Ok(value.clone()),
                (None, desc) => Err(Failure::Refused {
                    class: "GenericError".into(),
                    desc: desc.and_then(Value::as_str).unwrap_or_default().to_owned(),
                }),
            },
            None => Err(Failure::Refused { class: "CommandNotFound".into(), desc: key }),
        }
    }
}

fn emulator(corpus: &Path, name: &str) -> Emulator {
    let text = std::fs::read_to_string(corpus.join("qemu-caps").join(format!("{name}.replies"))).unwrap();
    let mut sessions: Vec<HashMap<String, Value>> = Vec::new();
    let mut key = String::new();
    for part in serde_json::Deserializer::from_str(&text).into_iter::<Value>() {
        let part = part.unwrap();
        match part.get("execute").and_then(Value::as_str) {
            Some("qmp_capabilities") => {
                sessions.push(HashMap::new());
                key = "qmp_capabilities".into();
            }
            Some(command) => {
                key = match part.get("arguments") {
                    Some(arguments) => format!("{command} {arguments}"),
                    None => command.to_owned(),
                };
            }
            None => {
                sessions.last_mut().unwrap().insert(key.clone(), part);
            }
        }
    }
    let mut sessions = sessions.into_iter();
    let mut caps = probe_with("/usr/bin/qemu-system-x86_64".as_ref(), |_| Ok(sessions.next().map(Recording))).unwrap();
    // The expected texts name boards by their short names.
    for accel in caps.accels.values_mut() {
        let short: Vec<_> = accel
            .machines
            .iter()
            .filter_map(|m| {
                let mut machine = m.clone();
                machine.name = machine.alias.take()?;
                Some(machine)
            })
            .collect();
        for machine in &mut accel.machines {
            machine.alias = None;
        }
        accel.machines.extend(short);
    }
    caps
}

struct One(Arc<Emulator>);

impl Emulators for One {
    fn binary_for(&self, _: &str) -> Option<String> {
        Some("/usr/bin/qemu-system-x86_64".into())
    }
    fn get(&self, _: &str) -> Option<Arc<Emulator>> {
        Some(Arc::clone(&self.0))
    }
}

/// Numbers and times as in the expected texts.
struct Fixed;

impl Host for Fixed {
    fn listen(&mut self, _: &str) -> Result<i32> {
        Ok(1729)
    }
    fn output(&mut self, _: &str, _: bool) -> Result<i32> {
        Ok(1750)
    }
    fn log(&mut self, _: &str, _: bool) -> Result<i32> {
        Ok(1751)
    }
    fn tap(&mut self, net: &Interface, virtio: bool) -> Result<Taps> {
        let queues = i32::try_from(net.driver.queues.unwrap_or(1)).unwrap();
        let first = if matches!(net.source, InterfaceSource::Ethernet) { 3 } else { 102 };
        let vhost = virtio && net.driver.name.is_none_or(|n| n.as_str() != "qemu");
        Ok(Taps {
            taps: (first..first + queues).collect(),
            vhost: if vhost { (44..44 + queues).collect() } else { vec![] },
        })
    }
    fn is_cdrom(&self, path: &str) -> bool {
        path == "/dev/cdrom"
    }
    fn now(&self) -> i64 {
        1_234_567_890
    }
    fn utc_offset(&self) -> i64 {
        -1800
    }
}

fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted, mut any) = (Vec::new(), String::new(), false, false);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' => {
                quoted = !quoted;
                any = true;
            }
            '\\' if !quoted => match chars.next() {
                Some('\n') | None => {}
                Some(c) => word.push(c),
            },
            c if c.is_whitespace() && !quoted => {
                if any || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                    any = false;
                }
            }
            c => word.push(c),
        }
    }
    if any || !word.is_empty() {
        words.push(word);
    }
    words
}

fn expected_arguments(text: &str) -> Vec<String> {
    let all = words(text);
    let binary = all.iter().position(|w| w.contains("/qemu-system-")).unwrap();
    all[binary + 1..].to_vec()
}

fn pairs(arguments: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in arguments {
        match lines.last_mut() {
            Some(last) if !word.starts_with('-') => {
                last.push(' ');
                last.push_str(word);
            }
            _ => lines.push(word.clone()),
        }
    }
    lines
}

fn arguments_for(domain: &DomainDefinition, emulator: &Emulator) -> Result<Vec<String>> {
    let mut live = domain.clone();
    for graphics in &mut live.devices.graphics {
        if let oxivirt_conf::domain::devices::GraphicsKind::Vnc(vnc) = &mut graphics.kind
            && vnc.autoport
        {
            vnc.port = 5900;
        }
    }
    addresses::assign_usb(&mut live)?;
    aliases::assign(&mut live)?;
    aliases::number_images(&mut live);
    let files = Folders::system("/".as_ref()).guest(-1, &live.name);
    let request = Request { domain: &live, emulator, files: &files, monitor_fd: 1729 };
    command::build(&request, &mut Fixed).map(|line| line.arguments)
}

#[test]
fn command_lines_and_definitions_match() {
    let Some(qemu) = corpus::suite("qemu") else { return };
    let corpus = qemu.parent().expect("a suite lies in the corpus").to_owned();
    let one = One(Arc::new(emulator(&corpus, "caps_10.0.0_x86_64")));
    assert!(one.0.accel(Accel::Kvm).is_some() && one.0.accel(Accel::Tcg).is_some());
    let hooks = Hooks { emulators: &one, host_arch: "x86_64" };
    let show = std::env::var("OXIVIRT_CORPUS_SHOW").unwrap_or_default();
    let (mut good_args, mut all_args, mut good_xml, mut all_xml) = (0, 0, 0, 0);
    let mut reasons: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut names: Vec<PathBuf> =
        std::fs::read_dir(corpus.join("qemu")).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    for path in names {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        let Some(name) = file.strip_suffix(".x86_64-latest.args") else { continue };
        let Ok(xml) = std::fs::read_to_string(path.with_file_name(format!("{name}.xml"))) else { continue };
        all_args += 1;
        let parsed = DomainDefinition::parse(&xml, ParseFlags::INACTIVE, &hooks);
        let expected_xml = std::fs::read_to_string(path.with_file_name(format!("{name}.x86_64-latest.xml")));
        if let Ok(expected) = &expected_xml {
            all_xml += 1;
            let printed = parsed.as_ref().ok().and_then(|d| d.format(FormatFlags::SECURE | FormatFlags::INACTIVE).ok());
            if printed.as_ref() == Some(expected) {
                good_xml += 1;
            } else if show == name {
                println!("--- xml expected\n{expected}\n--- xml got\n{}", printed.unwrap_or_default());
            } else if show == "xml"
                && let Some(printed) = printed
            {
                let first = expected.lines().zip(printed.lines()).find(|(e, g)| e != g);
                println!("{name}: {first:?}");
            }
        }
        let expected = pairs(&expected_arguments(&std::fs::read_to_string(&path).unwrap()));
        match parsed.and_then(|d| arguments_for(&d, &one.0)) {
            Ok(got) => {
                let got = pairs(&got);
                if got == expected {
                    good_args += 1;
                } else {
                    let first = expected.iter().zip(&got).find(|(e, g)| e != g);
                    let text = match first {
                        Some((e, g)) => format!("expected {e}\n         got {g}"),
                        None => "different length".to_owned(),
                    };
                    reasons.entry("different".into()).or_default().push(format!("{name}: {text}"));
                    if show == name {
                        println!("--- expected\n{}\n--- got\n{}", expected.join("\n"), got.join("\n"));
                    }
                }
            }
            Err(error) => {
                reasons.entry(error.message().to_owned()).or_default().push(name.to_owned());
            }
        }
    }
    if show == "all" {
        for (reason, names) in &reasons {
            println!("== {} x {reason}", names.len());
            for name in names {
                println!("     {name}");
            }
        }
    }
    println!("command lines: {good_args} of {all_args}; definitions: {good_xml} of {all_xml}");
    assert!(good_args >= FLOOR_ARGUMENTS, "only {good_args} of {all_args} command lines match");
    assert!(good_xml >= FLOOR_DEFINITIONS, "only {good_xml} of {all_xml} definitions match");
}

/// How many match today; to be raised whenever more do.
const FLOOR_ARGUMENTS: usize = 243;
const FLOOR_DEFINITIONS: usize = 373;
