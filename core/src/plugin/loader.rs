//! Opens a plugin's file and checks its layout before any of its code runs.
//!
//! Layouts are compared both ways: a plugin that is a prefix of ours is older,
//! one that ours is a prefix of is newer, and both are welcome. Each check has
//! fresh state, so the verdict on one plugin never depends on another. Files
//! are never closed: code that ran on a thread cannot be unmapped safely.

use std::path::{Path, PathBuf};

use abi_stable::StableAbi;
use abi_stable::abi_stability::abi_checking::{
    AbiInstabilityErrors, CheckingGlobals, check_layout_compatibility_with_globals,
};
use abi_stable::library::{AbiHeaderRef, LibHeader};
use abi_stable::type_layout::TypeLayout;
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

use super::{PluginModuleRef, SYMBOL};
use crate::{Error, ErrorCode, Result};

/// Version of the interfaces of this build.
pub const INTERFACE_VERSION: &str = env!("CARGO_PKG_VERSION");

/// A plugin whose file was opened and whose layout fits.
#[derive(Clone)]
pub struct Plugin {
    /// The file it came from.
    pub path: PathBuf,
    /// Its root.
    pub module: PluginModuleRef,
    /// Version of the interfaces that it was built against.
    pub interface_version: String,
}

/// Opens the plugin in `path`.
///
/// Fails with `OPERATION_UNSUPPORTED` and one line that names the file, the
/// place that does not fit and both versions; with `INTERNAL_ERROR` when the
/// file cannot be opened or is no plugin. Nothing of the plugin has run then,
/// except for constructors that its libraries may have.
pub fn load(path: &Path) -> Result<Plugin> {
    let refused =
        |reason: String| Error::new(ErrorCode::OPERATION_UNSUPPORTED, format!("plugin '{}': {reason}", path.display()));
    // SAFETY: opening runs the library's constructors, which is what the
    // operator asked for by installing it.
    let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) }.map_err(|error| {
        // The system's words stand in the source.
        let reason = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
        Error::internal(format!("cannot open plugin '{}': {reason}", path.display()))
    })?;
    // SAFETY: the symbol is a `LibHeader` in every file that exports it, and
    // `AbiHeaderRef` checks for a foreign one.
    let header: AbiHeaderRef = match unsafe { library.get::<AbiHeaderRef>(SYMBOL) } {
        Ok(symbol) => *symbol,
        Err(_) => {
            return Err(Error::internal(format!("'{}' is no plugin: it exports no plugin header", path.display())));
        }
    };
    // The header points into the library from here on.
    let _ = library.into_raw();
    if !header.is_valid() {
        return Err(refused("its plugin header is of another kind".to_owned()));
    }
    let header: &'static LibHeader =
        header.upgrade().map_err(|_| refused("its plugin header is of another version".to_owned()))?;
    let interface_version = header.version_strings().version.to_string();
    let theirs = header.layout().ok_or_else(|| refused("it does not tell its layout".to_owned()))?;
    if let Err(errors) = compatible(<PluginModuleRef as StableAbi>::LAYOUT, theirs) {
        tracing::debug!(plugin = %path.display(), %errors, "layout does not fit");
        return Err(refused(format!(
            "built for interfaces {interface_version}, this daemon has {INTERFACE_VERSION}: {}",
            first_difference(&errors)
        )));
    }
    // SAFETY: the layout was compared just now.
    let module = unsafe { header.init_root_module_with_unchecked_layout::<PluginModuleRef>() }
        .map_err(|error| refused(error.to_string()))?;
    Ok(Plugin { path: path.to_owned(), module, interface_version })
}

fn compatible(ours: &'static TypeLayout, theirs: &'static TypeLayout) -> std::result::Result<(), AbiInstabilityErrors> {
    let check = |interface, implementation| {
        check_layout_compatibility_with_globals(interface, implementation, &CheckingGlobals::new())
    };
    check(ours, theirs).or_else(|newer| check(theirs, ours).map_err(|_| newer))
}

/// One line out of hundreds: where the innermost difference is, and what it is.
fn first_difference(errors: &AbiInstabilityErrors) -> String {
    let deepest = errors.errors.iter().max_by_key(|error| error.stack_trace.len());
    let Some((error, what)) = deepest.and_then(|error| Some((error, error.errs.first()?))) else {
        return "layouts differ".to_owned();
    };
    let steps: Vec<String> = error.stack_trace.iter().map(|step| step.expected.to_string()).collect();
    let names = steps.iter().filter_map(|step| word_after(step, "field_name:"));
    // Unnamed steps are what a reference or a wrapper holds.
    let place = names.filter(|name| name.parse::<u32>().is_err()).collect::<Vec<_>>().join(".");
    let kind = steps.last().and_then(|step| word_after(step, "type:")).unwrap_or_default();
    let what = format!("{what:?}").split_whitespace().collect::<Vec<_>>().join(" ");
    let what = what.replace("(ExpectedFound {", " differs:").replace(" })", "");
    let what = what.char_indices().nth(200).map_or(what.as_str(), |(end, _)| &what[..end]);
    format!("type {kind} at {place}: {what}")
}

fn word_after<'a>(text: &'a str, label: &str) -> Option<&'a str> {
    text.split_once(label)?.1.split_whitespace().next()
}
