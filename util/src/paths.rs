//! Where things are on this host: the system's folders, the same under a
//! prefix, or those of one user.
//!
//! Only names are made here; nothing is created or looked at.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// The set of folders that one daemon works in.
///
/// | | system | under a prefix DIR | of one user |
/// |---|---|---|---|
/// | config | `/etc/libvirt` | `DIR/etc/libvirt` | `$XDG_CONFIG_HOME/libvirt` |
/// | state | `/var/lib/libvirt` | `DIR/var/lib/libvirt` | `$XDG_CONFIG_HOME/libvirt` |
/// | run | `/run/libvirt` | `DIR/run/libvirt` | `$XDG_RUNTIME_DIR/libvirt` |
/// | cache | `/var/cache/libvirt` | `DIR/var/cache/libvirt` | `$XDG_CACHE_HOME/libvirt` |
/// | log | `/var/log/libvirt` | `DIR/var/log/libvirt` | `$XDG_CACHE_HOME/libvirt` |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    prefix: Option<PathBuf>,
    session: bool,
    folders: Folders,
}

/// One folder of each purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    /// Configuration and persistent definitions.
    pub config: PathBuf,
    /// What must survive a restart of the host and no person edits.
    pub state: PathBuf,
    /// Sockets, pid files and status files; gone when the host restarts.
    pub run: PathBuf,
    /// What can be computed again.
    pub cache: PathBuf,
    /// Log files.
    pub log: PathBuf,
}

impl Root {
    /// The system's own folders.
    pub fn system() -> Self {
        Self { prefix: None, session: false, folders: system_folders(Path::new("/")) }
    }

    /// The system's folders relocated below `prefix`.
    ///
    /// Errors: [`io::ErrorKind::InvalidInput`] for a relative path, since the
    /// daemon changes its working folder.
    pub fn at(prefix: impl Into<PathBuf>) -> io::Result<Self> {
        let prefix = prefix.into();
        if !prefix.is_absolute() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("'{}' is not an absolute path", prefix.display()),
            ));
        }
        let folders = system_folders(&prefix);
        Ok(Self { prefix: Some(prefix), session: false, folders })
    }

    /// The folders of the user whom this process runs as, from `XDG_*` and `HOME`.
    ///
    /// Errors: [`io::ErrorKind::NotFound`] naming the variable that is missing.
    pub fn session() -> io::Result<Self> {
        Self::session_from(|name| std::env::var_os(name))
    }

    /// [`Root::session`] with variables from elsewhere; a variable that is
    /// empty or not an absolute path counts as unset.
    pub fn session_from(variable: impl Fn(&str) -> Option<OsString>) -> io::Result<Self> {
        let absolute = |name: &str| variable(name).map(PathBuf::from).filter(|p| p.is_absolute());
        let home_based = |name: &str, below: &str| match absolute(name) {
            Some(path) => Ok(path.join("libvirt")),
            None => absolute("HOME").map(|home| home.join(below).join("libvirt")).ok_or_else(|| {
                io::Error::new(io::ErrorKind::NotFound, format!("neither {name} nor HOME is set to an absolute path"))
            }),
        };
        let config = home_based("XDG_CONFIG_HOME", ".config")?;
        let cache = home_based("XDG_CACHE_HOME", ".cache")?;
        // Without a session manager clients look below the cache.
        let run = absolute("XDG_RUNTIME_DIR").map_or_else(|| cache.clone(), |p| p.join("libvirt"));
        let folders = Folders { state: config.clone(), log: cache.clone(), config, run, cache };
        Ok(Self { prefix: None, session: true, folders })
    }

    /// Whether these are one user's folders.
    pub fn is_session(&self) -> bool {
        self.session
    }

    /// The prefix, if relocated.
    pub fn prefix(&self) -> Option<&Path> {
        self.prefix.as_deref()
    }

    /// The daemon's own folders.
    pub fn folders(&self) -> &Folders {
        &self.folders
    }

    /// The folder of configuration files and definitions.
    pub fn config(&self) -> &Path {
        &self.folders.config
    }

    /// The folder of lasting state.
    pub fn state(&self) -> &Path {
        &self.folders.state
    }

    /// The folder of sockets, pid files and status files.
    pub fn run(&self) -> &Path {
        &self.folders.run
    }

    /// The folder of what can be computed again.
    pub fn cache(&self) -> &Path {
        &self.folders.cache
    }

    /// The folder of logs.
    pub fn log(&self) -> &Path {
        &self.folders.log
    }

    /// The folders of one driver (`qemu`, `lxc`, …), where a driver of the
    /// same name that was here before has its files: `/var/lib/libvirt/qemu`
    /// for the system, `~/.config/libvirt/qemu/lib` for one user.
    pub fn driver(&self, name: &str) -> Folders {
        let Folders { config, state, run, cache, log } = &self.folders;
        let mut own = Folders {
            config: config.join(name),
            state: state.join(name),
            run: run.join(name),
            cache: cache.join(name),
            log: log.join(name),
        };
        if self.session {
            own.state.push("lib");
            own.run.push("run");
            own.cache.push("cache");
            own.log.push("log");
        }
        own
    }

    /// Relocates any other absolute system path; unchanged without a prefix.
    pub fn resolve(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        match &self.prefix {
            Some(prefix) => prefix.join(path.strip_prefix("/").unwrap_or(path)),
            None => path.to_owned(),
        }
    }
}

