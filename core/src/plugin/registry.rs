//! The drivers of this program: found in folders, started in order, opened by
//! URI scheme.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use super::loader::{self, Plugin};
use super::{DriverKind, DriverModuleRef, OpenFlags};
use crate::abi::{ROption, RStr};
use crate::call::Call;
use crate::host::Host;
use crate::interface::INTERFACES;
use crate::object::Object;
use crate::{Connection, Error, ErrorCode, Result};

/// How long a driver may take to start. One that takes guests over asks each of
/// them with limits of its own, which are well below.
const START_LIMIT: Duration = Duration::from_secs(90);

/// Every plugin of a folder, and the files that were refused.
#[derive(Default)]
pub struct Found {
    /// Plugins that fit.
    pub plugins: Vec<Plugin>,
    /// Files that do not, with the reason.
    pub refused: Vec<(PathBuf, Error)>,
}

/// Loads every `*.so` of a folder, in the order of their names. A folder that
/// is missing holds no plugins.
pub fn find(folder: &Path) -> Result<Found> {
    let mut found = Found::default();
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(found),
        Err(error) => {
            return Err(Error::system(format!("cannot read plugin folder '{}'", folder.display()), &error));
        }
    };
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "so"))
        .collect();
    files.sort();
    for path in files {
        match loader::load(&path) {
            Ok(plugin) => found.plugins.push(plugin),
            Err(error) => found.refused.push((path, error)),
        }
    }
    Ok(found)
}

/// How far a driver got.
pub enum DriverState {
    /// It serves.
    Ready(Object),
    /// It runs in a process of its own, which may come and go.
    Hosted(Box<dyn HostedDriver>),
    /// It has nothing to drive here.
    Declined(String),
    /// It could not start.
    Failed(Error),
}

/// A driver that runs in a process of its own.
pub trait HostedDriver: Send + Sync {
    /// Opens a connection, see [`Registry::open`].
    fn open(&self, call: &Call, uri: &str, flags: OpenFlags) -> Result<Connection>;

    /// Makes the driver read its configuration again.
    fn reload(&self) -> Result<()>;

    /// The daemon ends: ends the driver and its process.
    fn stop(&self);

    /// Its process, while there is one that serves.
    fn process(&self) -> Option<u32>;
}

/// Decides which plugins run in processes of their own, and starts these.
pub trait Hosting: Sync {
    /// Starts a plugin elsewhere: how far each of its drivers got, in their
    /// order. `None` for a plugin that is to run in this process.
    fn host(&self, plugin: &Plugin) -> Option<Vec<DriverState>>;
}

/// How [`Registry::start_with`] starts drivers.
pub struct Starting<'a> {
    /// How long one driver of this process may take.
    pub limit: Duration,
    /// Who starts drivers elsewhere.
    pub hosting: Option<&'a dyn Hosting>,
}

impl Default for Starting<'_> {
    fn default() -> Self {
        Self { limit: START_LIMIT, hosting: None }
    }
}

/// A driver that was found.
pub struct DriverEntry {
    /// The plugin it came from.
    pub plugin: Plugin,
    /// Its tables.
    pub module: DriverModuleRef,
    /// How far it got.
    pub state: DriverState,
}

impl DriverEntry {
    /// Names of the calls that its connections have, by interface.
    pub fn supported(&self) -> Vec<(&'static str, Vec<&'static str>)> {
        supported(self.module)
    }

    /// Whether it can be asked for connections.
    pub fn serves(&self) -> bool {
        matches!(self.state, DriverState::Ready(_) | DriverState::Hosted(_))
    }

    /// Makes the driver read its configuration again, if it runs.
    pub fn reload(&self) -> Result<()> {
        match &self.state {
            // SAFETY: the driver came from this table's `start`.
            DriverState::Ready(driver) => unsafe { self.module.reload()(driver.borrowed()) }.into_result(),
            DriverState::Hosted(driver) => driver.reload(),
            DriverState::Declined(_) | DriverState::Failed(_) => Ok(()),
        }
    }
}

