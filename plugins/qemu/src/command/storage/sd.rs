//! SD cards, which QEMU only takes in its older form of drives.

use oxivirt_conf::domain::devices::{Disk, DiskDevice, StorageFormat, StorageKind};
use oxivirt_core::Result;
use serde_json::Value;

use super::{Layer, Names, format_driver, is_empty, keys, storage, unsupported};
use crate::command::{Builder, escape};

/// Adds the card; the board has the slots.
pub(in crate::command) fn card(b: &mut Builder<'_>, disk: &Disk) -> Result<()> {
    let index = disk.index().ok_or_else(|| unsupported(disk, "a target without a number"))?;
    for (present, what) in [
        (disk.device != DiskDevice::Disk, "another device than 'disk' on the SD bus"),
        (disk.backing.is_some(), "<backingStore> on the SD bus"),
        (disk.encryption.is_some() || disk.source.encryption.is_some(), "encryption on the SD bus"),
        (disk.source.slice.is_some() || disk.source.data_store.is_some(), "parts of files on the SD bus"),
    ] {
        if present {
            return Err(unsupported(disk, what));
        }
    }
    let mut parts = Vec::new();
    if !is_empty(&disk.source) {
        // Nothing refers to the card's image by name.
        let names = Names { prefix: format!("drive-sd-disk{index}"), storage: format!("drive-sd-disk{index}") };
        let format = disk.driver.format.unwrap_or_default();
        let layer = Layer { cache: None, ..Layer::alone(names, &disk.source, format, disk.readonly) };
        match disk.source.actual() {
            StorageKind::File { path: Some(path), fdgroup: None } | StorageKind::Block { path: Some(path) } => {
                parts.push(format!("file={}", escape(path)));
            }
            _ => {
                let keys = keys(b, &layer, false)?;
                flatten("file", &storage(b, &layer, &keys.protocol, None)?.value(), &mut parts);
            }
        }
        parts.push(format!("format={}", if format == StorageFormat::Fat { "raw" } else { format_driver(format)? }));
    }
    parts.push(format!("if=sd,index={index}"));
    if disk.readonly {
        parts.push("readonly=on".to_owned());
    }
    b.pair("-drive", parts.join(","));
    Ok(())
}

/// Nested properties as words with dots; members of lists go by their number.
fn flatten(prefix: &str, value: &Value, parts: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                flatten(&format!("{prefix}.{key}"), value, parts);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                flatten(&format!("{prefix}.{index}"), value, parts);
            }
        }
        Value::String(text) => parts.push(format!("{prefix}={}", escape(text))),
        Value::Bool(on) => parts.push(format!("{prefix}={}", crate::command::on_off(*on))),
        Value::Number(number) => parts.push(format!("{prefix}={number}")),
        Value::Null => {}
    }
}
