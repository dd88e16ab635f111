//! `stage`: builds for release and lays everything out as installed.
//!
//! Each plugin is built on its own and as a shared object only: beside an
//! `rlib` cargo leaves link-time optimisation out without a word, and a build
//! of the whole workspace would unify features into the plugins.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use oxivirt_tests::{assets, process};
use oxivirt_util::{file, log_keeper};

use crate::{Outcome, policy};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The folder to lay out; files of an earlier stage are replaced
    #[arg(long)]
    dest: PathBuf,
}

pub(crate) fn command(arguments: &Arguments) -> Outcome {
    lay_out(&arguments.dest, &assets::plugin_names())?;
    println!("staged in {}", arguments.dest.display());
    Ok(())
}

/// Builds the daemon and some of the drivers for release and fills `dest`.
pub(crate) fn lay_out(dest: &Path, drivers: &[String]) -> Outcome {
    let built = assets::target_folder()?.join("release");
    build(&["build", "--release", "-p", "oxivirt-daemon"], "the daemon")?;
    for program in ["oxivirtd", log_keeper::PROGRAM] {
        place(&built.join(program), &dest.join("bin").join(program))?;
    }
    for name in drivers {
        let package = format!("oxivirt-driver-{name}");
        let source = assets::workspace().join("plugins").join(name);
        // Before the shared object: these builds leave one of their own, with a Rust library beside it.
        for program in programs(&source) {
            build(&["build", "--release", "-p", &package, "--bin", &program], &program)?;
            place(&built.join(&program), &dest.join("bin").join(&program))?;
        }
        build(&["rustc", "--release", "-p", &package, "--lib", "--crate-type", "cdylib"], &package)?;
        let file = assets::file_of(name);
        place(&built.join(&file), &dest.join("lib/oxivirt/plugins").join(&file))?;
        distribute(&source.join("dist"), dest)?;
    }
    distribute(&assets::workspace().join("daemon/dist"), dest)?;
    for (name, text) in policy::files()? {
        let target = dest.join(policy::FOLDER).join(name);
        file::make_folders(&dest.join(policy::FOLDER), 0o755).map_err(|e| e.to_string())?;
        file::write_atomic(&target, text.as_bytes(), 0o644).map_err(|e| e.to_string())?;
        println!("  {}", target.display());
    }
    Ok(())
}

/// The programs of a driver's crate, sorted.
fn programs(crate_folder: &Path) -> Vec<String> {
    let files = fs::read_dir(crate_folder.join("src/bin")).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        files.filter_map(|entry| Some(entry.path().file_stem()?.to_str()?.to_owned())).collect();
    names.sort();
    names
}

/// cargo, in the workspace.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(assets::workspace());
    command
}

fn build(arguments: &[&str], what: &str) -> Outcome {
    println!("building {what}");
    process::show(cargo().args(arguments), &format!("building {what}"), Duration::from_secs(3600))
}

/// Copies what a crate wants shipped to where packages put it: units by their
/// ending, everything else as configuration.
fn distribute(dist: &Path, dest: &Path) -> Outcome {
    for entry in fs::read_dir(dist).into_iter().flatten().flatten() {
        let source = entry.path();
        let extension = source.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        let folder = match extension {
            "service" | "socket" | "target" => "lib/systemd/system",
            "conf" => "etc/libvirt",
            _ => continue,
        };
        place(&source, &dest.join(folder).join(entry.file_name()))?;
    }
    Ok(())
}

fn place(source: &Path, target: &Path) -> Outcome {
    let failed = |e: std::io::Error| format!("{} -> {}: {e}", source.display(), target.display());
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    // A shared object that is mapped somewhere must never be written in place.
    let fresh = target.with_extension("new");
    fs::copy(source, &fresh).map_err(failed)?;
    fs::rename(&fresh, target).map_err(failed)?;
    println!("  {}", target.display());
    Ok(())
}
