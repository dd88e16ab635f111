//! The first bytes of an image.

use oxivirt_core::{Error, Result};

use super::qcow;
use crate::domain::devices::StorageFormat;
use crate::storage_volume::VolumeFeatures;

/// What the header of an image says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    /// The size that a guest sees, in bytes.
    pub capacity: Option<u64>,
    /// How what is inside is encrypted.
    pub encryption: Option<HeaderEncryption>,
    /// The image below.
    pub backing: Option<Below>,
    /// The file with the contents, of a qcow2 image that has them apart;
    /// empty when the image has one and does not say which.
    pub data_file: Option<String>,
    /// Bytes of a cluster.
    pub cluster_size: Option<u64>,
    /// The version of the format as `<compat>` has it.
    pub compat: Option<&'static str>,
    /// What a qcow2 image can do.
    pub features: VolumeFeatures,
}

/// The image below another one, as the upper one names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Below {
    /// A path, an address or a description in JSON.
    pub name: String,
    /// The word for its format; none when the header does not say.
    pub format: Option<String>,
}

/// How an image is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderEncryption {
    /// The old way of qcow and qcow2.
    Aes,
    /// LUKS, version 1 or inside of a qcow2 image.
    Luks,
    /// LUKS, version 2.
    Luks2,
}

/// The format that the first bytes tell of; `Raw` when they tell nothing.
pub fn detect(bytes: &[u8]) -> StorageFormat {
    let at = |offset: usize, magic: &[u8]| bytes.get(offset..).is_some_and(|rest| rest.starts_with(magic));
    let version = |big: bool, offset: usize| number(bytes, offset, 4, big);
    if at(0, b"QFI\xfb") {
        return match version(true, 4) {
            Some(1) => StorageFormat::Qcow,
            Some(2 | 3) => StorageFormat::Qcow2,
            _ => StorageFormat::Raw,
        };
    }
    if at(0, b"QED\0") {
        return StorageFormat::Qed;
    }
    if at(0, b"KDMV") && matches!(version(false, 4), Some(1..=3)) {
        return StorageFormat::Vmdk;
    }
    if at(64, b"\x7f\x10\xda\xbe") && version(false, 68) == Some(0x0001_0001) {
        return StorageFormat::Vdi;
    }
    if at(0, b"conectix") && version(true, 12) == Some(0x0001_0000) {
        return StorageFormat::Vpc;
    }
    if at(0, b"Bochs Virtual HD Image") && version(false, 64) == Some(0x0002_0000) {
        return StorageFormat::Bochs;
    }
    if at(0, b"OOOM") && version(true, 4) == Some(2) {
        return StorageFormat::Cow;
    }
    if at(0, b"WithoutFreeSpace") || at(0, b"WithouFreSpacExt") {
        return StorageFormat::Ploop;
    }
    if at(32_769, b"CD001") {
        return StorageFormat::Iso;
    }
    StorageFormat::Raw
}

impl Header {
    /// Reads the header of an image of a known format; what the bytes do not
    /// reach is not told.
    ///
    /// Errors: `INTERNAL_ERROR` for a header that names what is not in it.
    pub fn read(bytes: &[u8], format: StorageFormat) -> Result<Self> {
        let capacity = |value: Option<u64>| Ok(Self { capacity: value, ..Self::default() });
        match format {
            StorageFormat::Qcow => qcow::first(bytes),
            StorageFormat::Qcow2 => qcow::second(bytes),
            StorageFormat::Qed => qed(bytes),
            StorageFormat::Vmdk => vmdk(bytes),
            StorageFormat::Vdi => capacity(number(bytes, 368, 8, false)),
            StorageFormat::Vpc => capacity(number(bytes, 48, 8, true)),
            StorageFormat::Ploop => capacity(number(bytes, 36, 8, false).and_then(|n| n.checked_mul(512))),
            StorageFormat::Raw => Ok(Self { encryption: luks(bytes), ..Self::default() }),
            _ => Ok(Self::default()),
        }
    }
}

/// Whether an image of a format may be over another one.
pub(super) fn can_have_below(format: StorageFormat) -> bool {
    use StorageFormat as F;
    matches!(format, F::Cow | F::Qcow | F::Qcow2 | F::Qed | F::Vmdk)
}

/// The number in some bytes, none when they end before.
pub(super) fn number(bytes: &[u8], offset: usize, length: usize, big: bool) -> Option<u64> {
    let part = bytes.get(offset..offset.checked_add(length)?)?;
    let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
    Some(if big { part.iter().fold(0, add) } else { part.iter().rev().fold(0, add) })
}

/// The text in some bytes.
pub(super) fn text(bytes: &[u8], offset: u64, length: u64, what: &str) -> Result<String> {
    let part = || {
        let (from, length) = (usize::try_from(offset).ok()?, usize::try_from(length).ok()?);
        bytes.get(from..from.checked_add(length)?)
    };
    let part = part().ok_or_else(|| {
        Error::internal(format!("the header of an image has {what} at byte {offset}, which is outside of the header"))
    })?;
    // What is behind a zero was left by a longer name.
    let part = part.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8(part.to_vec()).map_err(|_| Error::internal(format!("{what} of an image is no text")))
}

fn luks(bytes: &[u8]) -> Option<HeaderEncryption> {
    if !bytes.starts_with(b"LUKS\xba\xbe") {
        return None;
    }
    match number(bytes, 6, 2, true)? {
        1 => Some(HeaderEncryption::Luks),
        2 => Some(HeaderEncryption::Luks2),
        _ => None,
    }
}

fn qed(bytes: &[u8]) -> Result<Header> {
    let mut header =
        Header { capacity: number(bytes, 48, 8, false), cluster_size: number(bytes, 4, 4, false), ..Header::default() };
    let features = number(bytes, 16, 8, false).unwrap_or(0);
    if features & QED_BACKING != 0 {
        let (offset, length) = (number(bytes, 56, 4, false), number(bytes, 60, 4, false));
        let name = text(bytes, offset.unwrap_or(0), length.unwrap_or(0), "the image below")?;
        let raw = features & QED_RAW_BELOW != 0;
        header.backing =
            Some(Below { name, format: raw.then(|| "raw".to_owned()) }).filter(|below| !below.name.is_empty());
    }
    Ok(header)
}

const QED_BACKING: u64 = 1;
const QED_RAW_BELOW: u64 = 4;

/// The description of a sparse image is text behind the first sector.
fn vmdk(bytes: &[u8]) -> Result<Header> {
    let capacity = number(bytes, 12, 8, false).and_then(|sectors| sectors.checked_mul(512));
    let mut header = Header { capacity, ..Header::default() };
    let description = String::from_utf8_lossy(bytes.get(512..).unwrap_or_default()).into_owned();
    let description = description.split('\0').next().unwrap_or_default();
    let value = |key: &str| {
        let mut lines = description.lines();
        lines.find_map(|line| line.trim().strip_prefix(key)?.trim_start().strip_prefix('='))
    };
    if value("parentCID").is_some_and(|id| !id.trim().eq_ignore_ascii_case("ffffffff"))
        && let Some(name) =
            value("parentFileNameHint").and_then(|text| text.trim().strip_prefix('"')?.strip_suffix('"'))
    {
        header.backing = Some(Below { name: name.to_owned(), format: Some("vmdk".to_owned()) });
    }
    Ok(header)
}
