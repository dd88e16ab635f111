//! The kernel modules of the test guest, with what they depend on.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use oxivirt_tests::process;

/// What a virtual machine shows its guest, and the power button. A name the
/// kernel does not have as a module is built into it.
const WANTED: &[&str] = &[
    "button",
    "evdev",
    "virtio_pci",
    "virtio_blk",
    "virtio_net",
    "virtio_console",
    "virtio_balloon",
    "virtio_scsi",
    "virtio_rng",
    "sd_mod",
    "sr_mod",
    "ata_piix",
    "ahci",
];

/// Copies the modules found below `source` into `target`, and writes the file
/// `order` there: one module per line, each behind those it needs.
pub(super) fn install(source: &Path, target: &Path) -> Result<(), String> {
    let mut files = HashMap::new();
    collect(source, &mut files);
    let mut order = Vec::new();
    for name in WANTED {
        add(name, &files, target, &mut order, 0)?;
    }
    let list = target.join("order");
    fs::write(&list, order.join("\n") + "\n").map_err(|e| format!("{}: {e}", list.display()))
}

/// Every module below a folder, by its name with underscores.
fn collect(folder: &Path, files: &mut HashMap<String, PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect(&path, files);
        } else if let Some((stem, _)) = entry.file_name().to_string_lossy().split_once(".ko") {
            files.insert(stem.replace('-', "_"), path);
        }
    }
}

fn add(
    name: &str,
    files: &HashMap<String, PathBuf>,
    target: &Path,
    order: &mut Vec<String>,
    depth: usize,
) -> Result<(), String> {
    let file = format!("{name}.ko");
    let Some(source) = files.get(name) else {
        return Ok(());
    };
    if order.contains(&file) {
        return Ok(());
    }
    if depth > 16 {
        return Err(format!("the kernel modules around {name} depend on each other"));
    }
    let place = target.join(&file);
    unpack(source, &place)?;
    let content = fs::read(&place).map_err(|e| format!("{}: {e}", place.display()))?;
    for needed in depends(&content) {
        add(&needed, files, target, order, depth + 1)?;
    }
    order.push(file);
    Ok(())
}

/// Copies a module, uncompressing it where the package ships it compressed.
fn unpack(source: &Path, place: &Path) -> Result<(), String> {
    let failed = |e: std::io::Error| format!("{}: {e}", source.display());
    if source.extension().is_some_and(|extension| extension == "xz") {
        let mut command = Command::new("sh");
        command.args(["-c", "xz -dc \"$1\" >\"$2\"", "unpack"]).arg(source).arg(place);
        return process::succeed(&mut command, &format!("unpacking {}", source.display()), Duration::from_secs(60))
            .map(drop);
    }
    fs::copy(source, place).map(drop).map_err(failed)
}

/// The names after `depends=` in a module's information section.
fn depends(module: &[u8]) -> Vec<String> {
    const KEY: &[u8] = b"\0depends=";
    let Some(start) = module.windows(KEY.len()).position(|window| window == KEY) else {
        return Vec::new();
    };
    let value = module[start + KEY.len()..].split(|byte| *byte == 0).next().unwrap_or_default();
    let text = String::from_utf8_lossy(value);
    text.split(',').filter(|name| !name.is_empty()).map(|name| name.replace('-', "_")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_are_read_from_the_information_section() {
        assert_eq!(depends(b"x\0depends=virtio,virtio-ring\0retpoline=Y\0"), ["virtio", "virtio_ring"]);
        assert!(depends(b"x\0depends=\0name=virtio\0").is_empty());
        assert!(depends(b"no section").is_empty());
    }
}
