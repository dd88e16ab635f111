//! Where the things under test are: the daemon, the plugins, the test guest.
//!
//! Everything is looked up in the target folder of the running binary. What
//! cargo makes is first brought up to date, once per process, unless the
//! caller did so already and says it with `OXIVIRT_BUILT=1`; a stale shared
//! object is therefore never tested.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use crate::process;

/// Set to `1` by tools that have built the daemon and the plugins already.
pub const BUILT: &str = "OXIVIRT_BUILT";

/// The daemon that is tested.
///
/// Errors: it does not build, or is not where cargo should have put it.
pub fn daemon() -> Result<PathBuf, String> {
    built()?;
    existing(profile_folder()?.join("oxivirtd"))
}

/// A folder with the built plugins and nothing else, for `--plugin-dir`.
///
/// Cargo puts the drivers that only tests load beside the real ones, hence a
/// folder of links to those that are meant.
///
/// Errors: a plugin does not build, or cannot be linked.
pub fn plugin_folder() -> Result<PathBuf, String> {
    built()?;
    let folder = profile_folder()?.join("plugins");
    let failed = |e: std::io::Error| format!("{}: {e}", folder.display());
    std::fs::create_dir_all(&folder).map_err(failed)?;
    for entry in std::fs::read_dir(&folder).map_err(failed)?.flatten() {
        if !entry.path().exists() {
            let _ = std::fs::remove_file(entry.path());
        }
    }
    for name in plugin_names() {
        let file = file_of(&name);
        let link = folder.join(&file);
        match std::os::unix::fs::symlink(Path::new("..").join(&file), &link) {
            Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => return Err(failed(e)),
            _ => {}
        }
    }
    Ok(folder)
}

/// The shared object of one plugin.
///
/// * `name` – the folder below `plugins/`, such as `qemu`.
/// * Errors: it does not build, or its crate makes no shared object.
pub fn plugin(name: &str) -> Result<PathBuf, String> {
    built()?;
    existing(profile_folder()?.join(file_of(name)))
}

/// The program that clients run through ssh.
///
/// * Errors: it does not build, or is not where cargo should have put it.
pub fn ssh_helper() -> Result<PathBuf, String> {
    built()?;
    existing(profile_folder()?.join("virt-ssh-helper"))
}

/// The file that cargo makes of the driver in `plugins/NAME`.
pub fn file_of(name: &str) -> String {
    format!("liboxivirt_driver_{}.so", name.replace('-', "_"))
}

/// The kernel and the initial RAM disk of the small test guest.
///
/// Errors: `cargo xtask guest` has not made them yet.
pub fn guest() -> Result<Guest, String> {
    let folder = target_folder()?.join("guest");
    let guest = Guest { kernel: folder.join("vmlinuz"), initrd: folder.join("initrd") };
    match guest.kernel.is_file() && guest.initrd.is_file() {
        true => Ok(guest),
        false => Err("there is no test guest: run `cargo xtask guest`".into()),
    }
}

/// What boots the test guest.
#[derive(Debug, Clone)]
pub struct Guest {
    /// A Linux kernel.
    pub kernel: PathBuf,
    /// Its initial RAM disk, in which the whole guest lives.
    pub initrd: PathBuf,
}

/// What the guest prints on its first serial port once it is ready.
pub const GUEST_BANNER: &str = "oxivirt guest is up";

/// The root of the workspace.
pub fn workspace() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// The names of the driver crates, which are the folders below `plugins/`, sorted.
pub fn plugin_names() -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(workspace().join("plugins"))
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.path().join("Cargo.toml").is_file())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

/// The arguments that make cargo build the daemon and every plugin, and nothing else.
pub fn build_arguments() -> Vec<String> {
    let mut arguments = vec!["build".to_owned(), "-p".to_owned(), "oxivirt-daemon".to_owned()];
    for name in plugin_names() {
        arguments.extend(["-p".to_owned(), format!("oxivirt-driver-{name}")]);
    }
    arguments
}

/// The target folder of the running binary.
///
/// Errors: the binary does not lie in one.
pub fn target_folder() -> Result<PathBuf, String> {
    let profile = profile_folder()?;
    profile.parent().map(Path::to_owned).ok_or_else(|| format!("{} has no parent", profile.display()))
}

/// The profile's folder, such as `target/debug`.
fn profile_folder() -> Result<PathBuf, String> {
    let binary = std::env::current_exe().map_err(|e| format!("cannot tell where this binary is: {e}"))?;
    binary
        .ancestors()
        .find(|folder| folder.join("deps").is_dir() && folder.join(".fingerprint").is_dir())
        .map(Path::to_owned)
        .ok_or_else(|| format!("{} does not lie in a target folder of cargo", binary.display()))
}

fn built() -> Result<(), String> {
    static DONE: OnceLock<Result<(), String>> = OnceLock::new();
    DONE.get_or_init(|| {
        if std::env::var_os(BUILT).is_some_and(|value| value == "1") {
            return Ok(());
        }
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(build_arguments()).arg("--quiet").current_dir(workspace());
        if profile_folder()?.ends_with("release") {
            command.arg("--release");
        }
        process::succeed(&mut command, "building the daemon and the plugins", Duration::from_secs(1800)).map(drop)
    })
    .clone()
}

fn existing(file: PathBuf) -> Result<PathBuf, String> {
    match file.is_file() {
        true => Ok(file),
        false => Err(format!("{} is missing after a build", file.display())),
    }
}
