//! Following an image to what is below it.

use std::collections::HashSet;
use std::io;

use oxivirt_core::{Error, ErrorCode, Result};

use super::header::{Header, can_have_below, detect};
use super::reference::{is_file, reference};
use crate::domain::devices::{BackingLayer, BackingStore, DataStore, StorageFormat, StorageKind, StorageSource};

/// What a path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A block device.
    Block,
    /// A folder.
    Folder,
    /// What no image can be in.
    Other,
}

/// Access to images on this host.
pub trait Files {
    /// What is there, and its path without links and detours.
    fn look(&self, path: &str) -> io::Result<(FileKind, String)>;
    /// The first [`HEAD`](super::HEAD) bytes, fewer where there are no more.
    fn head(&self, path: &str) -> io::Result<Vec<u8>>;
}

/// What belongs to an image.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Chain {
    /// The file with its contents.
    pub data: Option<Box<DataStore>>,
    /// What is below; none where that cannot be told from here.
    pub backing: Option<BackingStore>,
}

/// An image of the chain that is being followed.
struct Found {
    source: StorageSource,
    format: StorageFormat,
    data: Option<Box<DataStore>>,
}

/// Finds the images below one.
///
/// * `source`, `format` – of the upper one. Of an image that is not on this
///   host nothing can be told.
/// * Errors: `SYSTEM_ERROR` an image is not there or cannot be read;
///   `OPERATION_INVALID` for a format that is not said and may not be guessed;
///   `INTERNAL_ERROR` for a chain that goes round or is deeper than 200, and
///   for a name that means nothing; `CONFIG_UNSUPPORTED` for folders.
pub fn chain(files: &impl Files, source: &StorageSource, format: StorageFormat) -> Result<Chain> {
    let mut seen = HashSet::new();
    let top_name = source.place().unwrap_or_default().to_owned();
    let mut found = vec![Found { source: source.clone(), format, data: None }];
    let mut ends = Some(BackingStore::End);
    while let Some(upper) = found.last_mut() {
        if is_loop(files, &upper.source, &mut seen) || seen.len() > MOST {
            let text = format!("backing store for {top_name} is self-referential or too deeply nested");
            return Err(Error::internal(text));
        }
        if !can_have_below(upper.format) {
            break;
        }
        // What is served by others is left to the hypervisor to look at.
        let Some(path) = local(&upper.source).map(str::to_owned) else {
            ends = None;
            break;
        };
        let head = files.head(&path).map_err(|e| Error::system(format_args!("cannot read header '{path}'"), &e))?;
        let header = Header::read(&head, upper.format).map_err(|e| e.context(format_args!("image '{path}'")))?;
        if let Some(name) = &header.data_file {
            upper.data = Some(Box::new(data_file(files, &path, name)?));
        }
        let Some(below) = header.backing else { break };
        let Some(source) = beside(&path, &below.name)? else {
            ends = None;
            break;
        };
        let source = there(files, source, &path)?;
        let format = match said(below.format.as_deref()) {
            Some(format) => format,
            None => guessed(files, &source, &below.name, &path)?,
        };
        if matches!(source.kind, StorageKind::Dir { .. }) && !matches!(format, StorageFormat::Fat | StorageFormat::Dir)
        {
            return Err(Error::config_unsupported("storage type 'dir' requires use of storage format 'fat'"));
        }
        found.push(Found { source, format, data: None });
    }
    let mut backing = ends;
    while found.len() > 1 {
        let Some(one) = found.pop() else { break };
        let mut source = one.source;
        source.data_store = one.data;
        let layer =
            BackingLayer { format: Some(one.format), source, backing: backing.map(Box::new), ..Default::default() };
        backing = Some(BackingStore::Layer(Box::new(layer)));
    }
    Ok(Chain { data: found.pop().and_then(|top| top.data), backing })
}

/// Whether the walk was here before.
fn is_loop(files: &impl Files, source: &StorageSource, seen: &mut HashSet<String>) -> bool {
    let Some(path) = local(source) else { return false };
    // What cannot be looked at fails where it is read.
    let real = files.look(path).map(|(_, real)| real).unwrap_or_else(|_| path.to_owned());
    // A part of a file may be below another part of it.
    let part = source.slice.as_deref().map(|slice| format!("{}+{}@", slice.offset, slice.size)).unwrap_or_default();
    !seen.insert(part + &real)
}

