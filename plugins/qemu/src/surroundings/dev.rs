//! A `/dev` of a guest's own.
//!
//! QEMU runs in a mount namespace in which `/dev` holds nothing but the nodes
//! that it may open. [`plan`] works out what has to be made, in a form that
//! the process can carry out between fork and exec; nodes of devices that
//! come later are made from outside, through `/proc/PID/root`.

use std::collections::BTreeSet;
use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Component, Path, PathBuf};

use oxivirt_core::{Error, Result};
use rustix::fs::{CWD, FileType, Gid, Mode, Uid};
use rustix::mount::{MountFlags, MountPropagationFlags};

use super::files::HostFile;

const DEV: &str = "/dev";

/// What a process does to get a `/dev` of its own.
#[derive(Debug)]
pub(crate) struct Plan {
    /// A folder of the host on which it is put together.
    stage: PathBuf,
    steps: Vec<Step>,
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    Folder(CString),
    File(CString),
    Link {
        path: CString,
        target: CString,
    },
    Node {
        path: CString,
        kind: FileType,
        mode: u32,
        device: u64,
        owner: (u32, u32),
    },
    /// A file system that stays what it is on the host.
    Mount {
        from: CString,
        to: CString,
    },
}

/// Works out a guest's `/dev`.
///
/// * `stage` – a folder that may be made, empty; it can be removed once QEMU runs.
/// * `acl` – nodes that every guest has; `owner` – whom those of the guest's devices belong to.
/// * Errors: `SYSTEM_ERROR`.
pub(crate) fn plan(stage: &Path, acl: &[String], files: &[HostFile], owner: Option<(u32, u32)>) -> Result<Plan> {
    let what = |e: io::Error| Error::system("cannot work out the devices of a guest", &e);
    let text = std::fs::read_to_string("/proc/self/mountinfo").map_err(what)?;
    let mut builder = Builder::new(stage);
    for mount in mounts_below(&text) {
        builder.mount(&mount).map_err(what)?;
    }
    for path in acl {
        builder.node(Path::new(path), None).map_err(what)?;
    }
    for file in files {
        builder.node(&file.path, owner.filter(|_| file.owned)).map_err(what)?;
    }
    for (name, target) in [("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")] {
        builder.link(&Path::new(DEV).join(name), Path::new(target)).map_err(what)?;
    }
    oxivirt_util::file::make_folders(stage, 0o755)
        .map_err(|e| Error::system(format_args!("cannot make folder '{}'", stage.display()), &e))?;
    Ok(Plan { stage: stage.to_owned(), steps: builder.steps })
}

impl Plan {
    /// The folder that can go once QEMU runs.
    pub(crate) fn stage(&self) -> &Path {
        &self.stage
    }

    /// A copy in a form that needs no memory, for a process between fork and exec.
    ///
    /// Errors: a path that no call takes.
    pub(crate) fn ready(self) -> io::Result<Ready> {
        Ok(Ready { stage: text(&self.stage)?, steps: self.steps })
    }
}

/// All that is done between fork and exec.
#[derive(Debug)]
pub(crate) struct Ready {
    stage: CString,
    steps: Vec<Step>,
}

impl Ready {
    /// Leaves the host's mounts and makes `/dev`. Calls the system only: safe between fork and exec.
    pub(crate) fn carry_out(&self) -> io::Result<()> {
        rustix::mount::mount_change(c"/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)?;
        let options: &CStr = c"mode=755,size=65536";
        rustix::mount::mount(c"devfs", &*self.stage, c"tmpfs", MountFlags::NOSUID, options)?;
        for step in &self.steps {
            step.take()?;
        }
        rustix::mount::mount_move(&*self.stage, c"/dev")?;
        Ok(())
    }
}

impl Step {
    fn take(&self) -> io::Result<()> {
        use rustix::fs;
        let exists = |outcome: rustix::io::Result<()>| match outcome {
            Err(rustix::io::Errno::EXIST) => Ok(()),
            other => Ok::<(), io::Error>(other?),
        };
        match self {
            Self::Folder(path) => exists(fs::mkdirat(CWD, &**path, Mode::from_raw_mode(0o755))),
            Self::File(path) => exists(fs::mknodat(CWD, &**path, FileType::RegularFile, Mode::from_raw_mode(0o644), 0)),
            Self::Link { path, target } => exists(fs::symlinkat(&**target, CWD, &**path)),
            Self::Node { path, kind, mode, device, owner } => {
                let mode = Mode::from_raw_mode(*mode);
                exists(fs::mknodat(CWD, &**path, *kind, mode, *device))?;
                let (user, group) = (Uid::from_raw(owner.0), Gid::from_raw(owner.1));
                fs::chownat(CWD, &**path, Some(user), Some(group), fs::AtFlags::SYMLINK_NOFOLLOW)?;
                // What the mask of this process took away.
                Ok(fs::chmodat(CWD, &**path, mode, fs::AtFlags::empty())?)
            }
            Self::Mount { from, to } => match rustix::mount::mount_bind_recursive(&**from, &**to) {
                // One that went away meanwhile is not missed.
                Err(rustix::io::Errno::NOENT) => Ok(()),
                other => Ok(other?),
            },
        }
    }
}

struct Builder<'b> {
    root: &'b Path,
    steps: Vec<Step>,
    known: BTreeSet<PathBuf>,
}

