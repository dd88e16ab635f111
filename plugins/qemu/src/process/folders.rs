//! Where libvirt keeps what belongs to QEMU guests.

use std::path::{Path, PathBuf};

use oxivirt_conf::xml::YesNo;
use oxivirt_core::{Error, Result};

use crate::settings::ProcessRules;
use crate::status::PrivateStatus;

/// The driver's folders; all are libvirt's, below a root of the caller's.
#[derive(Debug, Clone)]
pub struct Folders {
    /// Definitions: `/etc/libvirt/qemu`.
    pub config: PathBuf,
    /// Links to definitions that start with the daemon.
    pub autostart: PathBuf,
    /// Status and pid files: `/run/libvirt/qemu`.
    pub run: PathBuf,
    /// What lives as long as a guest runs: `/var/lib/libvirt/qemu`.
    pub lib: PathBuf,
    /// `/var/log/libvirt/qemu`.
    pub log: PathBuf,
    /// `/var/cache/libvirt/qemu`.
    pub cache: PathBuf,
    /// State of TPMs in software, by uuid: `/var/lib/libvirt/swtpm`.
    pub swtpm: PathBuf,
    /// Their logs: `/var/log/swtpm/libvirt/qemu`.
    pub swtpm_log: PathBuf,
}

impl Folders {
    /// The driver's part of the daemon's folders (`…/libvirt` each).
    pub fn below(config: &Path, run: &Path, lib: &Path, log: &Path, cache: &Path) -> Self {
        Self {
            config: config.join("qemu"),
            autostart: config.join("qemu/autostart"),
            run: run.join("qemu"),
            lib: lib.join("qemu"),
            log: log.join("qemu"),
            cache: cache.join("qemu"),
            swtpm: lib.join("swtpm"),
            // Beside the folder of logs where that is the system's.
            swtpm_log: match log.parent() {
                Some(logs) if logs.ends_with("var/log") => logs.join("swtpm/libvirt/qemu"),
                _ => log.join("qemu"),
            },
        }
    }

    /// The system daemon's folders with every path moved below `root`.
    pub fn system(root: &Path) -> Self {
        Self::below(
            &root.join("etc/libvirt"),
            &root.join("run/libvirt"),
            &root.join("var/lib/libvirt"),
            &root.join("var/log/libvirt"),
            &root.join("var/cache/libvirt"),
        )
    }

    /// Makes those that are missing. Private ones are for this user only.
    pub fn create(&self) -> Result<()> {
        for folder in [&self.config, &self.autostart, &self.run, &self.log, &self.cache, &self.lib] {
            make(folder, 0o711)?;
        }
        Ok(())
    }

    /// The definition of a guest.
    pub fn definition(&self, name: &str) -> PathBuf {
        self.config.join(format!("{name}.xml"))
    }

    /// The link that makes a guest start with the daemon.
    pub fn autostart_link(&self, name: &str) -> PathBuf {
        self.autostart.join(format!("{name}.xml"))
    }

    /// The folder of files that are a guest's memory.
    pub fn memory(&self, id: i32, name: &str) -> PathBuf {
        self.lib.join("ram").join(short_name(id, name).trim_start_matches("domain-"))
    }

    /// The files of a guest while it runs.
    pub fn guest(&self, id: i32, name: &str) -> GuestFiles {
        let state = self.lib.join(short_name(id, name));
        GuestFiles {
            status: self.run.join(format!("{name}.xml")),
            pid: self.run.join(format!("{name}.pid")),
            log: self.log.join(format!("{name}.log")),
            monitor: state.join("monitor.sock"),
            master_key: state.join("master-key.aes"),
            channels: self.run.join("channel").join(short_name(id, name).trim_start_matches("domain-")),
            memory: self.memory(id, name),
            short_name: short_name(id, name).trim_start_matches("domain-").to_owned(),
            state,
        }
    }
}

/// The files of one running guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestFiles {
    /// The status document.
    pub status: PathBuf,
    /// The process id.
    pub pid: PathBuf,
    /// QEMU's messages; stays after the guest.
    pub log: PathBuf,
    /// The guest's own folder.
    pub state: PathBuf,
    /// Where the monitor listens.
    pub monitor: PathBuf,
    /// Sockets of channels whose place was left open.
    pub channels: PathBuf,
    /// Where files are that are the guest's memory.
    pub memory: PathBuf,
    /// What else of the guest's is called on the host: `ID-NAME`.
    pub short_name: String,
    /// The key that secrets are handed over with.
    pub master_key: PathBuf,
}

impl GuestFiles {
    /// What a new run of a guest writes down of them.
    pub(crate) fn lasting(&self) -> PrivateStatus {
        PrivateStatus {
            lib_dir: Some(self.state.clone()),
            channel_dir: Some(self.channels.clone()),
            memory_dir: Some(self.memory.clone()),
            allow_reboot: Some(YesNo::Yes),
            ..PrivateStatus::new(self.monitor.clone())
        }
    }

    /// Makes the guest's own folder, empty.
    pub fn create(&self) -> Result<()> {
        if self.state.exists() {
            std::fs::remove_dir_all(&self.state)
                .map_err(|e| Error::system(format_args!("cannot empty '{}'", self.state.display()), &e))?;
        }
        make(&self.state, 0o750)?;
        make(&self.channels, 0o750)
    }

    /// Gives what the guest's process has to reach by itself to its user and group.
    pub(crate) fn hand_over(&self, rules: &ProcessRules) -> Result<()> {
        if rules.user.is_none() && rules.group.is_none() {
            return Ok(());
        }
        for path in [&self.state, &self.channels, &self.master_key] {
            std::os::unix::fs::chown(path, rules.user, rules.group)
                .map_err(|e| Error::system(format_args!("cannot change the owner of '{}'", path.display()), &e))?;
        }
        Ok(())
    }

    /// Removes everything but the log. What cannot be removed is logged:
    /// a guest that has ended must not come back for that.
    ///
    /// The status goes last: as long as it is there, a daemon that finds it
    /// removes the rest.
    pub fn remove(&self) {
        for folder in [&self.state, &self.channels, &self.memory] {
            report(folder, std::fs::remove_dir_all(folder));
        }
        for mount in super::pages::mounts() {
            let folder = mount.folder(&self.short_name);
            report(&folder, std::fs::remove_dir_all(&folder));
        }
        for file in [&self.pid, &self.status] {
            report(file, std::fs::remove_file(file));
        }
    }
}

fn report(path: &Path, result: std::io::Result<()>) {
    if let Err(error) = result
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "cannot remove");
    }
}

fn make(folder: &Path, mode: u32) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(folder)
        .map_err(|e| Error::system(format_args!("cannot create folder '{}'", folder.display()), &e))
}

/// `domain-ID-NAME`, with the name cut so that socket paths stay short.
fn short_name(id: i32, name: &str) -> String {
    let name: String = name.chars().take(20).collect();
    format!("domain-{id}-{name}")
}
