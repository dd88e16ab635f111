//! CPU models: what recorded CPUs are called, what several have in common, what a guest gets on a host.

use std::collections::BTreeMap;
use std::path::Path;

use oxivirt_conf::cpu::{
    BaselineOptions, CpuComparison, CpuDescription, HostCpu, HostFeatures, NearestModel, OfferedModel, Signature,
    X86Cpu, X86Data, X86Map, baseline, compare, restrict, update, update_live,
};
use oxivirt_conf::domain::{Cpu, CpuFallback, CpuFeature, CpuMatch};
use oxivirt_conf::xml::{WriteMode, Writer};
use oxivirt_tests::assets;
use serde_json::Value;

use super::super::Case;
use super::super::files::{case, named, same, text};

type Judged = Result<(), String>;

/// Everything in the folder that has an answer; a baseline without one must be refused.
pub(super) fn models(folder: &Path) -> Result<Vec<Case>, String> {
    let all: BTreeMap<String, String> = named(folder, ".xml")?.into_iter().collect();
    let corpus = Corpus { folder, all: &all, lists: model_lists()? };
    let mut cases: Vec<Case> =
        named(folder, ".sig")?.iter().map(|(name, answer)| case(name, || corpus.signature(name, answer))).collect();
    for (name, answer) in &all {
        let judged: Option<Judged> = corpus.judge(name, answer);
        cases.extend(judged.map(|judged| case(name, || judged)));
    }
    Ok(cases)
}

struct Corpus<'a> {
    folder: &'a Path,
    all: &'a BTreeMap<String, String>,
    /// Lists of models by the name that cases have for them.
    lists: BTreeMap<String, Vec<String>>,
}

