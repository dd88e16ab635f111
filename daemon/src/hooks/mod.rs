//! The operator's scripts: the hook folder, called with libvirt's arguments,
//! and the event script.
//!
//! Nothing here holds a lock while a script runs, so that a script may call
//! the daemon; what a script takes long for, only its own caller waits for.

mod script;

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use oxivirt_core::Result;

use crate::globs;
use script::Script;

/// What the configuration says about scripts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wishes {
    /// The event script.
    pub(crate) script: Option<PathBuf>,
    /// The events it wants, as patterns of object and event.
    pub(crate) events: Vec<(String, String)>,
    /// How long one script may take.
    pub(crate) limit: Duration,
}

/// Every script of the operator.
pub(crate) struct Hooks {
    folder: PathBuf,
    wishes: RwLock<Arc<Wishes>>,
}

/// Operations whose hooks print the document that is to be used.
const FILTERS: &[&str] = &["migrate", "restore"];

impl Hooks {
    /// Hooks are looked for below `folder` each time they are due.
    pub(crate) fn new(folder: PathBuf, wishes: Wishes) -> Self {
        Self { folder, wishes: RwLock::new(Arc::new(wishes)) }
    }

    /// Takes over a changed configuration; scripts that run go on.
    pub(crate) fn change(&self, wishes: Wishes) {
        *self.wishes.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(wishes);
    }

    fn wishes(&self) -> Arc<Wishes> {
        self.wishes.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs `<driver>` and then everything in `<driver>.d`, see
    /// [`oxivirt_core::Host::run_hook`].
    pub(crate) fn run(&self, driver: &str, arguments: [&str; 4], xml: &str) -> Result<String> {
        let limit = self.wishes().limit;
        let filters = FILTERS.contains(&arguments[1]);
        let mut document = String::new();
        let mut first = Ok(());
        for path in self.scripts(driver) {
            let input = if document.is_empty() { xml } else { &document };
            let script = Script { path: &path, arguments: &arguments, input, limit };
            match script.run() {
                Ok(output) if filters && !output.trim().is_empty() => document = output,
                Ok(_) => {}
                // The others run all the same, as each may have its own to look after.
                Err(error) => {
                    tracing::error!(%error, "a hook failed");
                    first = first.and(Err(error));
                }
            }
        }
        first.map(|()| document)
    }

    /// Tells the hook `daemon` what the daemon does; nothing depends on it.
    pub(crate) fn tell_daemon(&self, arguments: [&str; 4]) {
        // Logged where it went wrong.
        let _ = self.run("daemon", arguments, "");
    }

    /// Runs the event script, see [`oxivirt_core::Host::run_event_script`].
    pub(crate) fn event(&self, arguments: [&str; 5]) -> Result<()> {
        let wishes = self.wishes();
        let Some(path) = &wishes.script else { return Ok(()) };
        let [object, _, event, qualifier, _] = arguments;
        if !wishes.events.iter().any(|(objects, events)| globs::fits(objects, object) && globs::fits(events, event)) {
            return Ok(());
        }
        let script = Script { path, arguments: &arguments, input: "", limit: wishes.limit };
        match script.run() {
            Err(error) if qualifier != "after" => Err(error),
            Err(error) => {
                tracing::error!(%error, "the event script failed");
                Ok(())
            }
            Ok(_) => Ok(()),
        }
    }

    /// The hooks of a driver in their order.
    fn scripts(&self, driver: &str) -> Vec<PathBuf> {
        let main = self.folder.join(driver);
        let entries = std::fs::read_dir(self.folder.join(format!("{driver}.d"))).into_iter().flatten().flatten();
        let mut more: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        more.sort();
        [main].into_iter().chain(more).filter(|path| is_script(path)).collect()
    }
}

/// Whether a file is there to be run; one that may not be is worth a line in the log.
fn is_script(path: &Path) -> bool {
    if !path.is_file() {
        return false;
    }
    let runs = rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok();
    if !runs {
        tracing::warn!(file = %path.display(), "a hook is not executable and is left out");
    }
    runs
}

#[cfg(test)]
mod tests;