fn system_folders(base: &Path) -> Folders {
    Folders {
        config: base.join("etc/libvirt"),
        state: base.join("var/lib/libvirt"),
        run: base.join("run/libvirt"),
        cache: base.join("var/cache/libvirt"),
        log: base.join("var/log/libvirt"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn session(variables: &[(&str, &str)]) -> io::Result<Root> {
        Root::session_from(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into()))
    }

    #[test]
    fn system_paths_and_prefix() {
        let system = Root::system();
        assert_eq!(system.config(), Path::new("/etc/libvirt"));
        assert_eq!(system.run(), Path::new("/run/libvirt"));
        assert_eq!(system.driver("qemu").state, Path::new("/var/lib/libvirt/qemu"));
        assert_eq!(system.resolve("/usr/bin/x"), Path::new("/usr/bin/x"));

        let moved = Root::at("/srv/one").unwrap();
        assert_eq!(moved.log(), Path::new("/srv/one/var/log/libvirt"));
        assert_eq!(moved.cache(), Path::new("/srv/one/var/cache/libvirt"));
        assert_eq!(moved.driver("lxc").run, Path::new("/srv/one/run/libvirt/lxc"));
        assert_eq!(moved.resolve("/etc/passwd"), Path::new("/srv/one/etc/passwd"));
        assert_eq!(moved.resolve("relative"), Path::new("/srv/one/relative"));
        assert_eq!(Root::at("relative").unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn session_paths_from_variables() {
        let root =
            session(&[("HOME", "/home/a"), ("XDG_CONFIG_HOME", "/c"), ("XDG_RUNTIME_DIR", "/run/user/7")]).unwrap();
        assert!(root.is_session());
        assert_eq!(root.config(), Path::new("/c/libvirt"));
        assert_eq!(root.run(), Path::new("/run/user/7/libvirt"));
        assert_eq!(root.cache(), Path::new("/home/a/.cache/libvirt"));
        let qemu = root.driver("qemu");
        assert_eq!(qemu.config, Path::new("/c/libvirt/qemu"));
        assert_eq!(qemu.state, Path::new("/c/libvirt/qemu/lib"));
        assert_eq!(qemu.run, Path::new("/run/user/7/libvirt/qemu/run"));
        assert_eq!(qemu.log, Path::new("/home/a/.cache/libvirt/qemu/log"));
    }

    #[test]
    fn session_without_variables() {
        let root = session(&[("HOME", "/h"), ("XDG_CONFIG_HOME", ""), ("XDG_CACHE_HOME", "rel")]);
        let root = root.unwrap();
        assert_eq!(root.config(), Path::new("/h/.config/libvirt"));
        assert_eq!(root.run(), Path::new("/h/.cache/libvirt"));
        let error = session(&[]).unwrap_err();
        assert!(error.to_string().contains("XDG_CONFIG_HOME"), "{error}");
    }
}