/// Names of the calls that a driver has, by interface; interfaces without any
/// are left out.
pub fn supported(module: DriverModuleRef) -> Vec<(&'static str, Vec<&'static str>)> {
    let tables = module.interfaces();
    let rows = INTERFACES.iter().map(|interface| {
        let calls = interface.calls.iter().enumerate();
        let names = calls.filter(|(index, _)| (interface.supports)(tables, *index)).map(|(_, call)| call.name);
        (interface.name, names.collect::<Vec<_>>())
    });
    rows.filter(|(_, names)| !names.is_empty()).collect()
}

/// The drivers of this program.
#[derive(Default)]
pub struct Registry {
    drivers: Vec<DriverEntry>,
}

impl Registry {
    /// Starts every driver of `plugins`, those that others want first. A
    /// driver that fails or declines does not stop the others.
    pub fn start(plugins: Vec<Plugin>, host: Host) -> Self {
        Self::start_with(plugins, host, &Starting::default())
    }

    /// The same, with limits of one's own and drivers that run elsewhere.
    pub fn start_with(plugins: Vec<Plugin>, host: Host, starting: &Starting<'_>) -> Self {
        let waiting = plugins.iter().flat_map(|plugin| {
            let drivers = plugin.module.drivers().as_slice();
            drivers.iter().enumerate().map(|(index, module)| (plugin.clone(), index, *module))
        });
        // What came of the plugins that run elsewhere, by their files.
        let mut elsewhere: HashMap<PathBuf, Vec<Option<DriverState>>> = HashMap::new();
        let mut here: HashSet<PathBuf> = HashSet::new();
        let mut registry = Registry::default();
        for (plugin, index, module) in order(waiting.collect()) {
            if !here.contains(&plugin.path) && !elsewhere.contains_key(&plugin.path) {
                match starting.hosting.and_then(|hosting| hosting.host(&plugin)) {
                    Some(states) => {
                        elsewhere.insert(plugin.path.clone(), states.into_iter().map(Some).collect());
                    }
                    None => {
                        (plugin.module.attach())(host);
                        here.insert(plugin.path.clone());
                    }
                }
            }
            let state = match elsewhere.get_mut(&plugin.path) {
                Some(states) => states.get_mut(index).and_then(Option::take).unwrap_or_else(|| {
                    DriverState::Failed(Error::internal(format!("driver {} was not started", module.name())))
                }),
                None => start_within(starting.limit, module, host),
            };
            registry.drivers.push(DriverEntry { plugin, module, state });
        }
        registry
    }

    /// Every driver that was found.
    pub fn drivers(&self) -> &[DriverEntry] {
        &self.drivers
    }

    /// Opens a connection.
    ///
    /// A URI with a transport (`qemu+tcp://host/system`) goes to a driver with
    /// that transport, one with a host alone to a driver that takes hosts for
    /// this scheme, else to one with the transport `tls`.
    ///
    /// * Errors: `NO_CONNECT` naming the scheme when no driver serves it, or
    ///   why the one that would does not run.
    pub fn open(&self, call: &Call, uri: &str, flags: OpenFlags) -> Result<Connection> {
        let scheme = uri.split(':').next().unwrap_or_default();
        let entry = self.entry_for(uri);
        let no_connect = |detail: String| Err(Error::new(ErrorCode::NO_CONNECT, detail));
        match entry.map(|entry| (&entry.state, entry.module)) {
            Some((DriverState::Ready(driver), module)) => {
                // SAFETY: the driver came from this table's `start`.
                unsafe { module.open()(driver.borrowed(), call, RStr::from(uri), flags) }
                    .into_result()
                    .map(super::ForeignConnection::into_connection)
            }
            Some((DriverState::Hosted(driver), _)) => driver.open(call, uri, flags),
            Some((DriverState::Declined(reason), module)) => {
                no_connect(format!("'{uri}': driver {} is not available: {reason}", module.name()))
            }
            Some((DriverState::Failed(error), module)) => {
                no_connect(format!("'{uri}': driver {} did not start: {error}", module.name()))
            }
            None => no_connect(format!("'{uri}': no driver plugin for scheme '{scheme}' is installed")),
        }
    }

