//! Documents held against RELAX NG schemas, by the `xmllint` program.

use std::io;
use std::path::Path;
use std::process::Command;

use crate::process::{self, RunOptions};

/// The folder of the schemas that are installed with the client library.
pub const FOLDER: &str = "/usr/share/libvirt/schemas";

/// Holds a document against the schema in a file.
///
/// * Returns `None` when it fits, else what does not, a line for each complaint.
/// * Nothing is fetched from the network.
/// * Errors: the schema or the program is missing, or it did not end in time.
/// * Blocks while the program runs, usually for a tenth of a second.
pub fn validate(schema: &Path, document: &str) -> io::Result<Option<String>> {
    let at = |error: io::Error| io::Error::new(error.kind(), format!("'{}': {error}", schema.display()));
    schema.metadata().map_err(at)?;
    let mut command = Command::new("xmllint");
    command.args(["--noout", "--nonet", "--relaxng"]).arg(schema).arg("-").env("LC_ALL", "C.UTF-8");
    let options = RunOptions { input: document.as_bytes(), ..RunOptions::default() };
    let finished = process::run(&mut command, &options)
        .map_err(|error| io::Error::new(error.kind(), format!("cannot run xmllint: {error}")))?;
    if finished.status.success() {
        return Ok(None);
    }
    // Its own way to say that the document does not fit.
    const INVALID: i32 = 3;
    if finished.status.code() != Some(INVALID) {
        return Err(io::Error::other(format!("xmllint: {}", finished.complaint())));
    }
    let text = String::from_utf8_lossy(&finished.stderr);
    let complaints = text.lines().filter_map(|line| line.split_once("validity error : "));
    Ok(Some(complaints.map(|(_, complaint)| format!("{complaint}\n")).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = "<grammar xmlns='http://relaxng.org/ns/structure/1.0'><start><element name='a'><empty/></element></start></grammar>";

    #[test]
    fn what_does_not_fit_is_said() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), SCHEMA).expect("written");
        match validate(file.path(), "<a/>") {
            Err(error) if error.kind() == io::ErrorKind::NotFound => eprintln!("SKIPPED: {error}"),
            fits => {
                assert_eq!(fits.expect("runs"), None);
                let complaint = validate(file.path(), "<a><b/></a>").expect("runs").expect("does not fit");
                assert!(complaint.contains('b') && complaint.ends_with('\n'), "{complaint}");
                assert!(validate(file.path(), "<a").is_err(), "no document at all");
            }
        }
    }

    #[test]
    fn a_missing_schema_is_named() {
        let error = validate(Path::new("/nonexistent/domain.rng"), "<a/>").expect_err("missing");
        assert!(error.to_string().contains("/nonexistent/domain.rng"), "{error}");
    }
}
