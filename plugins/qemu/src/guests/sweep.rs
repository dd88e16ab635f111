//! What a daemon that was killed leaves behind and no guest needs: half
//! written files, folders of guests that never ran or have ended.

use std::collections::HashSet;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_core::{Error, ErrorCode, Result};

use super::Guests;
use crate::document;
use crate::helpers;
use crate::process::pages;

impl Guests {
    /// Removes files that were to replace others and never did.
    pub(super) fn remove_unfinished(&self) {
        let folders = &self.folders;
        for folder in [&folders.config, &folders.autostart, &folders.run, &folders.lib.join("nvram")] {
            if let Err(error) = oxivirt_util::file::remove_unfinished(folder) {
                tracing::warn!(%error, "half written files stay");
            }
        }
    }

    /// Ends a renaming that was begun: of two files that differ in nothing but
    /// the name, the newer one counts.
    ///
    /// * `path` – a definition that was not taken in for `error`, which is
    ///   given back where it is something else.
    pub(super) fn finish_rename(&self, path: &Path, error: Error) -> Result<()> {
        if error.code() != ErrorCode::OPERATION_FAILED {
            return Err(error);
        }
        let read = |path: &Path| document::read_stored(&document::read_file(path)?, &self.catalog, &self.folders);
        let this = read(path)?;
        let Some(object) = self.table.by_uuid(this.uuid) else { return Err(error) };
        let other_name = object.snapshot().definition().name.clone();
        let other_path = self.folders.definition(&other_name);
        let same = DomainDefinition { name: other_name.clone(), ..this.clone() } == read(&other_path)?;
        // A file that is not called after its domain is somebody's copy.
        if !same || path == other_path || path != self.folders.definition(&this.name) {
            return Err(error);
        }
        let age = |path: &Path| std::fs::metadata(path).and_then(|m| m.modified());
        let old = match (age(path), age(&other_path)) {
            (Ok(this), Ok(other)) if this > other => other_path,
            _ => path.to_owned(),
        };
        tracing::info!(file = %old.display(), "the definition was being renamed; its old file goes");
        oxivirt_util::file::remove_if_exists(&old)
            .map_err(|e| Error::system(format_args!("cannot remove '{}'", old.display()), &e))?;
        if old != path {
            let job = self.job(&object, oxivirt_conf::object::JobKind::Modify, "loading")?;
            self.table.rename(&job, this)?;
        }
        Ok(())
    }

    /// Removes what belongs to no guest that runs. Called once every running
    /// guest is known, and before any is started.
    pub(super) fn sweep(&self) {
        let mut kept: HashSet<PathBuf> = HashSet::new();
        let mut busy: HashSet<i32> = HashSet::new();
        let mut names: HashSet<String> = HashSet::new();
        let mut stored: HashSet<String> = HashSet::new();
        for (object, snapshot) in self.table.list().iter() {
            let name = &snapshot.definition().name;
            if snapshot.is_persistent() {
                stored.insert(name.clone());
            }
            let Some(run) = object.private().run() else { continue };
            names.insert(name.clone());
            kept.extend([run.files.state.clone(), run.files.channels.clone(), run.files.memory.clone()]);
            kept.extend(run.lasting.lib_dir.clone());
            kept.extend(run.lasting.channel_dir.clone());
            kept.extend(run.lasting.memory_dir.clone());
            let helpers = run.helpers.notes();
            busy.extend(helpers.iter().map(|note| note.pid));
            kept.extend(helpers.into_iter().flat_map(|note| note.files));
        }
        let folders = &self.folders;
        let is_guests = |path: &Path| file_name(path).is_some_and(|name| name.starts_with("domain-"));
        let strays = entries(&folders.lib).into_iter().filter(|path| is_guests(path));
        for folder in strays.chain(entries(&folders.run.join("channel"))).chain(entries(&folders.lib.join("ram"))) {
            // Whatever made it, a QEMU that still listens there is no leftover.
            let used = UnixStream::connect(folder.join("monitor.sock")).is_ok();
            if !kept.contains(&folder) && folder.is_dir() {
                match used {
                    true => tracing::error!(folder = %folder.display(), "a QEMU runs that no status file tells of"),
                    false => {
                        entries(&folder).iter().for_each(|file| helpers::end_stray(file, &busy));
                        remove(&folder, std::fs::remove_dir_all(&folder));
                        // Huge pages are shared with daemons of other roots: only what is known to be ours goes.
                        if let Some(guest) = file_name(&folder).and_then(|name| name.strip_prefix("domain-")) {
                            remove_huge_pages(guest);
                        }
                    }
                }
            }
        }
        for file in entries(&folders.run) {
            if let Some(name) = file_name(&file).and_then(|name| name.strip_suffix(".pid"))
                && !names.contains(name)
                && !kept.contains(&file)
            {
                helpers::end_stray(&file, &busy);
                remove(&file, std::fs::remove_file(&file));
            }
        }
        for file in ["swtpm", "passt", "dbus"].into_iter().flat_map(|kind| entries(&folders.run.join(kind))) {
            if !kept.contains(&file) {
                helpers::end_stray(&file, &busy);
                remove(&file, std::fs::remove_file(&file));
            }
        }
        for link in entries(&folders.autostart) {
            if let Some(name) = file_name(&link).and_then(|name| name.strip_suffix(".xml"))
                && !stored.contains(name)
                && link.is_symlink()
                && !link.exists()
            {
                remove(&link, std::fs::remove_file(&link));
            }
        }
    }
}

fn remove_huge_pages(guest: &str) {
    for mount in pages::mounts() {
        let folder = mount.folder(guest);
        if folder.is_dir() {
            remove(&folder, std::fs::remove_dir_all(&folder));
        }
    }
}

fn file_name(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect()
}

fn remove(path: &Path, result: std::io::Result<()>) {
    match result {
        Ok(()) => tracing::info!(path = %path.display(), "a leftover of an earlier daemon is gone"),
        Err(error) => tracing::warn!(path = %path.display(), %error, "a leftover of an earlier daemon stays"),
    }
}
