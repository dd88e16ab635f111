//! One group in all hierarchies.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{Base, Controller, Hierarchies};
use crate::file;

/// What a group is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Groups of others.
    Parent,
    /// Whole processes.
    Processes,
    /// Some threads of the processes of the group above.
    Threads,
}

/// A group by its path, whether it exists or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    first: BTreeMap<Controller, PathBuf>,
    second: Option<PathBuf>,
    unified: BTreeSet<Controller>,
}

impl Group {
    /// The group with a path.
    ///
    /// * `path` – below `base`; a leading slash does not matter.
    pub fn at(hierarchies: &Hierarchies, base: Base, path: &str) -> Self {
        let path = path.trim_start_matches('/');
        Self {
            first: hierarchies.first.iter().map(|(c, tree)| (*c, tree.base(base).join(path))).collect(),
            second: hierarchies.second.as_ref().map(|tree| tree.base(base).join(path)),
            unified: hierarchies.unified.clone(),
        }
    }

    /// The group of a name in this one.
    pub fn child(&self, name: &str) -> Self {
        Self {
            first: self.first.iter().map(|(c, path)| (*c, path.join(name))).collect(),
            second: self.second.as_ref().map(|path| path.join(name)),
            unified: self.unified.clone(),
        }
    }

    /// The group of a name in this one, for threads.
    pub fn threads(&self, name: &str) -> Self {
        let mut group = self.child(name);
        group.first.retain(|controller, _| controller.is_threaded());
        group.unified.retain(|controller| controller.is_threaded());
        group
    }

    /// Whether a controller is there.
    pub fn has(&self, controller: Controller) -> bool {
        self.first.contains_key(&controller) || self.unified.contains(&controller)
    }

    /// Whether nothing is controlled.
    pub fn is_empty(&self) -> bool {
        self.first.is_empty() && self.unified.is_empty()
    }

    /// Whether it is there in all hierarchies.
    pub fn exists(&self) -> bool {
        !self.is_empty() && self.folders().iter().all(|folder| folder.is_dir())
    }

