//! Sizes, thresholds, errors and contents of a guest's disks.

use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::process::Command;

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::{Disk, DiskBus, StorageFormat, StorageKind, StorageSource};
use oxivirt_core::types::DomainBlockInfo;
use oxivirt_core::{Error, ErrorCode, Result};
use oxivirt_util::process::{RunOptions, run};
use serde_json::{Value, json};

use super::{ANSWER, Guests};
use crate::monitor::Monitor;
use crate::state::Job;
use crate::status::{DiskNotes, StorageNotes};

/// How QEMU calls the device of a disk.
pub(crate) fn device_of(disk: &Disk) -> Result<String> {
    if let Some(name) = DiskNotes::of(disk)?.qom {
        return Ok(name);
    }
    let alias = disk.info.alias.as_deref().ok_or_else(|| Error::internal("a device has no alias"))?;
    Ok(match disk.target.bus {
        Some(DiskBus::Virtio) => format!("/machine/peripheral/{alias}/virtio-backend"),
        _ => alias.to_owned(),
    })
}

/// How QEMU calls the node through which an image is read.
pub(crate) fn node_of(source: &StorageSource, format: Option<StorageFormat>) -> Result<String> {
    let notes = StorageNotes::of(source)?;
    if let Some(name) = notes.node("format").or_else(|| notes.node("storage")) {
        return Ok(name.to_owned());
    }
    let index = source.index.ok_or_else(|| Error::internal("an image has no index"))?;
    Ok(match format {
        Some(format) if format != StorageFormat::Raw => format!("libvirt-{index}-format"),
        _ => format!("libvirt-{index}-storage"),
    })
}

/// How QEMU calls the node through which the bytes of an image's file are read.
pub(crate) fn storage_node_of(source: &StorageSource) -> Result<String> {
    if let Some(name) = StorageNotes::of(source)?.node("storage") {
        return Ok(name.to_owned());
    }
    let index = source.index.ok_or_else(|| Error::internal("an image has no index"))?;
    Ok(format!("libvirt-{index}-storage"))
}

/// What QEMU says of its block nodes, by name.
pub(crate) fn named_nodes(monitor: &Monitor) -> std::result::Result<Vec<Value>, crate::monitor::Failure> {
    let answer = monitor.attempt("query-named-block-nodes", json!({"flat": true}), ANSWER)?;
    Ok(answer.as_array().cloned().unwrap_or_default())
}

impl Guests {
    /// Changes the size of a running guest's disk, in bytes; none for that of the device below.
    pub(crate) fn resize_disk(&self, job: &Job, name: &str, size: Option<u64>) -> Result<()> {
        let run = job.private().require_run()?;
        let snapshot = job.snapshot();
        let disk = disk(snapshot.definition(), name)?;
        if disk.source.is_empty() || disk.readonly {
            return Err(unresizable(name));
        }
        let size = match size {
            // Images of this kind are a whole number of sectors.
            Some(size) => match disk.driver.format {
                Some(StorageFormat::Qcow2 | StorageFormat::Qed) => size
                    .checked_next_multiple_of(512)
                    .ok_or_else(|| Error::invalid_arg(format!("size {size} is too large")))?,
                _ => size,
            },
            None => capacity_below(disk)?,
        };
        let node = node_of(&disk.source, disk.driver.format)?;
        run.monitor()?.execute("block_resize", json!({"node-name": node, "size": size}), ANSWER).map(drop)
    }