impl<'b> Builder<'b> {
    fn new(root: &'b Path) -> Self {
        Self { root, steps: Vec::new(), known: BTreeSet::new() }
    }

    /// Where something of `/dev` is made.
    fn place(&self, path: &Path) -> Option<PathBuf> {
        let rest = path.strip_prefix(DEV).ok()?;
        let plain = rest.components().all(|part| matches!(part, Component::Normal(_)));
        (plain && rest != Path::new("")).then(|| self.root.join(rest))
    }

    fn folders(&mut self, place: &Path) -> io::Result<()> {
        let Some(parent) = place.parent() else { return Ok(()) };
        if parent == self.root || !parent.starts_with(self.root) || !self.known.insert(parent.to_owned()) {
            return Ok(());
        }
        self.folders(parent)?;
        self.steps.push(Step::Folder(text(parent)?));
        Ok(())
    }

    fn mount(&mut self, point: &Path) -> io::Result<()> {
        let Some(place) = self.place(point) else { return Ok(()) };
        let Ok(meta) = std::fs::metadata(point) else { return Ok(()) };
        self.folders(&place)?;
        let to = text(&place)?;
        self.steps.push(if meta.is_dir() { Step::Folder(to.clone()) } else { Step::File(to.clone()) });
        self.known.insert(place);
        self.steps.push(Step::Mount { from: text(point)?, to });
        Ok(())
    }

    fn link(&mut self, path: &Path, target: &Path) -> io::Result<()> {
        let Some(place) = self.place(path) else { return Ok(()) };
        if self.known.insert(place.clone()) {
            self.folders(&place)?;
            self.steps.push(Step::Link { path: text(&place)?, target: text(target)? });
        }
        Ok(())
    }

    /// A node of the host with the links that lead to it; whatever is none is left out.
    fn node(&mut self, path: &Path, owner: Option<(u32, u32)>) -> io::Result<()> {
        let mut path = path.to_owned();
        for _ in 0..LINKS {
            let Some(place) = self.place(&path) else { return Ok(()) };
            // What is on a file system of its own is there already.
            if self.known.iter().any(|known| place.starts_with(known) && is_mount(&self.steps, known)) {
                return Ok(());
            }
            let Ok(meta) = std::fs::symlink_metadata(&path) else { return Ok(()) };
            if meta.file_type().is_symlink() {
                let target = std::fs::read_link(&path)?;
                self.link(&path, &target)?;
                path = normal(&path.parent().unwrap_or(Path::new(DEV)).join(target));
                continue;
            }
            let kind = match meta.file_type() {
                kind if kind.is_block_device() => FileType::BlockDevice,
                kind if kind.is_char_device() => FileType::CharacterDevice,
                _ => return Ok(()),
            };
            if self.known.insert(place.clone()) {
                self.folders(&place)?;
                let owner = owner.unwrap_or((meta.uid(), meta.gid()));
                let (mode, device) = (meta.mode() & 0o7777, meta.rdev());
                self.steps.push(Step::Node { path: text(&place)?, kind, mode, device, owner });
            }
            return Ok(());
        }
        Ok(())
    }
}

fn is_mount(steps: &[Step], place: &Path) -> bool {
    let place = place.as_os_str().as_bytes();
    steps.iter().any(|step| matches!(step, Step::Mount { to, .. } if to.as_bytes() == place))
}

/// Without `.` and `..`, by the text alone.
fn normal(path: &Path) -> PathBuf {
    let mut whole = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                whole.pop();
            }
            Component::CurDir => {}
            part => whole.push(part),
        }
    }
    whole
}

/// The topmost mounts below `/dev`.
fn mounts_below(mountinfo: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = mountinfo
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .map(|point| PathBuf::from(point.replace("\\040", " ")))
        .filter(|point| point.starts_with(DEV) && point != Path::new(DEV))
        .collect();
    found.sort();
    found.dedup();
    let all = found.clone();
    found.retain(|point| !all.iter().any(|other| other != point && point.starts_with(other)));
    found
}

