//! Definitions and status on disk and on the wire.

use std::path::Path;

use oxivirt_conf::domain::{DomainDefinition, FormatFlags, ParseFlags};
use oxivirt_conf::xml::Document;
use oxivirt_core::{Error, ErrorCode, Result};
use oxivirt_util::schema;

use crate::capabilities::Catalog;
use crate::hooks::{Hooks, Site};
use crate::process::Folders;
use crate::settings::Settings;

/// Reads a document that a client gave, as configuration.
///
/// * `schema` – holds it against the published schema first, which runs a program.
/// * `settings` – for what a definition leaves to the host's administrator.
pub fn read_inactive(
    text: &str,
    schema: Schema,
    catalog: &Catalog,
    folders: &Folders,
    settings: &Settings,
) -> Result<DomainDefinition> {
    if schema == Schema::Check {
        check_schema("domain.rng", text)?;
    }
    let mut hooks = hooks(catalog, folders);
    hooks.site.audio = settings.audio.clone();
    DomainDefinition::parse(text, ParseFlags::INACTIVE | ParseFlags::ABI_UPDATE, &hooks)
}

/// Whether a document is held against the published schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Schema {
    /// It is.
    Check,
    /// It is not; what is not known is passed over.
    #[default]
    Ignore,
}

/// Holds a document against a published schema, by its file's name, which runs a program.
///
/// Errors: `XML_INVALID_SCHEMA` with what is wrong; `ARGUMENT_UNSUPPORTED` where schema or program are missing.
pub fn check_schema(file: &str, text: &str) -> Result<()> {
    // Whatever is no document at all is refused in our own words.
    Document::parse(text)?;
    let schema = Path::new(schema::FOLDER).join(file);
    match schema::validate(&schema, text) {
        Ok(None) => Ok(()),
        Ok(Some(complaints)) => Err(Error::new(
            ErrorCode::XML_INVALID_SCHEMA,
            format!("Unable to validate doc against {}\n{complaints}", schema.display()),
        )),
        Err(error) => Err(Error::new(
            ErrorCode::ARGUMENT_UNSUPPORTED,
            format!("documents cannot be held against the schema here: {error}"),
        )),
    }
}

/// Reads a definition that this driver stored; it was checked when it came.
pub fn read_stored(text: &str, catalog: &Catalog, folders: &Folders) -> Result<DomainDefinition> {
    DomainDefinition::parse(text, ParseFlags::INACTIVE | ParseFlags::SKIP_VALIDATE, &hooks(catalog, folders))
}

/// The driver's part in reading definitions on this host.
pub fn hooks<'a>(catalog: &'a Catalog, folders: &Folders) -> Hooks<'a> {
    Hooks { emulators: catalog, host_arch: host_arch(), site: Site::of(folders) }
}

/// The host's architecture in libvirt's name.
pub fn host_arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86" => "i686",
        "arm" => "armv7l",
        "powerpc64" => "ppc64le",
        other => other,
    }
}

/// Prints a definition for its file.
pub fn print_stored(domain: &DomainDefinition) -> Result<String> {
    let text = domain.format(FormatFlags::SECURE | FormatFlags::INACTIVE)?;
    Ok(format!("{}{text}", heading(&domain.name)))
}

/// A note for people who open the file; left out where a name would end the
/// comment.
fn heading(name: &str) -> String {
    if name.contains("--") || name.ends_with('-') {
        return String::new();
    }
    format!(
        "<!--\nWritten by the daemon; what is changed here by hand will be lost. To change it use:\n  virsh edit {name}\n-->\n\n"
    )
}

/// Writes a file whole and flushed, readable by this user only.
pub fn write_file(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        oxivirt_util::file::make_folders(folder, 0o711)
            .map_err(|e| Error::system(format_args!("cannot create folder '{}'", folder.display()), &e))?;
    }
    oxivirt_util::file::write_atomic(path, text.as_bytes(), 0o600)
        .map_err(|e| Error::system(format_args!("cannot write '{}'", path.display()), &e))
}

/// Writes a file whole but not flushed: what a failure of the host ends anyway.
pub fn write_passing(path: &Path, text: &str) -> Result<()> {
    oxivirt_util::file::write_whole(path, text.as_bytes(), 0o600)
        .map_err(|e| Error::system(format_args!("cannot write '{}'", path.display()), &e))
}

/// Writes the status of something that runs, whole and flushed.
///
/// It takes its place first and is flushed then, once for all: after a failure
/// of the host nothing runs of which it could tell, however much of it is there.
pub fn write_status(path: &Path, text: &str) -> Result<()> {
    write_passing(path, text)?;
    let flushed = std::fs::File::open(path).and_then(|file| file.sync_all());
    let folder = path.parent().unwrap_or(path);
    flushed
        .and_then(|()| oxivirt_util::file::sync_folder(folder))
        .map_err(|e| Error::system(format_args!("cannot flush '{}'", path.display()), &e))
}

/// Reads a file of the driver's own.
pub fn read_file(path: &Path) -> Result<String> {
    oxivirt_util::file::read_text(path, LARGEST)
        .map_err(|e| Error::system(format_args!("cannot read '{}'", path.display()), &e))
}

/// More than any definition needs.
const LARGEST: usize = 16 << 20;