    /// Makes it; its parent must be there. One that is there already is a success.
    ///
    /// Errors: it cannot be made; what was made by this call is gone again.
    pub fn create(&self, level: Level) -> io::Result<()> {
        let mut made = Vec::new();
        for folder in self.folders() {
            let outcome = match fs::create_dir(&folder) {
                Ok(()) => {
                    made.push(folder.clone());
                    Ok(())
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                Err(error) => Err(file::at(&folder, "cannot make group", error)),
            };
            let outcome = outcome.and_then(|()| self.equip(&folder, level));
            if let Err(error) = outcome {
                for folder in made.iter().rev() {
                    let _ = fs::remove_dir(folder);
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// What a new group needs before anything can be put into it.
    fn equip(&self, folder: &Path, level: Level) -> io::Result<()> {
        if self.second.as_deref() == Some(folder) {
            if level == Level::Threads {
                write(&folder.join("cgroup.type"), "threaded")?;
            }
            return match folder.parent() {
                Some(parent) => self.switch_on(parent),
                None => Ok(()),
            };
        }
        if self.first.get(&Controller::CpuSet).map(PathBuf::as_path) == Some(folder) {
            for name in ["cpuset.cpus", "cpuset.mems"] {
                // An empty set takes no process.
                let own = read(&folder.join(name))?;
                if own.is_empty()
                    && let Some(parent) = folder.parent()
                {
                    write(&folder.join(name), &read(&parent.join(name))?)?;
                }
            }
        }
        Ok(())
    }

    /// Gives the children of a group of the second version their controllers.
    fn switch_on(&self, parent: &Path) -> io::Result<()> {
        let file = parent.join("cgroup.subtree_control");
        let now = read(&file)?;
        for name in self.unified.iter().filter_map(|controller| controller.unified_name()) {
            if !now.split_ascii_whitespace().any(|word| word == name) {
                write(&file, &format!("+{name}"))?;
            }
        }
        Ok(())
    }

    /// Files through which a process puts itself into the group by writing `0`,
    /// for use between fork and exec.
    pub fn doors(&self) -> io::Result<Vec<OwnedFd>> {
        let open = |folder: PathBuf| {
            let path = folder.join("cgroup.procs");
            let file = fs::OpenOptions::new().write(true).open(&path);
            file.map(OwnedFd::from).map_err(|error| file::at(&path, "cannot open", error))
        };
        self.folders().into_iter().map(open).collect()
    }

    /// Puts a process with all its threads into the group.
    pub fn add_process(&self, process: i32) -> io::Result<()> {
        self.folders().iter().try_for_each(|folder| write(&folder.join("cgroup.procs"), &process.to_string()))
    }

    /// Puts one thread into the group.
    pub fn add_thread(&self, thread: i32) -> io::Result<()> {
        self.folders().iter().try_for_each(|folder| {
            let second = self.second.as_deref() == Some(folder);
            let file = if second { "cgroup.threads" } else { "tasks" };
            write(&folder.join(file), &thread.to_string())
        })
    }

    /// Removes the group with all below it. One that is not there is a success.
    ///
    /// Errors: somebody is still in it after `patience`, in which a process that was ended goes.
    pub fn remove(&self, patience: Duration) -> io::Result<()> {
        let end = Instant::now() + patience;
        let mut first = None;
        for folder in self.folders() {
            loop {
                match remove_tree(&folder, DEPTH) {
                    Ok(()) => break,
                    Err(error) if error.kind() == io::ErrorKind::ResourceBusy && Instant::now() < end => {
                        std::thread::sleep(Duration::from_millis(20));
                    }
                    Err(error) => {
                        first.get_or_insert(error);
                        break;
                    }
                }
            }
        }
        first.map_or(Ok(()), Err)
    }

    /// Names of the groups in this one, in any hierarchy.
    pub fn children(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for folder in self.folders() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let Ok(name) = entry.file_name().into_string() else { continue };
                if !names.contains(&name) && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    names.push(name);
                }
            }
        }
        names
    }

    /// Whether no process is in it or below it; false also where that cannot be told.
    pub fn is_unused(&self) -> bool {
        self.folders().iter().all(|folder| !folder.exists() || is_unused(folder, DEPTH))
    }

    /// Removes the group where nothing is in it.
    pub fn remove_if_unused(&self) {
        for folder in self.folders() {
            let _ = fs::remove_dir(folder);
        }
    }

    /// The file of a controller; `old` and `new` are its names in the versions.
    ///
    /// Errors: the controller is not there.
    pub(super) fn file(&self, controller: Controller, old: &str, new: &str) -> io::Result<PathBuf> {
        let missing = || {
            let text = format!("the control group controller '{}' is not there", controller.name());
            io::Error::new(io::ErrorKind::Unsupported, text)
        };
        match (self.first.get(&controller), &self.second) {
            (Some(folder), _) => Ok(folder.join(old)),
            (None, Some(folder)) if self.unified.contains(&controller) && !new.is_empty() => Ok(folder.join(new)),
            _ => Err(missing()),
        }
    }

    /// Whether a controller is of the second version.
    pub fn is_unified(&self, controller: Controller) -> bool {
        self.unified.contains(&controller)
    }

    /// Its folders, each once: controllers may share a hierarchy.
    fn folders(&self) -> Vec<PathBuf> {
        let mut folders: Vec<PathBuf> = Vec::new();
        let second = self.second.as_ref().filter(|_| !self.unified.is_empty());
        for folder in self.first.values().chain(second) {
            if !folders.contains(folder) {
                folders.push(folder.clone());
            }
        }
        folders
    }
}

fn remove_tree(folder: &Path, depth: u32) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(file::at(folder, "cannot read", error)),
    };
    for entry in entries.flatten() {
        if depth > 0 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_tree(&entry.path(), depth - 1)?;
        }
    }
    match fs::remove_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file::at(folder, "cannot remove group", error)),
        _ => Ok(()),
    }
}

fn is_unused(folder: &Path, depth: u32) -> bool {
    // A group of threads shows no processes; its threads are looked for instead.
    let files = ["cgroup.procs", "tasks", "cgroup.threads"].map(|name| read(&folder.join(name)));
    if !files.iter().any(Result::is_ok) || files.iter().flatten().any(|text| !text.is_empty()) {
        return false;
    }
    let Ok(entries) = fs::read_dir(folder) else { return false };
    let mut below = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    below.all(|entry| depth > 0 && is_unused(&entry.path(), depth - 1))
}

pub(super) fn read(path: &Path) -> io::Result<String> {
    Ok(file::read_text(path, LIMIT)?.trim_end().to_owned())
}

/// Writes to a file that the kernel made; none is ever created.
pub(super) fn write(path: &Path, text: &str) -> io::Result<()> {
    use std::io::Write;
    let mut file =
        fs::OpenOptions::new().write(true).open(path).map_err(|error| file::at(path, "cannot open", error))?;
    file.write_all(text.as_bytes())
        .map_err(|error| file::at(path, &format!("cannot write '{}' to", text.trim_end()), error))
}

/// Groups below a guest's own are few and flat.
const DEPTH: u32 = 8;

const LIMIT: usize = 1 << 20;