fn local(source: &StorageSource) -> Option<&str> {
    match source.actual() {
        StorageKind::File { path, fdgroup: None } | StorageKind::Block { path } => path.as_deref(),
        _ => None,
    }
}

/// The source that a name in the image at `upper` means; none for what can
/// only be understood by the hypervisor.
fn beside(upper: &str, name: &str) -> Result<Option<StorageSource>> {
    if !is_file(name) {
        return reference(name);
    }
    let path = match (name.starts_with('/'), upper.rsplit_once('/')) {
        (false, Some((folder, _))) => format!("{folder}/{name}"),
        _ => name.to_owned(),
    };
    Ok(Some(StorageSource { kind: StorageKind::File { path: Some(path), fdgroup: None }, ..Default::default() }))
}

/// The source with the kind that it really has.
fn there(files: &impl Files, mut source: StorageSource, upper: &str) -> Result<StorageSource> {
    let Some(path) = local(&source).map(str::to_owned) else { return Ok(source) };
    let what =
        |e: &io::Error| Error::system(format_args!("Cannot access backing file '{path}' of storage file '{upper}'"), e);
    source.kind = match files.look(&path).map_err(|e| what(&e))?.0 {
        FileKind::File => StorageKind::File { path: Some(path), fdgroup: None },
        FileKind::Block => StorageKind::Block { path: Some(path) },
        FileKind::Folder => StorageKind::Dir { path: Some(path) },
        FileKind::Other => {
            let text = format!("backing file '{path}' of storage file '{upper}' is neither a file nor a block device");
            return Err(Error::config_unsupported(text));
        }
    };
    Ok(source)
}

/// The format that a header names. A word for a protocol means plain bytes.
fn said(word: Option<&str>) -> Option<StorageFormat> {
    use StorageFormat as F;
    match word? {
        "file" | "host_device" | "host_cdrom" | "nbd" | "rbd" | "iscsi" | "gluster" | "http" | "https" | "ftp"
        | "ftps" | "ssh" | "nfs" | "nvme" => Some(F::Raw),
        "vhdx" => Some(F::Vhd),
        "parallels" => Some(F::Ploop),
        word => [
            F::Raw,
            F::Bochs,
            F::Cloop,
            F::Dmg,
            F::Iso,
            F::Vpc,
            F::Vdi,
            F::Fat,
            F::Vhd,
            F::Ploop,
            F::Cow,
            F::Qcow,
            F::Qcow2,
            F::Qed,
            F::Vmdk,
        ]
        .into_iter()
        .find(|format| format.as_str() == word),
    }
}

/// A format that no header names: only where a guest that wrote a false one
/// would gain nothing, since nothing further is opened because of it.
fn guessed(files: &impl Files, source: &StorageSource, name: &str, upper: &str) -> Result<StorageFormat> {
    let refuse = || {
        let text = format!(
            "format of backing image '{name}' of image '{upper}' was not specified in the image metadata (See https://libvirt.org/kbase/backing_chains.html for troubleshooting)"
        );
        Err(Error::new(ErrorCode::OPERATION_INVALID, text))
    };
    let Some(path) = local(source) else { return refuse() };
    let head = files.head(path).map_err(|e| Error::system(format_args!("cannot read header '{path}'"), &e))?;
    let format = detect(&head);
    let header = Header::read(&head, format).map_err(|e| e.context(format_args!("image '{path}'")))?;
    match header.backing.is_none() && header.data_file.is_none() {
        true => Ok(if format == StorageFormat::Iso { StorageFormat::Raw } else { format }),
        false => refuse(),
    }
}

fn data_file(files: &impl Files, upper: &str, name: &str) -> Result<DataStore> {
    if name.is_empty() {
        return Err(Error::operation_failed(format!("invalid empty data-file definition in '{upper}'")));
    }
    let source = beside(upper, name)?
        .ok_or_else(|| Error::operation_failed(format!("data-file '{name}' of '{upper}' cannot be understood")))?;
    Ok(DataStore { format: Some(StorageFormat::Raw), source: there(files, source, upper)? })
}

/// No chain of any use is longer.
const MOST: usize = 200;
