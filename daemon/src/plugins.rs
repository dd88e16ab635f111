//! Which drivers there are.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use oxivirt_core::host::Host;
use oxivirt_core::plugin::loader::INTERFACE_VERSION;
use oxivirt_core::plugin::registry::{DriverState, Found, Registry, Starting, find, supported};

use crate::hosting::Hoster;
use crate::options::Options;
use crate::settings::Isolation;
use crate::{read_settings, root};

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
///
/// * `hoster`: starts those that run in processes of their own.
pub(crate) fn start(folder: &Path, host: Host, hoster: &Hoster) -> Result<Registry, String> {
    let found = find(folder).map_err(|error| error.to_string())?;
    for (_, error) in &found.refused {
        tracing::warn!(%error, "plugin refused");
    }
    if found.plugins.is_empty() {
        tracing::warn!(folder = %folder.display(), "no driver was found");
    }
    for name in hoster.unknown(&names(&found)) {
        tracing::warn!(plugin = name, "'isolated_plugins' names a plugin that was not found");
    }
    let registry =
        Registry::start_with(found.plugins, host, &Starting { hosting: Some(hoster), ..Starting::default() });
    for entry in registry.drivers() {
        let (driver, plugin) = (entry.module.name().as_str(), entry.plugin.path.display());
        match &entry.state {
            DriverState::Ready(_) => tracing::info!(driver, %plugin, "driver serves"),
            DriverState::Hosted(hosted) => match hosted.process() {
                Some(process) => tracing::info!(driver, %plugin, process, "driver serves in a process of its own"),
                None => tracing::error!(driver, %plugin, "driver does not serve yet"),
            },
            DriverState::Declined(reason) => tracing::info!(driver, %plugin, reason, "driver has nothing to do here"),
            DriverState::Failed(error) => tracing::error!(driver, %plugin, %error, "driver did not start"),
        }
    }
    Ok(registry)
}

/// What there is, as text for people.
///
/// With a configuration that cannot be read it tells nothing about processes;
/// `--check` says what is wrong there.
pub(crate) fn report(options: &Options) -> Result<String, String> {
    let folder = folder(options);
    let found = find(&folder).map_err(|error| error.to_string())?;
    let settings = root(options).ok().and_then(|root| read_settings(options, &root).ok());
    Ok(describe(&folder, &found, &settings.map(|settings| settings.isolation).unwrap_or_default()))
}

/// Finds what is wrong with the choice of plugins that run apart.
///
/// Returns the names of those that do.
pub(crate) fn check(options: &Options, isolation: &Isolation) -> Result<Vec<String>, Vec<String>> {
    if *isolation == Isolation::default() {
        return Ok(Vec::new());
    }
    let folder = folder(options);
    let found = find(&folder).map_err(|error| vec![error.to_string()])?;
    let names = names(&found);
    let unknown = isolation.unknown(&names);
    match unknown.is_empty() {
        true => Ok(names.into_iter().filter(|name| isolation.concerns(name)).map(str::to_owned).collect()),
        false => Err(unknown
            .into_iter()
            .map(|name| format!("'isolated_plugins': there is no plugin '{name}' in {}", folder.display()))
            .collect()),
    }
}

fn names(found: &Found) -> Vec<&str> {
    found.plugins.iter().map(|plugin| plugin.module.name().as_str()).collect()
}

fn describe(folder: &Path, found: &Found, isolation: &Isolation) -> String {
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
        if isolation.concerns(module.name().as_str()) {
            text.push_str("  runs in a process of its own\n");
        }
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