impl Corpus<'_> {
    /// What becomes of a file by its name; `None` for one that is no answer.
    fn judge(&self, name: &str, answer: &str) -> Option<Judged> {
        let (arch, rest) = name.split_once('-')?;
        if let Some(rest) = rest.strip_prefix("cpuid-") {
            let machine = |ending: &str| rest.strip_suffix(ending);
            if let Some(parts) = rest.strip_prefix("baseline-") {
                return Some(self.common(arch, parts, answer));
            }
            return [
                machine("-host").map(|machine| self.host(arch, machine, answer)),
                machine("-guest").map(|machine| self.guest(arch, machine, answer)),
                machine("-json").map(|machine| self.told(arch, machine, answer)),
                machine("-enabled").map(|machine| self.live(arch, machine)),
            ]
            .into_iter()
            .flatten()
            .next();
        }
        if let Some(rest) = rest.strip_prefix("baseline-") {
            let options = BaselineOptions::default();
            let of = |input: &str, options| same_or_why(answer, self.baseline(arch, input, &options));
            return match rest.rsplit_once('-') {
                Some((input, "result")) => Some(of(input, options)),
                Some((input, "expanded")) => Some(of(input, BaselineOptions { expand_features: true, ..options })),
                Some((input, "migratable")) => Some(of(input, BaselineOptions { migratable: true, ..options })),
                _ if self.all.contains_key(&format!("{name}-result")) => None,
                _ => Some(match self.baseline(arch, rest, &options) {
                    Ok(cpu) => Err(format!("must be refused, but gave {cpu}")),
                    Err(_) => Ok(()),
                }),
            };
        }
        let (host, guest) = rest.split_once('+')?;
        Some(match guest.strip_suffix("-result") {
            Some(guest) => same_or_why(answer, self.on_host(arch, host, guest)),
            None => same_or_why(answer, self.updated(arch, host, guest)),
        })
    }

    fn document(&self, name: &str) -> Result<&str, String> {
        self.all.get(name).map(String::as_str).ok_or_else(|| format!("the corpus has no input {name}.xml"))
    }

    fn data(&self, name: &str) -> Result<X86Data, String> {
        X86Data::parse(self.document(name)?).map_err(|error| error.to_string())
    }

    fn signature(&self, name: &str, answer: &str) -> Judged {
        let (family, model, stepping) = self.data(name)?.signature();
        let (low, high) = (family.min(15), family.saturating_sub(15));
        let word = high << 20 | (model >> 4) << 16 | low << 8 | (model & 15) << 4 | stepping;
        let lines = [("family:  ", family), ("model:   ", model), ("stepping:", stepping)];
        let lines: String = lines.iter().map(|(name, n)| format!("{name} {n:>4} (0x{n:02x})\n")).collect();
        // Some files have spaces at the ends of lines.
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let found = format!("{word:06x}\n{lines}");
        if words(answer) == words(&found) { Ok(()) } else { same(answer, &found) }
    }

    fn host(&self, arch: &str, machine: &str, answer: &str) -> Judged {
        let cpu = self.data(&format!("{arch}-cpuid-{machine}"))?.cpu();
        let near = X86Map::get().host(&cpu).ok_or("no model")?;
        let host = HostCpu {
            arch: Some(arch.to_owned()),
            model: Some(near.model.to_owned()),
            vendor: near.vendor.map(str::to_owned),
            signature: Some(Signature { family: cpu.family, model: cpu.model, stepping: cpu.stepping }),
            features: near.features,
            ..HostCpu::default()
        };
        same(answer, &host.to_xml())
    }

    fn guest(&self, arch: &str, machine: &str, answer: &str) -> Judged {
        let cpu = self.data(&format!("{arch}-cpuid-{machine}"))?.cpu();
        let offered = self.replies(arch, machine)?.and_then(|replies| replies.offered);
        same(answer, &described(&cpu, offered.as_deref())?)
    }

    fn told(&self, arch: &str, machine: &str, answer: &str) -> Judged {
        let replies = self.replies(arch, machine)?.ok_or("the corpus has no reply of QEMU for it")?;
        same(answer, &described(&replies.cpu.ok_or("the reply has no model")?, replies.offered.as_deref())?)
    }

    /// The guest as it runs has what QEMU told beforehand.
    fn live(&self, arch: &str, machine: &str) -> Judged {
        let of = |ending: &str| format!("{arch}-cpuid-{machine}-{ending}");
        let read = |ending: &str| -> Result<Cpu, String> {
            Ok(CpuDescription::parse(self.document(&of(ending))?).map_err(|e| e.to_string())?.cpu)
        };
        let (mut guest, told) = (read("guest")?, read("json")?);
        let (enabled, disabled) = (self.data(&of("enabled"))?, self.data(&of("disabled"))?);
        update_live(&mut guest, &enabled, &disabled).map_err(|error| error.to_string())?;
        let whole = |cpu: Cpu| -> Result<Vec<String>, String> {
            let mut cpu = cpu;
            oxivirt_conf::cpu::expand_features(arch, &mut cpu).map_err(|error| error.to_string())?;
            let on = |feature: &CpuFeature| feature.policy != oxivirt_conf::domain::CpuFeaturePolicy::Disable;
            Ok(cpu.features.into_iter().filter(on).map(|feature| feature.name).collect())
        };
        let (guest, told) = (whole(guest)?, whole(told)?);
        let lacks = |a: &[String], b: &[String]| a.iter().filter(|name| !b.contains(name)).cloned().collect::<Vec<_>>();
        let (less, more) = (lacks(&told, &guest), lacks(&guest, &told));
        if less.is_empty() && more.is_empty() { Ok(()) } else { Err(format!("lacks {less:?}, has {more:?} too much")) }
    }

    fn replies(&self, arch: &str, machine: &str) -> Result<Option<Replies>, String> {
        let path = self.folder.join(format!("{arch}-cpuid-{machine}.json"));
        if path.is_file() { Replies::read(&text(&path)?).map(Some) } else { Ok(None) }
    }

    fn baseline(&self, arch: &str, input: &str, options: &BaselineOptions) -> Result<String, String> {
        let text = self.document(&format!("{arch}-baseline-{input}"))?;
        let cpus = CpuDescription::parse_all(text).map_err(|error| error.to_string())?;
        baseline(arch, &cpus, options).map(|cpu| printed(&cpu)).map_err(|error| error.to_string())
    }

    /// What two machines have in common, named by their models.
    fn common(&self, arch: &str, parts: &str, answer: &str) -> Judged {
        let (left, right) = parts.split_once('+').ok_or("not two models")?;
        let of = |part: &str, other: &str| -> Vec<CpuDescription> {
            let machines = self.all.iter().filter(|(name, _)| name.ends_with("-json"));
            let cpus = machines.filter_map(|(_, text)| CpuDescription::parse(text).ok());
            cpus.filter(|cpu| cpu.cpu.model.as_deref().is_some_and(|model| is_called(model, part, other))).collect()
        };
        let (lefts, rights) = (of(left, right), of(right, left));
        let mut last = Err(format!("the corpus has no machine for one of {left} and {right}"));
        for left in &lefts {
            for right in &rights {
                let cpus = [left.clone(), right.clone()];
                let found = baseline(arch, &cpus, &BaselineOptions::default());
                last = same_or_why(answer, found.map(|cpu| printed(&cpu)).map_err(|error| error.to_string()));
                if last.is_ok() {
                    return last;
                }
            }
        }
        last
    }

    fn pair(&self, arch: &str, host: &str, guest: &str) -> Result<(CpuDescription, CpuDescription), String> {
        let read = |name: &str| {
            CpuDescription::parse(self.document(&format!("{arch}-{name}"))?).map_err(|error| error.to_string())
        };
        Ok((read(host)?, read(guest)?))
    }

    fn updated(&self, arch: &str, host: &str, guest: &str) -> Result<String, String> {
        let (host, mut guest) = self.pair(arch, host, guest)?;
        update(&host, HostFeatures::Migratable, &mut guest.cpu).map_err(|error| error.to_string())?;
        Ok(printed(&guest.cpu))
    }

    /// The way of a guest that starts: compared, completed, in a model of the hypervisor.
    fn on_host(&self, arch: &str, host: &str, guest: &str) -> Result<String, String> {
        let (guest, list) = guest.split_once(',').map_or((guest, None), |(guest, list)| (guest, Some(list)));
        let (host, mut guest) = self.pair(arch, host, guest)?;
        if let CpuComparison::Incompatible(why) = compare(&host, &guest).map_err(|error| error.to_string())? {
            return Err(why);
        }
        update(&host, HostFeatures::Migratable, &mut guest.cpu).map_err(|error| error.to_string())?;
        if let Some(list) = list {
            let models = self.lists.get(list).ok_or_else(|| format!("no list of models is called {list}"))?;
            restrict(arch, &mut guest.cpu, models).map_err(|error| error.to_string())?;
        }
        Ok(printed(&guest.cpu))
    }
}