    /// Sizes of a disk's image.
    pub(crate) fn block_info(
        &self,
        job: Option<&Job>,
        definition: &DomainDefinition,
        path: &str,
    ) -> Result<DomainBlockInfo> {
        let missing = || Error::invalid_arg(format!("invalid path {path} not assigned to domain"));
        let disk = definition.devices.disk(path).ok_or_else(missing)?;
        if disk.source.is_empty() {
            return Err(not_assigned(path));
        }
        let mut info = match local(&disk.source) {
            Some(file) => sizes(Path::new(file), disk.driver.format)?,
            None => DomainBlockInfo { allocation: 0, capacity: 0, physical: 0 },
        };
        if let Some(job) = job {
            let run = job.private().require_run()?;
            let monitor = run.monitor()?;
            let nodes = named_nodes(monitor).map_err(|f| f.into_error(monitor.domain(), "query-named-block-nodes"))?;
            let node = node_of(&disk.source, disk.driver.format)?;
            let image = nodes.iter().find(|n| n.get("node-name").and_then(Value::as_str) == Some(node.as_str()));
            let number =
                |key: &str| image.and_then(|n| n.get("image")).and_then(|i| i.get(key)).and_then(Value::as_u64);
            info.capacity = number("virtual-size").unwrap_or(info.capacity);
            if local(&disk.source).is_none() {
                info.allocation = number("actual-size").unwrap_or(0);
                info.physical = info.allocation.max(number("virtual-size").unwrap_or(0));
            } else if is_device(&disk.source) && disk.driver.format != Some(StorageFormat::Raw) {
                // The file system does not know how far an image on a device reaches.
                let device = device_of(disk)?;
                let all = monitor.execute("query-blockstats", Value::Null, ANSWER)?;
                let highest = all
                    .as_array()
                    .into_iter()
                    .flatten()
                    .find(|entry| entry.get("qdev").and_then(Value::as_str) == Some(device.as_str()))
                    .and_then(|entry| entry.get("parent")?.get("stats")?.get("wr_highest_offset")?.as_u64());
                info.allocation = highest.unwrap_or(info.allocation);
            }
        }
        Ok(info)
    }

    /// Sets from which byte on a write to an image is told.
    ///
    /// * `device` – `vda`, or `vda[3]` for the image with that index.
    pub(crate) fn set_threshold(&self, job: &Job, device: &str, threshold: u64) -> Result<()> {
        let run = job.private().require_run()?;
        let snapshot = job.snapshot();
        let missing = || Error::invalid_arg(format!("failed to find disk '{device}'"));
        let (name, index) = match device.split_once('[') {
            Some((name, rest)) => {
                (name, Some(rest.strip_suffix(']').and_then(|n| n.parse::<u32>().ok()).ok_or_else(missing)?))
            }
            None => (device, None),
        };
        let disk = snapshot.definition().devices.disks.iter().find(|d| d.target.dev == name).ok_or_else(missing)?;
        if disk.source.is_empty() {
            return Err(Error::operation_invalid(format!("threshold event for disk '{device}' needs a medium")));
        }
        let node = match index {
            None => storage_node_of(&disk.source)?,
            Some(index) => storage_node_of(image(disk, index).ok_or_else(missing)?)?,
        };
        let arguments = json!({"node-name": node, "write-threshold": threshold});
        run.monitor()?.execute("block-set-write-threshold", arguments, ANSWER)?;
        // The top image answers to two names; whoever used the one with the index hears that.
        let by_index = index.is_some_and(|index| disk.source.index == Some(index));
        if StorageNotes::of(&disk.source)?.threshold_by_index == by_index {
            return Ok(());
        }
        self.edit_live(job, &|definition| {
            let disk = definition.devices.disks.iter_mut().find(|disk| disk.target.dev == name);
            let Some(disk) = disk else { return Ok(()) };
            let mut notes = StorageNotes::of(&disk.source)?;
            notes.threshold_by_index = by_index;
            notes.put(&mut disk.source)
        })
    }

    /// Disks that failed, by target: 1 for any reason, 2 without space.
    pub(crate) fn disk_errors(&self, job: &Job) -> Result<Vec<(String, i32)>> {
        let run = job.private().require_run()?;
        let answer = run.monitor()?.execute("query-block", Value::Null, ANSWER)?;
        let mut failed = Vec::new();
        for disk in &job.snapshot().definition().devices.disks {
            let device = device_of(disk)?;
            let mut entries = answer.as_array().into_iter().flatten();
            let entry = entries.find(|entry| entry.get("qdev").and_then(Value::as_str) == Some(device.as_str()));
            match entry.and_then(|entry| entry.get("io-status")).and_then(Value::as_str) {
                Some("nospace") => failed.push((disk.target.dev.clone(), 2)),
                Some("failed") => failed.push((disk.target.dev.clone(), 1)),
                _ => {}
            }
        }
        Ok(failed)
    }

    /// Bytes of a disk as they are on the host.
    ///
    /// Errors: `OPERATION_UNSUPPORTED` for an image that is not plain bytes.
    pub(crate) fn peek_disk(
        &self,
        definition: &DomainDefinition,
        path: &str,
        offset: u64,
        size: u32,
    ) -> Result<Vec<u8>> {
        let disk = definition
            .devices
            .disk(path)
            .ok_or_else(|| Error::invalid_arg(format!("invalid disk or path '{path}'")))?;
        let format = disk.driver.format.unwrap_or(StorageFormat::Raw);
        if format != StorageFormat::Raw {
            let text = format!("peeking is only supported for disk with 'raw' format not '{}'", format.as_str());
            return Err(Error::new(ErrorCode::OPERATION_UNSUPPORTED, text));
        }
        let file = local(&disk.source).ok_or_else(|| {
            Error::new(ErrorCode::OPERATION_UNSUPPORTED, format!("disk '{path}' is not on this host"))
        })?;
        let what = |e: std::io::Error| Error::system(format_args!("{file}: failed to open or read"), &e);
        let mut bytes = vec![0; size as usize];
        File::open(file).map_err(what)?.read_exact_at(&mut bytes, offset).map_err(what)?;
        Ok(bytes)
    }
}

