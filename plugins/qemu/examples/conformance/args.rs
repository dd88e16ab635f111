//! `qemu(args)`: the command lines of definitions.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use oxivirt_conf::cpu::{CpuDescription, HostCpu, HostCpuFeature};
use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::GraphicsKind;
use oxivirt_core::Result as CoreResult;
use oxivirt_driver_qemu::capabilities::Emulator;
use oxivirt_driver_qemu::command::{self, Request};
use oxivirt_driver_qemu::process::Folders;
use oxivirt_driver_qemu::{addresses, aliases, cpu_model, live};
use oxivirt_tests::assets;

use super::cases::{self, Case};
use super::circumstances::{Around, Circumstances};
use super::emulators::{One, Recordings};
use super::host::Fixed;
use super::neighbours::Described;
use super::{Outcome, judged, xml};

pub(crate) fn suite(corpus: &Path) -> Result<Vec<super::Case>, String> {
    let mut recordings = Recordings::new(corpus);
    let (hosts, circumstances) = (other_hosts()?, Circumstances::read()?);
    let mut outcomes = Vec::new();
    for (case, answers) in cases::find(&corpus.join("qemu"))? {
        let Some(answer) = answers.get("args") else { continue };
        let mut around = circumstances.of(&case.name)?;
        // Answers that were made with nbdkit show its sockets.
        around.settings.helpers.nbdkit = fs::read_to_string(answer).is_ok_and(|text| text.contains("/nbdkit-"));
        let (host, others) = (hosts.get(&case.name), Described(corpus));
        let outcome = judged(|| judge(&case, answer, &around.emulator(recordings.of(&case)?), host, &around, &others));
        outcomes.push((case.name, outcome));
    }
    Ok(outcomes)
}

fn judge(
    case: &Case,
    answer: &Path,
    emulators: &One,
    host: Option<&CpuDescription>,
    around: &Around,
    others: &Described<'_>,
) -> Outcome {
    let text = fs::read_to_string(answer).map_err(|e| e.to_string())?;
    let expected = pairs(&arguments(&text).ok_or("no binary in the answer")?);
    let domain = xml::read(case, emulators, around).map_err(|e| format!("refused: {e}"))?;
    let built = build(&domain, &emulators.0, host, around, others);
    let found = pairs(&built.map_err(|e| format!("no command line: {e}"))?);
    if let Some(folder) = std::env::var_os("CONFORMANCE_OUT") {
        let file = Path::new(&folder).join(format!("{}.args", case.name));
        fs::write(&file, found.join("\n")).map_err(|e| format!("{}: {e}", file.display()))?;
    }
    let (mut left, mut right) = (expected.iter(), found.iter());
    loop {
        match (left.next(), right.next()) {
            (None, None) => return Ok(()),
            (a, b) if a == b => {}
            (a, b) => {
                let show = |option: Option<&String>| option.map_or("nothing".to_owned(), |o| format!("`{o}`"));
                return Err(format!("expected {}, found {}", show(a), show(b)));
            }
        }
    }
}

fn build(
    domain: &DomainDefinition,
    emulator: &Emulator,
    host: Option<&CpuDescription>,
    around: &Around,
    others: &Described<'_>,
) -> CoreResult<Vec<String>> {
    let mut live = domain.clone();
    others.settle(&mut live)?;
    let files = Folders::system("/".as_ref()).guest(-1, &live.name);
    live.devices.channels.iter_mut().for_each(|channel| live::channel_socket(channel, &files));
    for graphics in &mut live.devices.graphics {
        live::listen(graphics, &files, &around.settings);
        match &mut graphics.kind {
            GraphicsKind::Vnc(vnc) if vnc.autoport => vnc.port = 5900,
            GraphicsKind::Spice(spice) if spice.autoport => spice.port = 5901,
            _ => {}
        }
    }
    addresses::assign_usb(&mut live)?;
    aliases::assign(&mut live)?;
    aliases::number_images(&mut live)?;
    match host {
        Some(host) => cpu_model::expand_on(&mut live, emulator, Some(host))?,
        None => cpu_model::expand(&mut live, emulator)?,
    }
    let request = Request {
        domain: &live,
        emulator,
        files: &files,
        monitor_fd: 1729,
        settings: &around.settings,
        incoming: around.incoming.as_deref(),
    };
    let nbdkit = around.settings.helpers.nbdkit;
    let mut fixed = Fixed { guest: files.short_name.clone(), nbdkit, images: around.images.clone() };
    command::build(&request, &mut fixed).map(|line| line.arguments)
}

/// The CPUs of hosts that differ from the recorded one, by case: `tests/conformance/host-cpu.txt` has lines
/// `CPU = MODEL VENDOR FEATURE…`, then `CASE: CPU`.
fn other_hosts() -> Result<HashMap<String, CpuDescription>, String> {
    let file = assets::workspace().join("tests/conformance/host-cpu.txt");
    let text = fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
    let mut cpus = HashMap::new();
    let mut cases = HashMap::new();
    for line in text.lines() {
        if let Some((name, parts)) = line.split_once(" = ") {
            let mut words = parts.split(' ').map(str::to_owned);
            let cpu = HostCpu {
                arch: Some("x86_64".to_owned()),
                model: words.next(),
                vendor: words.next(),
                features: words.map(HostCpuFeature::named).collect(),
                ..HostCpu::default()
            };
            cpus.insert(name, CpuDescription::of_host(&cpu));
        } else if let Some((case, cpu)) = line.split_once(": ").and_then(|(case, name)| Some((case, cpus.get(name)?))) {
            cases.insert(case.to_owned(), cpu.clone());
        }
    }
    Ok(cases)
}

/// The words after the binary.
fn arguments(text: &str) -> Option<Vec<String>> {
    let mut words = words(text).into_iter();
    words.by_ref().find(|word| word.contains("/qemu-system-"))?;
    Some(words.collect())
}

/// Each option with its value.
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

/// A shell's reading of quotes and continued lines.
pub(crate) fn words(text: &str) -> Vec<String> {
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