    fn entry_for(&self, uri: &str) -> Option<&DriverEntry> {
        let with = |wanted: &str| {
            self.drivers.iter().find(|entry| entry.module.schemes().iter().any(|name| name.as_str() == wanted))
        };
        let (scheme, rest) = uri.split_once(':').unwrap_or((uri, ""));
        if let Some((_, transport)) = scheme.split_once('+') {
            return with(&format!("+{transport}"));
        }
        let takes_hosts = with(&format!("{scheme}//"));
        match names_host(rest) {
            true => takes_hosts.or_else(|| with(DEFAULT_TRANSPORT)).or_else(|| with(scheme)),
            false => with(scheme).or(takes_hosts),
        }
    }

    /// Tells every driver to read its configuration again; returns what failed.
    pub fn reload(&self) -> Vec<(String, Error)> {
        let results = self.drivers.iter().map(|entry| (entry.module.name().to_string(), entry.reload()));
        results.filter_map(|(name, result)| result.err().map(|error| (name, error))).collect()
    }

    /// Tells every driver that the daemon ends, in the reverse order of start.
    pub fn stop(&self) {
        for entry in self.drivers.iter().rev() {
            match &entry.state {
                // SAFETY: the driver came from this table's `start`.
                DriverState::Ready(driver) => unsafe { entry.module.stop()(driver.borrowed()) },
                DriverState::Hosted(driver) => driver.stop(),
                DriverState::Declined(_) | DriverState::Failed(_) => {}
            }
        }
    }
}

/// The transport of a URI that names a host and no transport.
const DEFAULT_TRANSPORT: &str = "+tls";

/// Whether what follows the scheme names a host.
fn names_host(rest: &str) -> bool {
    let authority = rest.strip_prefix("//").and_then(|rest| rest.split(['/', '?', '#']).next());
    authority.is_some_and(|authority| !authority.is_empty())
}

/// Starts a driver on a thread of its own, so that one that hangs is given up
/// and the others start all the same.
fn start_within(limit: Duration, module: DriverModuleRef, host: Host) -> DriverState {
    let (sender, receiver) = mpsc::channel();
    let start = move || {
        // SAFETY: the table is the plugin's own.
        let state = match unsafe { module.start()(host) }.into_result() {
            Ok(started) => match started.driver {
                ROption::RSome(driver) => DriverState::Ready(driver),
                ROption::RNone => DriverState::Declined(started.declined.into()),
            },
            Err(error) => DriverState::Failed(error),
        };
        let _ = sender.send(state);
    };
    if let Err(error) = std::thread::Builder::new().name("driver-start".to_owned()).spawn(start) {
        return DriverState::Failed(Error::system("no thread to start a driver on", &error));
    }
    receiver.recv_timeout(limit).unwrap_or_else(|_| {
        DriverState::Failed(Error::timed_out(format!(
            "driver {} did not start within {} seconds",
            module.name(),
            limit.as_secs()
        )))
    })
}

/// A driver that was not started yet: its plugin, its place there, its tables.
type Waiting = (Plugin, usize, DriverModuleRef);

/// Puts drivers behind those whose kind they want. Wishes in a circle are
/// started in the order found; wishes for kinds that nobody has are ignored.
fn order(mut waiting: Vec<Waiting>) -> Vec<Waiting> {
    let mut ordered = Vec::new();
    while !waiting.is_empty() {
        let kinds: Vec<DriverKind> = waiting.iter().map(|(_, _, module)| module.kind()).collect();
        let ready = waiting.iter().position(|(_, _, module)| {
            module.wants().iter().all(|want| *want == module.kind() || !kinds.contains(want))
        });
        ordered.push(waiting.remove(ready.unwrap_or_default()));
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::names_host;

    #[test]
    fn hosts_stand_between_the_slashes() {
        for (rest, expected) in [
            ("//box/system", true),
            ("//me@[::1]:1/", true),
            ("///system", false),
            ("//?socket=/a", false),
            ("", false),
        ] {
            assert_eq!(names_host(rest), expected, "{rest}");
        }
    }
}
