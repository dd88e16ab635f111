//! The variables of a guest's firmware: made from a template, removed with the guest.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use oxivirt_conf::domain::devices::StorageKind;
use oxivirt_conf::domain::{FirmwareFormat, LoaderType, Nvram, Os};
use oxivirt_core::{Error, Result};

use crate::command::firmware_variables;

/// The local file of a guest's variables, if it has one.
pub(super) fn file(os: &Os) -> Option<PathBuf> {
    let source = firmware_variables(os.nvram.as_deref()?).ok()?;
    match source.kind {
        StorageKind::File { path: Some(path), .. } => Some(path.into()),
        _ => None,
    }
}

/// Makes the file where it is missing.
///
/// * `reset` – also where it is there.
/// * Errors: `OPERATION_FAILED` without a template; `SYSTEM_ERROR`.
pub(super) fn prepare(os: &Os, reset: bool) -> Result<()> {
    let flash = os.loader.as_ref().is_some_and(|l| l.kind == Some(LoaderType::Pflash));
    let (Some(nvram), Some(file), true) = (os.nvram.as_deref(), file(os), flash) else { return Ok(()) };
    if file.exists() && !reset {
        return Ok(());
    }
    let loader = os.loader.as_ref().and_then(|l| l.path.as_deref()).unwrap_or_default();
    let template = nvram
        .template
        .as_deref()
        .ok_or_else(|| Error::operation_failed(format!("unable to find any master var store for loader: {loader}")))?;
    make(nvram, Path::new(template), &file)
}

fn make(nvram: &Nvram, template: &Path, file: &Path) -> Result<()> {
    if let Some(folder) = file.parent() {
        oxivirt_util::file::make_folders(folder, 0o711)
            .map_err(|e| Error::system(format_args!("cannot create folder '{}'", folder.display()), &e))?;
    }
    let (from, to) =
        (nvram.template_format.unwrap_or(FirmwareFormat::Raw), nvram.format.unwrap_or(FirmwareFormat::Raw));
    if from != to {
        return convert(template, from, file, to);
    }
    let bytes = std::fs::read(template)
        .map_err(|e| Error::system(format_args!("Failed to open file '{}'", template.display()), &e))?;
    oxivirt_util::file::write_atomic(file, &bytes, 0o600)
        .map_err(|e| Error::system(format_args!("Failed to create file '{}'", file.display()), &e))
}

fn convert(template: &Path, from: FirmwareFormat, file: &Path, to: FirmwareFormat) -> Result<()> {
    let output = Command::new("qemu-img")
        .args(["convert", "-f", from.as_str(), "-O", to.as_str(), "--"])
        .args([template, file])
        .stdin(Stdio::null())
        .output()
        .map_err(|e| Error::system("cannot run 'qemu-img'", &e))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(Error::operation_failed(format!(
            "cannot make '{}' from '{}': {}",
            file.display(),
            template.display(),
            String::from_utf8_lossy(&output.stderr).trim()
        ))),
    }
}