/// A process that may have a `/dev` of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inside(pub(crate) i32);

impl Inside {
    /// Where its files are seen from here; none when it has the host's `/dev`.
    fn root(self) -> Option<PathBuf> {
        let root = PathBuf::from(format!("/proc/{}/root/dev", self.0));
        let (own, hosts) = (std::fs::metadata(&root).ok()?, std::fs::metadata(DEV).ok()?);
        ((own.dev(), own.ino()) != (hosts.dev(), hosts.ino())).then_some(root)
    }

    /// Whether it has a `/dev` of its own.
    pub(crate) fn is_private(self) -> bool {
        self.root().is_some()
    }

    /// Makes nodes for files that it did not have.
    pub(crate) fn add(self, files: &[HostFile], owner: Option<(u32, u32)>) -> Result<()> {
        let Some(root) = self.root() else { return Ok(()) };
        let what = |e: io::Error| Error::system("cannot make a device known to a guest", &e);
        let text = std::fs::read_to_string("/proc/self/mountinfo").map_err(what)?;
        let mut builder = Builder::new(&root);
        for mount in mounts_below(&text) {
            builder.mount(&mount).map_err(what)?;
        }
        let before = builder.steps.len();
        for file in files {
            builder.node(&file.path, owner.filter(|_| file.owned)).map_err(what)?;
        }
        builder.steps.iter().skip(before).try_for_each(Step::take).map_err(what)
    }

    /// Removes nodes of files that it no longer uses.
    pub(crate) fn remove(self, files: &[HostFile]) {
        let Some(root) = self.root() else { return };
        let builder = Builder::new(&root);
        for file in files {
            let Some(place) = builder.place(&file.path) else { continue };
            let Ok(meta) = std::fs::symlink_metadata(&place) else { continue };
            let kind = meta.file_type();
            // A link may lead to what another device uses; it does no harm.
            if (kind.is_block_device() || kind.is_char_device())
                && let Err(error) = std::fs::remove_file(&place)
            {
                tracing::warn!(path = %place.display(), %error, "a guest keeps a device node");
            }
        }
    }
}

fn text(path: &Path) -> io::Result<CString> {
    let bytes: &OsStr = path.as_os_str();
    CString::new(bytes.as_bytes()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))
}

/// Longer chains of links are errors to the kernel as well.
const LINKS: usize = 16;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn paths(steps: &[Step]) -> Vec<String> {
        let path = |step: &Step| match step {
            Step::Folder(path) => format!("folder {}", path.to_string_lossy()),
            Step::File(path) => format!("file {}", path.to_string_lossy()),
            Step::Link { path, target } => format!("link {} {}", path.to_string_lossy(), target.to_string_lossy()),
            Step::Node { path, kind, .. } => format!("{kind:?} {}", path.to_string_lossy()),
            Step::Mount { to, .. } => format!("mount {}", to.to_string_lossy()),
        };
        steps.iter().map(path).collect()
    }

    #[test]
    fn only_what_is_a_node_gets_one() {
        let mut builder = Builder::new(Path::new("/stage"));
        for path in ["/dev/null", "/dev/null", "/dev/../etc/passwd", "/etc/passwd", "/dev", "/dev/no such"] {
            builder.node(Path::new(path), None).unwrap();
        }
        builder.link(Path::new("/dev/disk/by-id/x"), Path::new("../../null")).unwrap();
        assert_eq!(
            paths(&builder.steps),
            [
                "CharacterDevice /stage/null",
                "folder /stage/disk",
                "folder /stage/disk/by-id",
                "link /stage/disk/by-id/x ../../null"
            ]
        );
    }

    #[test]
    fn mounts_stay_with_all_below_them() {
        let text = "1 0 0:1 / / rw - x\n2 1 0:1 / /dev rw - d\n3 2 0:1 / /dev/pts rw - p\n4 2 0:1 / /dev/shm rw - t\n\
            5 4 0:1 / /dev/shm/x rw - t\n6 1 0:1 / /device rw - t\n7 2 0:1 / /dev/shm rw - t\n";
        assert_eq!(mounts_below(text), [Path::new("/dev/pts"), Path::new("/dev/shm")]);
        assert_eq!(normal(Path::new("/dev/disk/by-id/../../sda")), Path::new("/dev/sda"));
    }

    #[test]
    fn this_process_has_the_hosts_devices() {
        let own = Inside(i32::try_from(std::process::id()).unwrap());
        assert!(!own.is_private());
        own.add(&[], None).unwrap();
    }
}
