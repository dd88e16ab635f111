//! Headers of the qcow family. Numbers are big-endian.

use oxivirt_core::Result;

use super::header::{Below, Header, HeaderEncryption, number, text};
use crate::storage_volume::VolumeFeatures;

/// The first version of the format.
pub(super) fn first(bytes: &[u8]) -> Result<Header> {
    let mut header = Header { capacity: number(bytes, 24, 8, true), ..Header::default() };
    header.backing = below(bytes, None)?;
    header.encryption = (number(bytes, 36, 4, true) == Some(1)).then_some(HeaderEncryption::Aes);
    Ok(header)
}

/// The second version, and the third, which is called by the same name.
pub(super) fn second(bytes: &[u8]) -> Result<Header> {
    let version = number(bytes, 4, 4, true).unwrap_or(0);
    let mut header = Header { capacity: number(bytes, 24, 8, true), ..Header::default() };
    header.compat = Some(if version < 3 { "0.10" } else { "1.1" });
    header.cluster_size = number(bytes, 20, 4, true).filter(|bits| *bits < 32).map(|bits| 1 << bits);
    header.encryption = match number(bytes, 32, 4, true) {
        Some(1) => Some(HeaderEncryption::Aes),
        Some(2) => Some(HeaderEncryption::Luks),
        _ => None,
    };
    let (mut needed, mut extensions) = (0, 72);
    if version >= 3 {
        needed = number(bytes, 72, 8, true).unwrap_or(0);
        let helpful = number(bytes, 80, 8, true).unwrap_or(0);
        header.features =
            VolumeFeatures { lazy_refcounts: helpful & LAZY_REFCOUNTS != 0, extended_l2: needed & EXTENDED_L2 != 0 };
        extensions = number(bytes, 100, 4, true).unwrap_or(0);
    }
    let extensions = extensions_of(bytes, extensions);
    let said = |kind: u64| {
        let found = extensions.iter().find(|extension| extension.kind == kind)?;
        Some(String::from_utf8_lossy(found.bytes).trim_end_matches('\0').to_owned())
    };
    if needed & EXTERNAL_DATA != 0 {
        header.data_file = Some(said(DATA_FILE).unwrap_or_default());
    }
    header.backing = below(bytes, said(BACKING_FORMAT))?;
    Ok(header)
}

fn below(bytes: &[u8], format: Option<String>) -> Result<Option<Below>> {
    let (Some(offset), Some(length)) = (number(bytes, 8, 8, true), number(bytes, 16, 4, true)) else { return Ok(None) };
    if offset == 0 || length == 0 {
        return Ok(None);
    }
    let name = text(bytes, offset, length.min(MOST_NAME), "the image below")?;
    let format = format.filter(|format| !format.is_empty());
    Ok(Some(Below { name, format }).filter(|below| !below.name.is_empty()))
}

struct Extension<'a> {
    kind: u64,
    bytes: &'a [u8],
}

/// What stands behind the fixed part of the header, up to its end mark or the
/// first that is not all there.
fn extensions_of(bytes: &[u8], from: u64) -> Vec<Extension<'_>> {
    let mut found = Vec::new();
    let mut at = usize::try_from(from).unwrap_or(usize::MAX);
    while let Some(kind) = number(bytes, at, 4, true).filter(|kind| *kind != 0) {
        let part = || {
            let start = at.checked_add(8)?;
            let length = usize::try_from(number(bytes, at.checked_add(4)?, 4, true)?).ok()?;
            let part = bytes.get(start..start.checked_add(length)?)?;
            Some((part, start.checked_add(length.checked_next_multiple_of(8)?)?))
        };
        let Some((part, next)) = part() else { break };
        found.push(Extension { kind, bytes: part });
        at = next;
    }
    found
}

const BACKING_FORMAT: u64 = 0xE279_2ACA;
const DATA_FILE: u64 = 0x4441_5441;
const EXTERNAL_DATA: u64 = 1 << 2;
const EXTENDED_L2: u64 = 1 << 4;
const LAZY_REFCOUNTS: u64 = 1;
/// QEMU takes no longer name.
const MOST_NAME: u64 = 1023;
