//! Firmware: an image that is read, or flash with the guest's variables.

use oxivirt_conf::domain::devices::{StorageFormat, StorageKind, StorageSource};
use oxivirt_conf::domain::{FirmwareFormat, Loader, LoaderType, Nvram};
use oxivirt_conf::xml::YesNo;
use oxivirt_core::{Error, Result};

use super::Builder;
use super::storage::{Backing, Layer, Names, image};

/// The nodes of the flash; what the board is told of them.
pub(super) fn nodes(b: &mut Builder<'_>) -> Result<Vec<(&'static str, String)>> {
    let os = &b.domain.os;
    let Some((loader, path)) = flash(os.loader.as_deref()) else {
        return match (&os.nvram, &os.firmware) {
            (Some(_), _) => Err(Error::config_unsupported("<nvram> needs firmware in pflash, which was not found")),
            (None, Some(kind)) if os.loader.as_ref().is_none_or(|l| l.path.is_none()) => {
                Err(Error::operation_failed(format!(
                    "Unable to find '{}' firmware that is compatible with the current configuration",
                    kind.as_str()
                )))
            }
            _ => Ok(Vec::new()),
        };
    };
    let code = StorageSource {
        kind: StorageKind::File { path: Some(path.to_owned()), fdgroup: None },
        ..StorageSource::default()
    };
    let read_only = loader.readonly == Some(YesNo::Yes);
    let mut layer = Layer::alone(Names::flash(0), &code, format_of(loader.format), read_only);
    layer.own_format = true;
    let mut options = vec![("pflash0", image(b, &layer, &Backing::Nothing)?)];
    if let Some(nvram) = b.domain.os.nvram.as_deref() {
        let source = variables(nvram)?;
        let layer = Layer::alone(Names::flash(1), &source, format_of(nvram.format.or(loader.format)), false);
        options.push(("pflash1", image(b, &layer, &Backing::Nothing)?));
    }
    Ok(options)
}

/// The loader that is flash, with its path.
fn flash(loader: Option<&Loader>) -> Option<(&Loader, &str)> {
    let loader = loader.filter(|l| l.kind == Some(LoaderType::Pflash))?;
    Some((loader, loader.path.as_deref()?))
}

/// Where the guest keeps its variables.
pub(crate) fn variables(nvram: &Nvram) -> Result<StorageSource> {
    match (&nvram.source, &nvram.path) {
        (Some(source), _) => Ok(source.clone()),
        (None, Some(path)) => Ok(StorageSource {
            kind: StorageKind::File { path: Some(path.clone()), fdgroup: None },
            ..StorageSource::default()
        }),
        (None, None) => Err(Error::internal("the firmware's variables have no place")),
    }
}

fn format_of(format: Option<FirmwareFormat>) -> StorageFormat {
    match format {
        Some(FirmwareFormat::Qcow2) => StorageFormat::Qcow2,
        Some(FirmwareFormat::Raw) | None => StorageFormat::Raw,
    }
}

/// `-bios`, or what makes flash safe from the guest.
pub(super) fn firmware(b: &mut Builder<'_>) -> Result<()> {
    let Some(loader) = &b.domain.os.loader else { return Ok(()) };
    match (loader.kind, &loader.path) {
        (Some(LoaderType::Rom), Some(path)) => b.pair("-bios", path.clone()),
        (Some(LoaderType::Pflash), _) if loader.secure == Some(YesNo::Yes) => {
            b.pair("-global", "driver=cfi.pflash01,property=secure,value=on".into());
        }
        _ => {}
    }
    Ok(())
}