/// What QEMU told of a machine.
#[derive(Default)]
struct Replies {
    cpu: Option<X86Cpu>,
    offered: Option<Vec<OfferedModel>>,
}

impl Replies {
    fn read(text: &str) -> Result<Self, String> {
        let mut replies = Self::default();
        for value in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
            let value = value.map_err(|error| error.to_string())?;
            match value.get("return") {
                Some(Value::Array(models)) => replies.offered = Some(models.iter().filter_map(offered).collect()),
                Some(other) => replies.cpu = other.pointer("/model/props").map(cpu_of),
                None => {}
            }
        }
        Ok(replies)
    }
}

fn offered(model: &Value) -> Option<OfferedModel> {
    let blockers = model.get("unavailable-features").and_then(Value::as_array);
    let names = blockers.into_iter().flatten().filter_map(Value::as_str);
    Some(OfferedModel { name: model.get("name")?.as_str()?.to_owned(), blockers: names.map(str::to_owned).collect() })
}

fn cpu_of(props: &Value) -> X86Cpu {
    let number = |key: &str| props.get(key).and_then(Value::as_u64).and_then(|n| n.try_into().ok()).unwrap_or_default();
    let on = props.as_object().into_iter().flatten().filter(|(_, value)| **value == Value::Bool(true));
    X86Cpu {
        vendor: props.get("vendor").and_then(Value::as_str).unwrap_or_default().to_owned(),
        family: number("family"),
        model: number("model"),
        stepping: number("stepping"),
        features: on.map(|(name, _)| name.clone()).collect(),
    }
}

fn described(cpu: &X86Cpu, offered: Option<&[OfferedModel]>) -> Result<String, String> {
    let NearestModel { model, vendor, features } = X86Map::get().nearest(cpu, offered).ok_or("no model")?;
    Ok(printed(&Cpu {
        match_: Some(CpuMatch::Exact),
        fallback: Some(CpuFallback::Forbid),
        model: Some(model.to_owned()),
        vendor: vendor.map(str::to_owned),
        features: features.into_iter().map(CpuFeature::from).collect(),
        ..Cpu::default()
    }))
}

/// Whether a machine of `model` is what `part` means: all of its words, and beyond them only the kind of machine
/// or what the other part says.
fn is_called(model: &str, part: &str, other: &str) -> bool {
    let has = |text: &str, word: &str| text.split('-').any(|own| own == word);
    let called = |word: &str| model.split('-').any(|own| own == word || own.eq_ignore_ascii_case(word));
    part.split('-').all(called)
        && model.split('-').all(|word| has(part, word) || matches!(word, "Server" | "Client") || has(other, word))
}

fn printed(cpu: &Cpu) -> String {
    let mut w = Writer::new(WriteMode::default());
    w.element("cpu", cpu);
    w.finish()
}

fn same_or_why(answer: &str, found: Result<String, String>) -> Judged {
    found.and_then(|found| same(answer, &found))
}

/// `tests/conformance/cpu-models.txt`: `LIST: MODEL…`.
fn model_lists() -> Result<BTreeMap<String, Vec<String>>, String> {
    let text = text(&assets::workspace().join("tests/conformance/cpu-models.txt"))?;
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    Ok(lines.map(|(name, models)| (name.to_owned(), models.split_whitespace().map(str::to_owned).collect())).collect())
}
