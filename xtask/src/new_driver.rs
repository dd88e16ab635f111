//! `new-driver`: writes a driver crate that builds, loads and passes the contract suite.
//!
//! The files come from `xtask/templates/driver`, whose layout every driver
//! shares. Inside the workspace a driver takes versions and lints from it; one
//! outside is a workspace of its own that names this checkout by path.

use std::fs;
use std::path::{Path, PathBuf};

use oxivirt_tests::assets;

use crate::Outcome;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The driver's name, which is also the scheme of its URIs: small letters, digits and dashes
    name: String,
    /// Where to write it, outside the workspace [default: plugins/NAME]
    #[arg(long)]
    path: Option<PathBuf>,
}

pub(crate) fn command(arguments: &Arguments) -> Outcome {
    let name = checked(&arguments.name)?;
    let folder = match &arguments.path {
        Some(path) => path.clone(),
        None => assets::workspace().join("plugins").join(name),
    };
    write(name, &folder, arguments.path.is_some())?;
    println!("wrote {}", folder.display());
    println!("next: cargo build in it, then `oxivirtd --plugins` shows what it can do;");
    println!("docs/DRIVER-AUTHORS.md tells the rest");
    Ok(())
}

/// The template's files besides the manifest.
const FILES: &[(&str, &str)] = &[
    ("README.md", include_str!("../templates/driver/README.md")),
    ("src/lib.rs", include_str!("../templates/driver/src/lib.rs")),
    ("src/driver.rs", include_str!("../templates/driver/src/driver.rs")),
    ("src/connect.rs", include_str!("../templates/driver/src/connect.rs")),
    ("src/listing.rs", include_str!("../templates/driver/src/listing.rs")),
    ("tests/contract.rs", include_str!("../templates/driver/tests/contract.rs")),
];

fn write(name: &str, folder: &Path, outside: bool) -> Outcome {
    if folder.exists() {
        return Err(format!("{} is there already", folder.display()));
    }
    let manifest = manifest(name, outside);
    let files = FILES.iter().map(|(file, text)| (*file, fill(text, name)));
    for (file, text) in files.chain([("Cargo.toml", manifest)]) {
        let file = folder.join(file);
        let failed = |e: std::io::Error| format!("{}: {e}", file.display());
        fs::create_dir_all(file.parent().unwrap_or(folder)).map_err(failed)?;
        fs::write(&file, text).map_err(failed)?;
    }
    Ok(())
}

fn checked(name: &str) -> Result<&str, String> {
    let good = name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-')
        && !name.ends_with('-');
    match good {
        true => Ok(name),
        false => Err(format!("'{name}': a driver's name is small letters, digits and dashes, a letter first")),
    }
}

fn fill(text: &str, name: &str) -> String {
    text.replace("@name@", name).replace("@Type@", &type_name(name)).replace("@crate@", &name.replace('-', "_"))
}

/// `cloud-box` becomes `CloudBox`.
fn type_name(name: &str) -> String {
    name.split('-')
        .map(|word| {
            let mut letters = word.chars();
            letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
        })
        .collect()
}

fn manifest(name: &str, outside: bool) -> String {
    let head = format!("[package]\nname = \"oxivirt-driver-{name}\"\ndescription = \"Oxivirt driver for {name}\"\n");
    let library = "\n[lib]\ncrate-type = [\"cdylib\", \"rlib\"]\n\n";
    let dependencies = |core: &str, tests: &str| {
        format!("[dependencies]\noxivirt-core{core}\n\n[dev-dependencies]\noxivirt-tests{tests}\n\n")
    };
    if outside {
        let path = |name: &str| format!(" = {{ path = \"{}\" }}", assets::workspace().join(name).display());
        let dependencies = dependencies(&path("core"), &path("tests"));
        return format!("{head}version = \"0.1.0\"\nedition = \"2024\"\n{library}{dependencies}[workspace]\n");
    }
    let shared: String = ["version", "edition", "rust-version", "license", "publish"]
        .map(|key| format!("{key}.workspace = true\n"))
        .concat();
    let dependencies = dependencies(".workspace = true", ".workspace = true");
    format!("{head}{shared}{library}{dependencies}[lints]\nworkspace = true\n")
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use oxivirt_tests::process;

    use super::*;

    #[test]
    fn names_become_types() {
        assert_eq!(type_name("cloud-box2"), "CloudBox2");
        assert!(checked("cloud-box").is_ok());
        for bad in ["", "Cloud", "9p", "a_b", "a-", "-a", "../a"] {
            assert!(checked(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_existing_folder_is_left_alone() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        assert!(write("x", folder.path(), true).is_err());
    }

    #[test]
    fn a_new_driver_builds_passes_its_own_tests_and_loads() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let place = folder.path().join("driver");
        write("cloud-box", &place, true).expect("the files are written");
        // The lock file and the build of the workspace serve here as well.
        fs::copy(assets::workspace().join("Cargo.lock"), place.join("Cargo.lock")).expect("the lock file");
        let target = assets::target_folder().expect("a target folder").join("new-driver");
        let cargo = |step: &[&str]| {
            let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
            command.args(step).arg("--quiet").current_dir(&place).env("CARGO_TARGET_DIR", &target);
            process::succeed(&mut command, "a new driver", Duration::from_secs(900)).expect("cargo succeeds");
        };
        cargo(&["test", "--lib", "--tests"]);
        cargo(&["build"]);
        let plugin = oxivirt_core::plugin::loader::load(&target.join("debug/liboxivirt_driver_cloud_box.so"));
        plugin.expect("the shared object loads");
    }
}
