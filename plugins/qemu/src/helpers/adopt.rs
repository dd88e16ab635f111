//! Programs that another daemon of this kind left beside a guest: it notes
//! only their process ids, in files of known names.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::{GraphicsKind, TpmBackend};

use super::Site;
use super::helper::Kind;
use crate::process::Process;
use crate::status::HelperNote;

/// Those of a guest whose status file tells of none.
pub(crate) fn left_by_another(site: &Site, domain: &DomainDefinition) -> Vec<HelperNote> {
    let mut found = Vec::new();
    let mut look = |kind: Kind, alias: Option<&str>, pid_file: PathBuf, files: Vec<PathBuf>| {
        let Some(pid) = process_in(&pid_file, kind) else { return };
        let files = std::iter::once(pid_file).chain(files).collect();
        let alias = alias.unwrap_or_default().to_owned();
        found.push(HelperNote { kind: kind.word().to_owned(), alias, pid, start_time: None, files });
    };
    let d = &domain.devices;
    for tpm in d.tpms.iter().filter(|tpm| matches!(tpm.backend, TpmBackend::Emulator(_))) {
        let (pid, socket) = super::swtpm::run_files(site);
        look(Kind::Tpm, tpm.info.alias.as_deref(), pid, vec![socket]);
    }
    for net in &d.interfaces {
        let Some(alias) = net.info.alias.as_deref() else { continue };
        let (pid, socket) = super::passt::run_files(site, alias);
        look(Kind::Network, Some(alias), pid, vec![socket]);
    }
    for fs in d.filesystems.iter().filter(|fs| fs.source.socket.is_none()) {
        let Some(alias) = fs.info.alias.as_deref() else { continue };
        let socket = site.own(&format!("{alias}-fs.sock"));
        look(Kind::FileSystem, Some(alias), super::virtiofsd::pid_file(site, alias), vec![socket]);
    }
    for video in &d.videos {
        let Some(alias) = video.info.alias.as_deref() else { continue };
        look(Kind::Gpu, Some(alias), super::gpu::pid_file(site, alias), Vec::new());
    }
    if d.graphics.iter().any(|g| matches!(g.kind, GraphicsKind::DBus(_))) {
        let (pid, socket, configuration) = super::bus::run_files(site);
        look(Kind::Bus, None, pid, vec![socket, configuration]);
    }
    for (alias, served) in crate::status::served(domain) {
        look(Kind::Disk, Some(&alias), served.pid_file.into(), vec![served.socket.into()]);
    }
    let (pid, socket) = super::reservations::run_files(site);
    look(Kind::Reservations, Some(super::reservations::ALIAS), pid, vec![socket]);
    found
}

/// Ends the program whose pid file belongs to no guest that runs; nothing for any other file.
///
/// * `busy` – processes of guests that run: a number in an old file may have come to mean one of them.
///
/// Its command line must name the place that the pid file is called after, or be one that gets its socket.
pub(crate) fn end_stray(file: &Path, busy: &HashSet<i32>) {
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let Some(stem) = name.strip_suffix(".pid") else { return };
    let place = stem.strip_suffix("-passt").unwrap_or(stem);
    let kinds = [
        (Kind::Tpm, stem.ends_with("-swtpm")),
        (Kind::Network, stem.ends_with("-passt")),
        (Kind::Bus, stem.ends_with("-dbus")),
        (Kind::FileSystem, stem.ends_with("-fs")),
        (Kind::Gpu, stem.ends_with("-vhost-user-gpu")),
        (Kind::Reservations, stem == super::reservations::ALIAS),
        (Kind::Disk, stem.starts_with("nbdkit-")),
    ];
    let Some((kind, _)) = kinds.into_iter().find(|(_, fits)| *fits) else { return };
    let Some(pid) = process_in(file, kind).filter(|pid| !busy.contains(pid)) else { return };
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let own = file.with_file_name(place);
    let named = !matches!(kind, Kind::FileSystem | Kind::Gpu);
    if named && !String::from_utf8_lossy(&line).contains(&*own.to_string_lossy()) {
        return;
    }
    tracing::info!(program = %kind.word(), pid, "a program that no guest has is ended");
    let ended = Process::find(pid).and_then(|process| process.terminate(PATIENCE, true));
    if let Err(error) = ended {
        tracing::warn!(program = %kind.word(), pid, %error, "a program that no guest has stays");
    }
}

/// How long one may take to end when asked to.
const PATIENCE: Duration = Duration::from_secs(5);

/// The process in a pid file, if that still is such a program.
fn process_in(file: &Path, kind: Kind) -> Option<i32> {
    let pid: i32 = oxivirt_util::file::read_text(file, 64).ok()?.trim().parse().ok()?;
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let words: Vec<&str> = std::str::from_utf8(&line).ok()?.split('\0').collect();
    let fits = match kind {
        // Programs of any name, which get their socket so.
        Kind::FileSystem | Kind::Gpu => words.iter().any(|word| word.starts_with("--fd=")),
        _ => Path::new(words.first()?).file_name()?.to_string_lossy().contains(kind.word()),
    };
    fits.then_some(pid)
}
