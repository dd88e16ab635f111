//! Virtual CPUs of running guests, with the answers of a monitor that was recorded: `qemu-hotplug/cpus`.
//!
//! `CASE-monitor.json` has commands, each with its answer; `CASE-result-live.xml` is the definition of the running
//! guest after CPUs were switched, which are those that are on there and were not before.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use oxivirt_conf::domain::{CpuSet, DomainDefinition, FormatFlags, NoHooks, ParseFlags};
use oxivirt_driver_qemu::aliases;
use oxivirt_driver_qemu::guests::{read_vcpus, switch_vcpus};
use oxivirt_driver_qemu::monitor::{Event, Handler, Monitor};
use serde_json::{Value, json};

use super::Outcome;
use super::cases::Case;
use super::circumstances::Circumstances;
use super::emulators::Recordings;
use super::xml::{self, same};

pub(crate) fn judge(folder: &Path, case: &str, recordings: &mut Recordings) -> Outcome {
    let read = |ending: &str| fs::read_to_string(folder.join(format!("{case}-{ending}")));
    let recorded = read("monitor.json").map_err(|_| "the corpus here has no answers of a monitor")?;
    let expected = read("result-live.xml").map_err(|_| "the corpus here has no answer")?;
    let arch = case.split_once('-').map_or(case, |(arch, _)| arch);
    let input = Case {
        name: case.to_owned(),
        input: folder.join(format!("{case}-domain.xml")),
        arch: if arch == "x86" { "x86_64" } else { arch }.to_owned(),
        version: "latest".to_owned(),
        variant: None,
        abi_update: false,
    };
    let around = Circumstances::read()?.of(case)?;
    let text = |error: oxivirt_core::Error| error.to_string();
    let mut live = xml::read(&input, &recordings.of(&input)?, &around).map_err(text)?;
    let wanted = DomainDefinition::parse(&expected, ParseFlags::SKIP_VALIDATE, &NoHooks).map_err(text)?;
    live.id = wanted.id;
    aliases::assign(&mut live).map_err(text)?;
    let monitor = Monitor::open(case, replay(&recorded)?, Box::new(Deaf), LIMIT).map_err(text)?;
    read_vcpus(&monitor, &mut live).map_err(text)?;
    let on = |definition: &DomainDefinition| {
        let entries = definition.vcpus.iter().filter(|entry| entry.enabled.is_yes());
        entries.map(|entry| entry.id).collect::<Vec<_>>()
    };
    let before = on(&live);
    let more = CpuSet::new(on(&wanted).into_iter().filter(|id| !before.contains(id)));
    if more.is_empty() {
        return Err("no CPU is switched on".to_owned());
    }
    switch_vcpus(&monitor, &mut live, &more, true).map_err(text)?;
    same(&expected, &live.format(FormatFlags::SECURE).map_err(text)?)
}

/// A command with its answer.
type Exchange = (String, Value);

/// A monitor that gives the recorded answers. A question may be asked more often than it was when they were recorded:
/// it is answered as at that time until something changes.
fn replay(recorded: &str) -> Result<UnixStream, String> {
    let mut exchanges: Vec<Exchange> = Vec::new();
    let mut asked = String::new();
    for part in serde_json::Deserializer::from_str(recorded).into_iter::<Value>() {
        let part = part.map_err(|e| e.to_string())?;
        match part.get("execute").and_then(Value::as_str) {
            Some(command) => asked = command.to_owned(),
            None => exchanges.push((asked.clone(), part)),
        }
    }
    let (ours, theirs) = UnixStream::pair().map_err(|e| e.to_string())?;
    let serve = move || {
        // The other end hung up.
        let _ = serve(theirs, &exchanges);
    };
    std::thread::Builder::new().name("replay".into()).spawn(serve).map_err(|e| e.to_string())?;
    Ok(ours)
}

fn serve(mut out: UnixStream, exchanges: &[Exchange]) -> std::io::Result<()> {
    let lines = BufReader::new(out.try_clone()?).lines();
    writeln!(out, "{}", json!({"QMP": {"version": {}, "capabilities": []}}))?;
    let mut reached = 0;
    for line in lines {
        let command: Value = serde_json::from_str(&line?)?;
        let name = command.get("execute").and_then(Value::as_str).unwrap_or_default();
        let found = exchanges.iter().enumerate().skip(reached).find(|(_, (asked, _))| asked == name);
        let mut answer = found.map_or_else(|| json!({"return": {}}), |(_, (_, answer))| answer.clone());
        if let Some((at, _)) = found.filter(|_| !name.starts_with("query-")) {
            reached = at + 1;
        }
        if let (Some(answer), Some(id)) = (answer.as_object_mut(), command.get("id")) {
            answer.insert("id".to_owned(), id.clone());
        }
        writeln!(out, "{answer}")?;
    }
    Ok(())
}

struct Deaf;

impl Handler for Deaf {
    fn event(&self, _: Event) {}
    fn closed(&self, _: &str) {}
}

const LIMIT: Duration = Duration::from_secs(20);
