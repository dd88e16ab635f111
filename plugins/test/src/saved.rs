//! Files with a saved domain: a magic text, the length of the document in four
//! bytes of the host's order, the document. There is no memory to save.

use std::fs::File;
use std::io::{Error as IoError, Read};
use std::path::Path;

use oxivirt_core::{Error, ErrorCode, ErrorDomain, Result};
use oxivirt_util::file::write_atomic;

use crate::error::Own;

/// How each file begins.
pub(crate) const MAGIC: &[u8; 15] = b"TestGuestMagic\0";

/// The largest document that is read.
const DOCUMENT_MAX: usize = 16 << 20;

/// Only the owner may read what may hold passwords.
const MODE: u32 = 0o600;

/// Writes a file whole or not at all.
///
/// * `attempt` – what is being done, for errors: `saving domain 'a' to '/file'`.
pub(crate) fn write(file: &str, document: &str, attempt: &str) -> Result<()> {
    let length = u32::try_from(document.len()).map_err(|_| Error::internal(format!("{attempt}: too long")))?;
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&length.to_ne_bytes());
    bytes.extend_from_slice(document.as_bytes());
    write_bytes(file, &bytes, &format!("{attempt}: open failed"))
}

/// Writes the file of a dump: there is no memory that could follow.
pub(crate) fn write_core(file: &str, attempt: &str) -> Result<()> {
    write_bytes(file, MAGIC, attempt)
}

fn write_bytes(file: &str, bytes: &[u8], attempt: &str) -> Result<()> {
    let path = Path::new(file);
    let failed = |source: &IoError| Error::system(attempt, source).in_domain(ErrorDomain::TEST);
    if path.is_dir() {
        return Err(failed(&IoError::from_raw_os_error(EISDIR)));
    }
    // The writer's own error names temporary files, which nobody asked about.
    let folder = path.parent().unwrap_or(Path::new("/"));
    std::fs::metadata(folder).map_err(|source| failed(&source))?;
    write_atomic(path, bytes, MODE).map_err(|source| failed(&source))
}

/// Reads the document of a file.
pub(crate) fn read(file: &str) -> Result<String> {
    let mut source = File::open(file)
        .map_err(|source| Error::system(format!("cannot read domain image '{file}'"), &source))
        .own()?;
    let mut magic = [0; MAGIC.len()];
    fill(&mut source, &mut magic, || format!("incomplete save header in '{file}'"))?;
    if magic != *MAGIC {
        return Err(Error::internal("mismatched header magic")).own();
    }
    let mut length = [0; 4];
    fill(&mut source, &mut length, || format!("failed to read metadata length in '{file}'"))?;
    let length = usize::try_from(i32::from_ne_bytes(length)).unwrap_or(0);
    if !(1..=DOCUMENT_MAX).contains(&length) {
        return Err(Error::internal("length of metadata out of range")).own();
    }
    let mut document = Vec::new();
    let read = source.take(length as u64).read_to_end(&mut document);
    read.map_err(|source| Error::system(format!("incomplete metadata in '{file}'"), &source)).own()?;
    if document.len() < length {
        return Err(too_short(format!("incomplete metadata in '{file}'")));
    }
    String::from_utf8(document)
        .map_err(|_| Error::new(ErrorCode::XML_DETAIL, format!("the document in '{file}' is not text")))
        .own()
}

fn fill(source: &mut File, buffer: &mut [u8], what: impl Fn() -> String) -> Result<()> {
    match source.read_exact(buffer) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Err(too_short(what())),
        Err(error) => Err(Error::system(what(), &error)).own(),
    }
}

/// The file ends early, which is no failure of the system.
fn too_short(what: String) -> Error {
    Error::system(what, &IoError::from_raw_os_error(0)).in_domain(ErrorDomain::TEST)
}

/// The number of "it is a folder".
const EISDIR: i32 = 21;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("saved");
        let file = path.to_str().unwrap();
        write(file, "<domain/>", "saving").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"TestGuestMagic\0\x09\0\0\0<domain/>");
        assert_eq!(read(file).unwrap(), "<domain/>");
    }

    #[test]
    fn damaged_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("saved");
        let file = path.to_str().unwrap();
        assert!(read(file).unwrap_err().message().starts_with("cannot read domain image"));
        for (bytes, wanted) in [
            (&b"TestGuest"[..], "incomplete save header"),
            (b"XestGuestMagic\0\x09\0\0\0<domain/>", "mismatched header magic"),
            (b"TestGuestMagic\0\x09", "failed to read metadata length"),
            (b"TestGuestMagic\0\0\0\0\0", "length of metadata out of range"),
            (b"TestGuestMagic\0\xff\xff\xff\xff", "length of metadata out of range"),
            (b"TestGuestMagic\0\xff\xff\xff\x7f", "length of metadata out of range"),
            (b"TestGuestMagic\0\x0a\0\0\0<domain/>", "incomplete metadata"),
            (b"TestGuestMagic\0\x02\0\0\0\xff\xff", "is not text"),
        ] {
            std::fs::write(&path, bytes).unwrap();
            let error = read(file).unwrap_err();
            assert!(error.message().contains(wanted), "{wanted}: {error:?}");
        }
    }
}
