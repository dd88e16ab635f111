//! `guest`: makes the small Linux guest that the demo and the tests boot.
//!
//! The kernel is the distribution's own cloud kernel, downloaded as a package
//! and unpacked, never installed. The whole rest lives in the initial RAM
//! disk: busybox, the kernel modules a virtual machine needs, and `init.sh`.
//! The result is kept in `target/guest` for as long as its recipe is the same.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use oxivirt_tests::assets;
use oxivirt_tests::process::{self, find_program};

use crate::{Outcome, packages};

mod modules;

pub(crate) fn command() -> Outcome {
    packages::install(packages::Purpose::Demo)?;
    let guest = make()?;
    println!("kernel {}", guest.kernel.display());
    println!("initrd {}", guest.initrd.display());
    Ok(())
}

/// Makes the guest unless it is there already.
///
/// Errors: the kernel package cannot be found or downloaded, or packing failed.
pub(crate) fn make() -> Result<assets::Guest, String> {
    let folder = assets::target_folder()?.join("guest");
    let stamp = folder.join("recipe");
    if fs::read_to_string(&stamp).is_ok_and(|old| old == RECIPE)
        && let Ok(guest) = assets::guest()
    {
        return Ok(guest);
    }
    if cfg!(not(target_arch = "x86_64")) {
        return Err("the test guest can only be made on x86_64".into());
    }
    println!("making the test guest in {}", folder.display());
    fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let work = tempfile::tempdir_in(&folder).map_err(|e| format!("a work folder in {}: {e}", folder.display()))?;
    let tree = unpack_kernel(work.path())?;
    let kernel = only_file(&tree.join("boot"), "vmlinuz-")?;
    let initrd = pack(work.path(), &tree)?;
    for (made, name) in [(kernel, "vmlinuz"), (initrd, "initrd")] {
        let place = folder.join(name);
        fs::rename(&made, &place).map_err(|e| format!("{}: {e}", place.display()))?;
    }
    fs::write(&stamp, RECIPE).map_err(|e| format!("{}: {e}", stamp.display()))?;
    assets::guest()
}

/// Kernel package that depends on the newest real one.
const META_PACKAGE: &str = "linux-image-cloud-amd64";

const INIT: &str = include_str!("init.sh");

/// What a guest was made from; another text means it must be made again.
const RECIPE: &str = concat!("1\n", include_str!("init.sh"), include_str!("modules.rs"));

/// Downloads the kernel package into `work` and unpacks it there.
fn unpack_kernel(work: &Path) -> Result<PathBuf, String> {
    let package = match real_package()? {
        Some(package) => package,
        None => {
            packages::refresh()?;
            real_package()?.ok_or_else(|| format!("no package source of this system has {META_PACKAGE}"))?
        }
    };
    println!("downloading {package}");
    let download = |_| {
        let mut command = Command::new("apt-get");
        command.args(["-q", "-o", "Acquire::Retries=3", "-o", "Acquire::http::Timeout=30", "download", &package]);
        command.current_dir(work);
        process::succeed(&mut command, &format!("downloading {package}"), Duration::from_secs(600)).map(drop)
    };
    // Old package lists may name a version that the mirror has already dropped.
    download(()).or_else(|_| packages::refresh().and_then(download))?;
    let archive = only_file(work, "linux-image-")?;
    let tree = work.join("kernel");
    let mut command = Command::new("dpkg");
    command.arg("-x").arg(&archive).arg(&tree);
    process::succeed(&mut command, "unpacking the kernel package", Duration::from_secs(120))?;
    Ok(tree)
}

/// The versioned package behind the meta package; `None` when the lists do not have it.
fn real_package() -> Result<Option<String>, String> {
    let mut command = Command::new("apt-cache");
    command.args(["show", "--no-all-versions", META_PACKAGE]);
    let answer = process::run(&mut command, "asking apt for the kernel package", Duration::from_secs(60))?;
    Ok(answer
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("Depends: "))
        .and_then(|list| list.split([',', ' ']).find(|word| word.starts_with("linux-image-")))
        .map(str::to_owned))
}

/// Packs the initial RAM disk from busybox, modules and init.
fn pack(work: &Path, tree: &Path) -> Result<PathBuf, String> {
    let root = work.join("root");
    let fail = |e: std::io::Error| format!("laying out the guest: {e}");
    for folder in ["bin", "modules", "dev", "proc", "sys"] {
        fs::create_dir_all(root.join(folder)).map_err(fail)?;
    }
    let busybox = find_program("busybox").ok_or("busybox is not installed")?;
    fs::copy(busybox, root.join("bin/busybox")).map_err(fail)?;
    symlink("busybox", root.join("bin/sh")).map_err(fail)?;
    let init = root.join("init");
    fs::write(&init, INIT).map_err(fail)?;
    fs::set_permissions(&init, fs::Permissions::from_mode(0o755)).map_err(fail)?;
    modules::install(&tree.join("lib/modules"), &root.join("modules"))?;
    let image = work.join("initrd");
    let mut command = Command::new("sh");
    command
        .args(["-c", "find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0 | gzip -9 -n >\"$1\"", "pack"])
        .arg(&image)
        .current_dir(&root);
    process::succeed(&mut command, "packing the guest", Duration::from_secs(120))?;
    Ok(image)
}

/// The one file in a folder whose name begins so.
fn only_file(folder: &Path, prefix: &str) -> Result<PathBuf, String> {
    fs::read_dir(folder)
        .map_err(|e| format!("{}: {e}", folder.display()))?
        .flatten()
        .find(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path())
        .ok_or_else(|| format!("no {prefix}* in {}", folder.display()))
}
