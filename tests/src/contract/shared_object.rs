//! A driver loaded from its shared object, called through its tables.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use oxivirt_core::Call;
use oxivirt_core::plugin::OpenFlags;
use oxivirt_core::plugin::loader;
use oxivirt_core::plugin::registry::{DriverState, Registry};

use super::{Quirks, Setup, Subject, recording_host};

/// Loads a plugin and starts its drivers on a host that writes down their events.
///
/// * `folder` – the drivers' folders lie below it.
/// * Errors: the file is refused, or no driver of it runs.
pub fn shared_object(file: &Path, uri: &'static str, folder: PathBuf, quirks: Quirks) -> Result<Setup, String> {
    let plugin = loader::load(file).map_err(|error| error.to_string())?;
    let (host, recorder) = recording_host(folder);
    let registry = Registry::start(vec![plugin], host);
    let scheme = uri.split(':').next().unwrap_or_default();
    // A driver for a transport says so with a plus sign.
    let transport = scheme.split_once('+').map(|(_, transport)| format!("+{transport}"));
    let wanted = transport.as_deref().unwrap_or(scheme);
    let entry = registry.drivers().iter().find(|entry| entry.module.schemes().iter().any(|name| name == wanted));
    let declared = match entry.map(|entry| (&entry.state, entry.module)) {
        Some((DriverState::Ready(_) | DriverState::Hosted(_), module)) => super::declared(module),
        Some((DriverState::Declined(reason), _)) => return Err(format!("the driver declined: {reason}")),
        Some((DriverState::Failed(error), _)) => return Err(format!("the driver did not start: {error}")),
        None => return Err(format!("{} has no driver for '{scheme}'", file.display())),
    };
    let open = move || {
        let connection = Call::internal("open", |call| registry.open(call, uri, OpenFlags::EMPTY))
            .map_err(|error| format!("'{uri}' cannot be opened: {error}"))?;
        let events = recorder.channel(connection.channel());
        Ok(Subject::full(Arc::new(connection), events))
    };
    Ok(Setup { uri, way: "shared object", declared, open: Arc::new(open), quirks })
}

/// The shared object that cargo built beside the running test of its own crate.
///
/// * `crate_name` – with underscores, such as `oxivirt_driver_test`.
/// * Errors: it is not there, so the crate builds none.
pub fn built_beside(crate_name: &str) -> Result<PathBuf, String> {
    let test = std::env::current_exe().map_err(|error| format!("cannot tell where this test is: {error}"))?;
    let file = test.with_file_name(format!("lib{crate_name}.so"));
    match file.is_file() {
        true => Ok(file),
        false => Err(format!("{} is missing: is the crate a cdylib?", file.display())),
    }
}
