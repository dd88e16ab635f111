//! Cases by the names of their files: `NAME.ARCH-VERSION[+VARIANT][.abi-update].ENDING`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Answers that belong to one input under one set of capabilities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Case {
    /// The answer's file name without its ending.
    pub(crate) name: String,
    /// The file that is read: `NAME.xml`.
    pub(crate) input: PathBuf,
    /// The guest's architecture in libvirt's name.
    pub(crate) arch: String,
    /// `latest` or a version such as `7.2.0`.
    pub(crate) version: String,
    /// A variant of the capabilities such as `amdsev`.
    pub(crate) variant: Option<String>,
    /// Whether the guest's ABI may be updated while reading.
    pub(crate) abi_update: bool,
}

/// The kinds of answers that a case has, by ending.
pub(crate) type Answers = BTreeMap<String, PathBuf>;

/// All cases of a folder that have their input in it, by name.
pub(crate) fn find(folder: &Path) -> Result<Vec<(Case, Answers)>, String> {
    let all = find_all(folder)?;
    Ok(all.into_iter().filter(|(case, answers)| case.input.is_file() || answers.contains_key("err")).collect())
}

/// All cases of a folder, by name.
pub(crate) fn find_all(folder: &Path) -> Result<Vec<(Case, Answers)>, String> {
    let failed = |e: std::io::Error| format!("{}: {e}", folder.display());
    let mut found: BTreeMap<String, (Case, Answers)> = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some((name, ending)) = file.rsplit_once('.') else { continue };
        let Some(case) = parse(folder, name) else { continue };
        let entry = found.entry(name.to_owned()).or_insert_with(|| (case, Answers::new()));
        entry.1.insert(ending.to_owned(), path);
    }
    Ok(found.into_values().collect())
}

fn parse(folder: &Path, name: &str) -> Option<Case> {
    let (rest, abi_update) = match name.strip_suffix(".abi-update") {
        Some(rest) => (rest, true),
        None => (name, false),
    };
    // A version has dots of its own.
    rest.match_indices('.').find_map(|(at, _)| {
        let (input, caps) = (rest.get(..at)?, rest.get(at + 1..)?);
        let (arch, version) = caps.split_once('-')?;
        let (version, variant) = match version.split_once('+') {
            Some((version, variant)) => (version, Some(variant.to_owned())),
            None => (version, None),
        };
        let numbers = version.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
        let known = version == "latest" || (numbers && version.split('.').count() == 3);
        let word = arch.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        (known && word).then(|| Case {
            name: name.to_owned(),
            input: folder.join(format!("{input}.xml")),
            arch: arch.to_owned(),
            version: version.to_owned(),
            variant,
            abi_update,
        })
    })
}
