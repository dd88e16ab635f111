//! Binaries as recorded sessions describe them: `qemu-caps/caps_VERSION_ARCH[+VARIANT].replies`.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use oxivirt_core::Result as CoreResult;
use oxivirt_driver_qemu::capabilities::{Ask, Emulator, binary_names, probe_with};
use oxivirt_driver_qemu::hooks::Emulators;
use oxivirt_driver_qemu::monitor::Failure;
use serde_json::Value;

use super::cases::Case;

/// A recorded session: the answer to each command.
struct Recording(HashMap<String, Value>);

impl Ask for Recording {
    fn ask(&mut self, command: &str, arguments: Value) -> CoreResult<Value, Failure> {
        let key = key(command, (!arguments.is_null()).then_some(&arguments));
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

fn key(command: &str, arguments: Option<&Value>) -> String {
    match arguments {
        Some(arguments) => format!("{command} {arguments}"),
        None => command.to_owned(),
    }
}

/// The only binary that a case knows.
pub(crate) struct One(pub(crate) Arc<Emulator>);

impl Emulators for One {
    fn binary_for(&self, arch: &str) -> Option<String> {
        let (name, _) = binary_names().find(|(_, other)| *other == arch)?;
        Some(format!("/usr/bin/{name}"))
    }

    fn get(&self, _: &str) -> Option<Arc<Emulator>> {
        Some(Arc::clone(&self.0))
    }
}

/// Recordings, read when first asked for.
pub(crate) struct Recordings {
    folder: PathBuf,
    known: HashMap<(PathBuf, bool), Arc<Emulator>>,
}

impl Recordings {
    /// Those below the corpus.
    pub(crate) fn new(corpus: &Path) -> Self {
        Self { folder: corpus.join("qemu-caps"), known: HashMap::new() }
    }

    /// What a case is read with.
    pub(crate) fn of(&mut self, case: &Case) -> Result<One, String> {
        let path = self.find(case)?;
        let key = (path.clone(), case.version == "latest");
        if let Some(known) = self.known.get(&key) {
            return Ok(One(Arc::clone(known)));
        }
        let mut emulator = read(&path, &case.arch)?;
        // The answers outlive a version where they name boards by their short names.
        if case.version == "latest" {
            short_names(&mut emulator);
        }
        let emulator = Arc::new(emulator);
        self.known.insert(key, Arc::clone(&emulator));
        Ok(One(emulator))
    }

    /// The recording of the version, else the nearest newer one, else the newest
    /// that there is; without one of its variant, the plain one.
    fn find(&self, case: &Case) -> Result<PathBuf, String> {
        let wanted: Vec<u32> = match case.version.as_str() {
            "latest" => vec![u32::MAX],
            version => numbers(version),
        };
        let variant = case.variant.as_deref().map_or(String::new(), |v| format!("+{v}"));
        for variant in [&variant, ""] {
            let mut versions = self.recorded(&format!("_{}{variant}.replies", case.arch))?;
            versions.sort();
            let newer = versions.iter().find(|(version, _)| *version >= wanted);
            if let Some((_, path)) = newer.or(versions.last()) {
                return Ok(path.clone());
            }
        }
        Err(format!("there is no recording of QEMU for {}", case.arch))
    }

    fn recorded(&self, ending: &str) -> Result<Vec<(Vec<u32>, PathBuf)>, String> {
        let failed = |e: std::io::Error| format!("{}: {e}", self.folder.display());
        let mut versions = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if let Some(version) = file.strip_prefix("caps_").and_then(|rest| rest.strip_suffix(ending)) {
                versions.push((numbers(version), path));
            }
        }
        Ok(versions)
    }
}

fn numbers(version: &str) -> Vec<u32> {
    version.split('.').filter_map(|part| part.parse().ok()).collect()
}

/// What a recorded session says.
pub(crate) fn read(path: &Path, arch: &str) -> Result<Emulator, String> {
    let failed = |problem: &dyn std::fmt::Display| format!("{}: {problem}", path.display());
    let text = fs::read_to_string(path).map_err(|e| failed(&e))?;
    let mut sessions: Vec<HashMap<String, Value>> = Vec::new();
    let mut asked = String::new();
    for part in serde_json::Deserializer::from_str(&text).into_iter::<Value>() {
        let part = part.map_err(|e| failed(&e))?;
        match part.get("execute").and_then(Value::as_str) {
            Some("qmp_capabilities") => {
                sessions.push(HashMap::new());
                asked = "qmp_capabilities".into();
            }
            Some(command) => asked = key(command, part.get("arguments")),
            None => {
                let session = sessions.last_mut().ok_or_else(|| failed(&"an answer before any session"))?;
                session.insert(asked.clone(), part);
            }
        }
    }
    let mut sessions = sessions.into_iter();
    let binary = binary_names().find(|(_, other)| *other == arch).map(|(name, _)| format!("/usr/bin/{name}"));
    let binary = binary.ok_or_else(|| failed(&"no such architecture"))?;
    probe_with(binary.as_ref(), |_| Ok(sessions.next().map(Recording))).map_err(|e| failed(&e))
}

/// Boards by their short names alone.
fn short_names(caps: &mut Emulator) {
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
}
