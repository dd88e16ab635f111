//! Programs of the host that speak vhost-user, as their descriptors name them.
//!
//! A descriptor is a small file in JSON; the folders and the form are QEMU's
//! (`docs/interop/vhost-user.json`). What a program can do it says itself.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use oxivirt_conf::domain::devices::Video;
use oxivirt_conf::xml::YesNo;
use oxivirt_core::{Error, Result};
use oxivirt_util::process::{self, RunOptions};
use serde::Deserialize;

/// One program.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Descriptor {
    /// For people.
    #[serde(default)]
    pub description: String,
    /// What it serves: `gpu`, `fs`, `block`, `net`, `input`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// The program.
    pub binary: PathBuf,
}

/// What a program says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Abilities {
    /// What it serves.
    #[serde(rename = "type")]
    pub kind: String,
    /// Such as `virgl`, `render-node`, `migrate-precopy`.
    #[serde(default)]
    pub features: Vec<String>,
}

/// Asks a program what it can do.
pub type Ask<'a> = dyn FnMut(&Path) -> Result<Abilities> + 'a;

/// The folders with descriptors, the more important later.
///
/// * `home` – the user's folder of settings, `~/.config`; none for the system.
pub fn folders(root: &Path, home: Option<&Path>) -> Vec<PathBuf> {
    let mut folders = vec![root.join("usr/share/qemu/vhost-user"), root.join("etc/qemu/vhost-user")];
    folders.extend(home.map(|home| home.join("qemu/vhost-user")));
    folders
}

/// Reads all descriptors with their files, the preferred first: in the order of the names of the files.
///
/// A file takes the place of those of the same name in earlier folders; an
/// empty one only hides them. What cannot be understood is told in the log.
pub fn load(folders: &[PathBuf]) -> Vec<(PathBuf, Descriptor)> {
    let mut found = Vec::new();
    for path in crate::firmware::files(folders) {
        let read = oxivirt_util::file::read_limited(&path, LONGEST)
            .map_err(|e| e.to_string())
            .and_then(|text| serde_json::from_slice(&text).map_err(|e| e.to_string()));
        match read {
            Ok(descriptor) => found.push((path, descriptor)),
            Err(error) => tracing::warn!(file = %path.display(), error, "vhost-user descriptor left out"),
        }
    }
    found
}

/// Asks a program of the host what it can do.
///
/// Errors: `SYSTEM_ERROR` it does not run; `INTERNAL_ERROR` it does not say.
pub fn ask(binary: &Path) -> Result<Abilities> {
    let name = binary.display();
    let mut command = Command::new(binary);
    command.arg("--print-capabilities").current_dir("/");
    let options = RunOptions { limit: ANSWER, ..RunOptions::default() };
    let finished =
        process::run(&mut command, &options).map_err(|e| Error::system(format_args!("cannot run '{name}'"), &e))?;
    if !finished.status.success() {
        return Err(Error::internal(format!("'{name}' does not tell what it can do: {}", finished.complaint())));
    }
    serde_json::from_slice(&finished.stdout)
        .map_err(|e| Error::internal(format!("'{name}' does not tell what it can do: {e}")))
}

/// What a video card needs of the program behind it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GpuWants {
    /// Drawing in three dimensions.
    pub virgl: bool,
    /// A card of the host that is said.
    pub render_node: bool,
}

impl GpuWants {
    /// Of a card.
    pub fn of(video: &Video) -> Self {
        let acceleration = video.model.acceleration.as_ref();
        Self {
            virgl: acceleration.is_some_and(|a| a.accel3d == Some(YesNo::Yes)),
            render_node: acceleration.is_some_and(|a| a.rendernode.is_some()),
        }
    }
}

/// The preferred program that draws.
///
/// Errors: `OPERATION_FAILED` when there is none that can do what is wanted.
pub fn choose_gpu(all: &[(PathBuf, Descriptor)], wants: GpuWants, ask: &mut Ask<'_>) -> Result<PathBuf> {
    choose(all, "gpu", ask, |can| {
        let has = |feature: &str| can.features.iter().any(|name| name == feature);
        (!wants.virgl || has("virgl")) && (!wants.render_node || has("render-node"))
    })
    .ok_or_else(|| Error::operation_failed("Unable to find a satisfying vhost-user-gpu"))
}

/// The preferred program that serves folders.
///
/// Errors: `OPERATION_FAILED` when there is none.
pub fn choose_file_system(all: &[(PathBuf, Descriptor)], ask: &mut Ask<'_>) -> Result<PathBuf> {
    choose(all, "fs", ask, |_| true).ok_or_else(|| Error::operation_failed("Unable to find a satisfying virtiofsd"))
}

fn choose(
    all: &[(PathBuf, Descriptor)],
    kind: &str,
    ask: &mut Ask<'_>,
    fits: impl Fn(&Abilities) -> bool,
) -> Option<PathBuf> {
    let binaries = all.iter().filter(|(_, descriptor)| descriptor.kind == kind).map(|(_, d)| &d.binary);
    for binary in binaries {
        match ask(binary) {
            Ok(can) if can.kind == kind && fits(&can) => return Some(binary.clone()),
            Ok(can) => tracing::debug!(binary = %binary.display(), ?can, "vhost-user program does not suit"),
            Err(error) => tracing::warn!(binary = %binary.display(), %error, "vhost-user program left out"),
        }
    }
    None
}

/// Far more than any descriptor has.
const LONGEST: usize = 1 << 20;

/// How long a program may think about what it can do.
const ANSWER: Duration = Duration::from_secs(10);