/// The disk with this target or path.
pub(crate) fn disk<'d>(definition: &'d DomainDefinition, name: &str) -> Result<&'d Disk> {
    let missing = || Error::invalid_arg(format!("disk '{name}' was not found in the domain config"));
    definition.devices.disk(name).ok_or_else(missing)
}

/// A drive has no medium that could be asked.
pub(super) fn not_assigned(name: &str) -> Error {
    Error::invalid_arg(format!("disk '{name}' does not currently have a source assigned"))
}

fn unresizable(name: &str) -> Error {
    let text = format!("can't resize empty or readonly disk '{name}'");
    Error::new(ErrorCode::OPERATION_UNSUPPORTED, text)
}

/// The image of a disk with an index.
fn image(disk: &Disk, index: u32) -> Option<&StorageSource> {
    use oxivirt_conf::domain::devices::BackingStore;
    if disk.source.index == Some(index) {
        return Some(&disk.source);
    }
    let mut below = disk.backing.as_deref();
    while let Some(BackingStore::Layer(layer)) = below {
        if layer.source.index == Some(index) {
            return Some(&layer.source);
        }
        below = layer.backing.as_deref();
    }
    None
}

/// The file or device behind an image, where it is on this host.
pub(crate) fn local(source: &StorageSource) -> Option<&str> {
    match source.actual() {
        StorageKind::File { path, .. } | StorageKind::Block { path } => path.as_deref(),
        _ => None,
    }
}

fn is_device(source: &StorageSource) -> bool {
    matches!(source.actual(), StorageKind::Block { .. })
}

fn capacity_below(disk: &Disk) -> Result<u64> {
    match (disk.source.actual(), disk.driver.format) {
        (StorageKind::Block { path: Some(path) }, Some(StorageFormat::Raw)) => length(Path::new(path)),
        _ => Err(Error::new(
            ErrorCode::OPERATION_UNSUPPORTED,
            "block resize to full capacity supported only with 'raw' local block-based disks",
        )),
    }
}

/// Bytes of a file or device.
fn length(file: &Path) -> Result<u64> {
    use std::io::{Seek, SeekFrom};
    let what = |e: std::io::Error| Error::system(format_args!("cannot stat file '{}'", file.display()), &e);
    File::open(file).and_then(|mut opened| opened.seek(SeekFrom::End(0))).map_err(what)
}

/// What a file says of itself.
pub(crate) fn sizes(file: &Path, format: Option<StorageFormat>) -> Result<DomainBlockInfo> {
    let what = |e: std::io::Error| Error::system(format_args!("cannot stat file '{}'", file.display()), &e);
    let metadata = std::fs::metadata(file).map_err(what)?;
    let physical = length(file)?;
    let allocation = if metadata.is_file() { metadata.blocks().saturating_mul(512) } else { physical };
    let capacity = match format.unwrap_or(StorageFormat::Raw) {
        StorageFormat::Raw => physical,
        format => capacity(file, format)?,
    };
    Ok(DomainBlockInfo { allocation, capacity, physical })
}

/// The size that a guest sees of an image.
fn capacity(file: &Path, format: StorageFormat) -> Result<u64> {
    let mut command = Command::new("qemu-img");
    // The format is known, so a guest that wrote another one's header gains nothing.
    command.args(["info", "--output=json", "-U", "-f", format.as_str()]).arg(file);
    let failed = |why: String| Error::internal(format!("cannot tell the capacity of '{}': {why}", file.display()));
    let finished = run(&mut command, &RunOptions::default()).map_err(|e| failed(e.to_string()))?;
    if !finished.status.success() {
        return Err(failed(finished.complaint()));
    }
    let answer: Value = serde_json::from_slice(&finished.stdout).map_err(|e| failed(e.to_string()))?;
    answer.get("virtual-size").and_then(Value::as_u64).ok_or_else(|| failed("no size".into()))
}
