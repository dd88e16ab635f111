//! `virtiofsd`: serves a folder of the host to a guest.

use std::path::{Path, PathBuf};

use oxivirt_conf::domain::IdMapEntry;
use oxivirt_conf::domain::devices::{Filesystem, VirtiofsCacheMode, VirtiofsSandboxMode};
use oxivirt_core::{Error, Result};

use super::helper::{Helper, Kind};
use super::program::{Program, find_program};
use super::site::{Site, give};
use crate::settings::ProcessRules;
use crate::vhost_user;

/// The pid file of the program behind a folder.
pub(super) fn pid_file(site: &Site, alias: &str) -> PathBuf {
    site.beside(&format!("-{alias}-fs.pid"))
}

/// Starts the program that serves a folder at a socket.
///
/// * Errors: `OPERATION_FAILED` no descriptor of the host names such a
///   program; `OPERATION_UNSUPPORTED` the one of the definition is none.
pub fn start(site: &Site, fs: &Filesystem, socket: &str) -> Result<Helper> {
    let alias = fs.info.alias.clone().ok_or_else(|| Error::internal("a filesystem without an alias"))?;
    let folder = fs.source.path.as_deref().ok_or_else(|| Error::xml("a filesystem without a folder"))?;
    if !Path::new(folder).is_dir() {
        return Err(Error::operation_failed(format!(
            "the virtiofs export directory '{folder}' does not exist or is no directory"
        )));
    }
    let binary = match fs.binary.as_ref().and_then(|binary| binary.path.as_deref()) {
        Some(path) => find_program(path)?,
        None => vhost_user::choose_file_system(&vhost_user::load(&site.vhost_user_folders()), &mut vhost_user::ask)?,
    };
    oxivirt_util::file::remove_if_exists(Path::new(socket))
        .map_err(|e| Error::system(format_args!("cannot remove '{socket}'"), &e))?;
    // It is there before the program, so QEMU can connect at once.
    let listener = crate::process::listen(Path::new(socket))?;
    give(Path::new(socket), &site.settings.process)?;
    let mut arguments = vec![format!("--fd={FD}")];
    arguments.extend(self::arguments(fs, folder));
    if site.settings.helpers.virtiofsd_debug {
        arguments.push("-d".to_owned());
    }
    let program = Program {
        kind: Kind::FileSystem,
        binary,
        arguments,
        environment: Vec::new(),
        descriptors: vec![(listener, FD)],
        // It acts for all users of the guest, in a sandbox of its own.
        rules: ProcessRules::default(),
        log: site.log(&format!("-{alias}-virtiofsd.log")),
        pid_file: pid_file(site, &alias),
        socket: None,
        files: vec![socket.into()],
        alias,
        orphan: false,
    };
    program.start()
}

fn arguments(fs: &Filesystem, folder: &str) -> Vec<String> {
    // A single comma would begin the next option.
    let mut options = format!("source={}", folder.replace(',', ",,"));
    let mut rest = Vec::new();
    let binary = fs.binary.clone().unwrap_or_default();
    let lock = binary.lock.unwrap_or_default();
    let cache = binary.cache.and_then(|cache| cache.mode).map(VirtiofsCacheMode::as_str);
    let sandbox = binary.sandbox.and_then(|sandbox| sandbox.mode).map(VirtiofsSandboxMode::as_str);
    for (name, value) in [("cache", cache), ("sandbox", sandbox)] {
        if let Some(value) = value {
            options.push_str(&format!(",{name}={value}"));
        }
    }
    for (name, value) in [("xattr", binary.xattr), ("flock", lock.flock), ("posix_lock", lock.posix)] {
        match value {
            Some(value) if value.is_on() => options.push_str(&format!(",{name}")),
            Some(_) => options.push_str(&format!(",no_{name}")),
            None => {}
        }
    }
    if let Some(pool) = binary.thread_pool.filter(|pool| pool.size >= 0) {
        rest.push(format!("--thread-pool-size={}", pool.size));
    }
    if let Some(files) = binary.openfiles.filter(|files| files.max > 0) {
        rest.push(format!("--rlimit-nofile={}", files.max));
    }
    let map = fs.idmap.clone().unwrap_or_default();
    for (option, entries) in [("uid", &map.uid), ("gid", &map.gid)] {
        let entry = |e: &IdMapEntry| format!("--{option}-map=:{}:{}:{}:", e.start, e.target, e.count);
        rest.extend(entries.iter().map(entry));
    }
    if fs.readonly {
        rest.push("--readonly".to_owned());
    }
    ["-o".to_owned(), options].into_iter().chain(rest).collect()
}

/// The number of its socket in the program.
const FD: i32 = 3;
