//! Which drivers there are.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use oxivirt_core::host::Host;
use oxivirt_core::plugin::loader::INTERFACE_VERSION;
use oxivirt_core::plugin::registry::{DriverState, Found, Registry, find, supported};

use crate::options::Options;

/// The folder of the drivers: as asked for, as installed, or beside a program
/// that was just built.
pub(crate) fn folder(options: &Options) -> PathBuf {
    if let Some(folder) = &options.plugin_dir {
        return folder.clone();
    }
    let program = std::env::current_exe().unwrap_or_default();
    let beside = program.parent().unwrap_or(Path::new("/"));
    let installed = beside.join("../lib/oxivirt/plugins");
    match !installed.is_dir() && holds_drivers(beside) {
        true => beside.to_owned(),
        false => installed,
    }
}

fn holds_drivers(folder: &Path) -> bool {
    let names = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
    names.into_iter().any(|name| {
        let name = name.to_string_lossy();
        name.starts_with("liboxivirt_driver_") && name.ends_with(".so")
    })
}

/// Loads what fits and starts it.
///
/// Errors: a folder that cannot be read; a file that does not fit or a driver
/// that does not start is only worth a line in the log.
pub(crate) fn start(folder: &Path, host: Host) -> Result<Registry, String> {
    let found = find(folder).map_err(|error| error.to_string())?;
    for (_, error) in &found.refused {
        tracing::warn!(%error, "plugin refused");
    }
    if found.plugins.is_empty() {
        tracing::warn!(folder = %folder.display(), "no driver was found");
    }
    let registry = Registry::start(found.plugins, host);
    for entry in registry.drivers() {
        let (driver, plugin) = (entry.module.name().as_str(), entry.plugin.path.display());
        match &entry.state {
            DriverState::Ready(_) => tracing::info!(driver, %plugin, "driver serves"),
            DriverState::Declined(reason) => tracing::info!(driver, %plugin, reason, "driver has nothing to do here"),
            DriverState::Failed(error) => tracing::error!(driver, %plugin, %error, "driver did not start"),
        }
    }
    Ok(registry)
}

/// What there is, as text for people.
pub(crate) fn report(folder: &Path) -> Result<String, String> {
    let found = find(folder).map_err(|error| error.to_string())?;
    Ok(describe(folder, &found))
}

fn describe(folder: &Path, found: &Found) -> String {
    let mut text = format!("plugins in {}, interfaces of this daemon: {INTERFACE_VERSION}\n", folder.display());
    for plugin in &found.plugins {
        let module = &plugin.module;
        let _ = writeln!(
            text,
            "\nplugin {} {} (interfaces {}): {}\n  file {}",
            module.name(),
            module.version(),
            plugin.interface_version,
            module.description(),
            plugin.path.display()
        );
        for driver in module.drivers().iter() {
            let schemes: Vec<&str> = driver.schemes().iter().map(|scheme| scheme.as_str()).collect();
            let kind = driver.kind().name().unwrap_or("OTHER").to_lowercase();
            let _ = writeln!(text, "  driver {} ({kind}), schemes: {}", driver.name(), schemes.join(" "));
            for (interface, calls) in supported(*driver) {
                let _ = writeln!(text, "    {interface}: {}", calls.join(" "));
            }
        }
    }
    for (_, error) in &found.refused {
        let _ = writeln!(text, "\nrefused: {error}");
    }
    text
}
