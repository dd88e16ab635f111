//! The images below those of a guest's disks.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};

use oxivirt_conf::domain::devices::{BackingStore, Disk, StorageFormat, StorageKind};
use oxivirt_conf::image::{self, FileKind, Files};
use oxivirt_core::Result;

/// Completes what a definition says of the images of a disk with what the
/// images say: those below it, and the file with its contents.
///
/// * A chain that the definition ends, and a drive without medium, stay.
/// * Errors: as those of [`image::chain`].
pub(super) fn complete(disk: &mut Disk) -> Result<()> {
    if disk.source.is_empty()
        || matches!(disk.source.actual(), StorageKind::VhostUser { .. } | StorageKind::Volume { .. })
    {
        return Ok(());
    }
    let (mut source, mut format, mut below) = (&mut disk.source, disk.driver.format, &mut disk.backing);
    while matches!(below.as_deref(), Some(BackingStore::Layer(_))) {
        let Some(BackingStore::Layer(layer)) = below.as_deref_mut() else { return Ok(()) };
        (source, format, below) = (&mut layer.source, layer.format, &mut layer.backing);
    }
    if below.is_some() {
        return Ok(());
    }
    let found = image::chain(&OnThisHost, source, format.unwrap_or(StorageFormat::Raw))
        .map_err(|e| e.context(format_args!("disk '{}'", disk.target.dev)))?;
    if source.data_store.is_none() {
        source.data_store = found.data;
    }
    *below = found.backing.map(Box::new);
    Ok(())
}

/// Images as this daemon sees them.
struct OnThisHost;

impl Files for OnThisHost {
    fn look(&self, path: &str) -> io::Result<(FileKind, String)> {
        let kind = std::fs::metadata(path)?.file_type();
        let real = std::fs::canonicalize(path)?.to_string_lossy().into_owned();
        let kind = match kind {
            kind if kind.is_file() => FileKind::File,
            kind if kind.is_block_device() => FileKind::Block,
            kind if kind.is_dir() => FileKind::Folder,
            _ => FileKind::Other,
        };
        Ok((kind, real))
    }

    fn head(&self, path: &str) -> io::Result<Vec<u8>> {
        // A pipe without a writer must not be waited for.
        let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        let file = File::options().read(true).custom_flags(flags).open(path)?;
        let mut bytes = Vec::new();
        file.take(image::HEAD as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}
