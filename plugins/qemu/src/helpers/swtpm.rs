//! `swtpm`: a TPM in software, one per guest.
//!
//! Its state outlives the guest's runs: it is kept by the guest's uuid, and
//! goes with the guest's definition unless somebody wants it kept.

use std::ffi::OsStr;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use command_fds::{CommandFdExt, FdMapping};
use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::{ProfileRemoveDisabled, Tpm, TpmBackend, TpmEmulator, TpmSourceType, TpmVersion};
use oxivirt_conf::xml::YesNo;
use oxivirt_core::{Error, Result};
use oxivirt_util::process::{self, RunOptions};
use serde_json::Value;

use super::helper::{Helper, Kind};
use super::program::{Program, find_program};
use super::site::{Site, give};
use crate::neighbours;
use crate::process::Folders;
use crate::settings::ProcessRules;
use crate::sys;

/// What becomes of a TPM's state when its guest is forgotten.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Fate {
    /// What the definition says.
    #[default]
    AsDefined,
    /// It goes.
    Removed,
    /// It stays.
    Kept,
}

/// Where a TPM keeps its state.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Storage {
    /// A folder of this driver's, by the guest's uuid.
    Own(PathBuf),
    /// A folder of the user's.
    Folder(PathBuf),
    /// A file or a block device of the user's.
    File(PathBuf),
}

impl Storage {
    fn of(folders: &Folders, domain: &uuid::Uuid, emulator: &TpmEmulator) -> Self {
        match &emulator.source {
            Some((TpmSourceType::Dir, path)) => Self::Folder(path.into()),
            Some((TpmSourceType::File, path)) => Self::File(path.into()),
            None => {
                let version = if is_old(emulator) { "tpm1.2" } else { "tpm2" };
                Self::Own(folders.swtpm.join(domain.to_string()).join(version))
            }
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::Own(path) | Self::Folder(path) | Self::File(path) => path,
        }
    }

    /// Whether there is nothing in it yet.
    fn is_new(&self) -> bool {
        match self {
            Self::Own(path) | Self::Folder(path) => {
                std::fs::read_dir(path).map_or(true, |mut entries| entries.next().is_none())
            }
            Self::File(path) => std::fs::metadata(path).map_or(true, |meta| meta.is_file() && meta.len() == 0),
        }
    }

    /// Makes it, and gives it to the TPM's user with all that is in it.
    fn prepare(&self, rules: &ProcessRules) -> Result<()> {
        let failed = |path: &Path, e| Error::system(format_args!("cannot create TPM state '{}'", path.display()), &e);
        match self {
            Self::Own(path) | Self::Folder(path) => {
                if let (Self::Own(_), Some(parent)) = (self, path.parent()) {
                    oxivirt_util::file::make_folders(parent, 0o711).map_err(|e| failed(parent, e))?;
                }
                oxivirt_util::file::make_folders(path, 0o700).map_err(|e| failed(path, e))?;
                give(path, rules)?;
                for entry in std::fs::read_dir(path).map_err(|e| failed(path, e))? {
                    give(&entry.map_err(|e| failed(path, e))?.path(), rules)?;
                }
                Ok(())
            }
            Self::File(path) => {
                use std::os::unix::fs::OpenOptionsExt;
                let open = std::fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
                open.map_err(|e| failed(path, e))?;
                give(path, rules)
            }
        }
    }

    /// Takes away what a setup made that failed.
    fn undo(&self) {
        let done = match self {
            Self::Own(path) => std::fs::remove_dir_all(path),
            Self::Folder(path) => empty(path),
            Self::File(_) => Ok(()),
        };
        if let Err(error) = done {
            tracing::warn!(path = %self.path().display(), %error, "cannot remove a TPM's state that is not whole");
        }
    }

    /// As `swtpm_setup` wants it.
    fn for_setup(&self) -> String {
        match self {
            Self::Own(path) | Self::Folder(path) => path.display().to_string(),
            Self::File(path) => format!("file://{}", path.display()),
        }
    }

    /// As `swtpm` wants it.
    fn for_run(&self) -> String {
        match self {
            Self::Own(path) | Self::Folder(path) => format!("dir={}", path.display()),
            Self::File(path) => format!("backend-uri=file://{}", path.display()),
        }
    }
}

fn empty(folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        std::fs::remove_file(entry?.path())?;
    }
    Ok(())
}

fn is_old(emulator: &TpmEmulator) -> bool {
    emulator.version == Some(TpmVersion::V1_2)
}

/// The pid file and the socket of a guest's TPM.
pub(super) fn run_files(site: &Site) -> (PathBuf, PathBuf) {
    (site.running("swtpm", "-swtpm.pid"), site.running("swtpm", "-swtpm.sock"))
}

/// Starts the program behind a TPM, making its state first where there is none.
///
/// * `key` – what closes the state, for one that is encrypted.
/// * Returns it with the path of its socket.
/// * Errors: `OPERATION_UNSUPPORTED` it is not installed; `CONFIG_UNSUPPORTED`
///   it cannot do what is asked; `INTERNAL_ERROR` with its own words.
pub fn start(site: &Site, tpm: &Tpm, key: Option<&neighbours::Value>) -> Result<(Helper, PathBuf)> {
    let TpmBackend::Emulator(emulator) = &tpm.backend else {
        return Err(Error::internal("a TPM that needs no program"));
    };
    if emulator.encryption.is_some() && key.is_none() {
        return Err(Error::internal("the state of a TPM is encrypted, and there is no key"));
    }
    let binary = find_program("swtpm")?;
    let rules = site.settings.helpers.swtpm.clone();
    let log = site.folders.swtpm_log.join(format!("{}-swtpm.log", site.name));
    Site::make_folder_of(&log, 0o730, &rules)?;
    let storage = Storage::of(&site.folders, &site.uuid, emulator);
    let new = storage.is_new();
    storage.prepare(&rules)?;
    let setup = Setup { site, emulator, storage: &storage, log: &log, rules: &rules, key };
    if new && let Err(error) = setup.make() {
        storage.undo();
        return Err(error);
    }
    setup.choose_banks()?;
    let (pid_file, socket) = run_files(site);
    // For the TPM's user, and for the group of those who connect to it.
    Site::make_folder_of(&socket, 0o770, &ProcessRules { group: site.settings.process.group, ..rules.clone() })?;
    let mut arguments = vec![
        "socket".to_owned(),
        "--ctrl".to_owned(),
        format!("type=unixio,path={},mode=0600", socket.display()),
        "--tpmstate".to_owned(),
        format!("{},mode=0600", storage.for_run()),
        "--log".to_owned(),
        match emulator.debug {
            Some(level) if level > 0 => format!("file={},level={level}", log.display()),
            _ => format!("file={}", log.display()),
        },
        "--terminate".to_owned(),
    ];
    if !is_old(emulator) {
        arguments.push("--tpm2".to_owned());
    }
    let mut descriptors = Vec::new();
    if let Some(key) = key {
        // Each is read once, to its end.
        for (option, number) in [("--key", KEY), ("--migration-key", KEY + 1)] {
            arguments.extend([option.to_owned(), format!("pwdfd={number},mode={CIPHER}")]);
            descriptors.push((handed(key)?, number));
        }
    }
    let program = Program {
        kind: Kind::Tpm,
        alias: tpm.info.alias.clone().unwrap_or_default(),
        binary,
        arguments,
        environment: Vec::new(),
        descriptors,
        rules: rules.clone(),
        log,
        pid_file,
        socket: Some(socket.clone()),
        files: Vec::new(),
        orphan: false,
    };
    let helper = program.start()?;
    // It makes the socket for its own user only; QEMU may be somebody else.
    if rules.user != site.settings.process.user {
        give(&socket, &site.settings.process)?;
    }
    Ok((helper, socket))
}

/// Runs of `swtpm_setup`.
struct Setup<'a> {
    site: &'a Site,
    emulator: &'a TpmEmulator,
    storage: &'a Storage,
    log: &'a Path,
    rules: &'a ProcessRules,
    key: Option<&'a neighbours::Value>,
}

impl Setup<'_> {
    /// Makes a new state, with the certificates of a TPM.
    fn make(&self) -> Result<()> {
        // The system's own configuration may not be for this user.
        if !rustix::process::geteuid().is_root() && self.can("cmdarg-create-config-files")? {
            self.run(["--create-config-files", "skip-if-exist"].map(str::to_owned).to_vec())?;
        }
        let mut arguments = self.begin();
        arguments.extend(["--vmid".to_owned(), format!("{}:{}", self.site.name, self.site.uuid)]);
        arguments.extend(["--logfile".to_owned(), self.log.display().to_string()]);
        let making = ["--createek", "--create-ek-cert", "--create-platform-cert", "--lock-nvram", "--not-overwrite"];
        arguments.extend(making.map(str::to_owned));
        if let Some(profile) = &self.emulator.profile {
            if !self.can("cmdarg-profile")? {
                return Err(Error::config_unsupported("this swtpm_setup has no support for TPM profiles"));
            }
            let name = profile.source.as_deref().or(profile.name.as_deref());
            let name = name.ok_or_else(|| Error::xml("a TPM profile needs its source"))?;
            arguments.extend(["--profile-name".to_owned(), name.to_owned()]);
            let remove = profile.remove_disabled.map(ProfileRemoveDisabled::as_str);
            arguments.extend(remove.iter().flat_map(|how| ["--profile-remove-disabled".to_owned(), (*how).to_owned()]));
        }
        self.run(arguments)
    }

    /// Sets which banks of registers there are, where the definition says so.
    fn choose_banks(&self) -> Result<()> {
        let banks: Vec<&str> = self.emulator.active_pcr_banks.iter().map(|bank| bank.as_str()).collect();
        if banks.is_empty() || is_old(self.emulator) || !self.can("cmdarg-reconfigure-pcr-banks")? {
            return Ok(());
        }
        let mut arguments = self.begin();
        arguments.extend(["--logfile".to_owned(), self.log.display().to_string()]);
        arguments.extend(["--pcr-banks".to_owned(), banks.join(","), "--reconfigure".to_owned()]);
        self.run(arguments)
    }

    fn begin(&self) -> Vec<String> {
        let version = (!is_old(self.emulator)).then(|| "--tpm2".to_owned());
        let key = ["--pwdfile-fd", &KEY.to_string(), "--cipher", CIPHER].map(str::to_owned);
        let place = ["--tpm-state".to_owned(), self.storage.for_setup()];
        version.into_iter().chain(place).chain(key.into_iter().filter(|_| self.key.is_some())).collect()
    }

    fn can(&self, feature: &str) -> Result<bool> {
        let finished = self.finish(&["--print-capabilities".to_owned()], None)?;
        let told: Value = serde_json::from_slice(&finished.stdout).unwrap_or_default();
        let features = told.get("features").and_then(Value::as_array);
        Ok(features.is_some_and(|all| all.iter().any(|known| known == feature)))
    }

    fn run(&self, arguments: Vec<String>) -> Result<()> {
        let finished = self.finish(&arguments, self.key)?;
        match finished.status.success() {
            true => Ok(()),
            false => Err(Error::internal(format!(
                "Could not run '{SETUP}': {}; see also '{}'",
                finished.complaint(),
                self.log.display()
            ))),
        }
    }

    fn finish(&self, arguments: &[String], key: Option<&neighbours::Value>) -> Result<process::Finished> {
        let mut command = Command::new(find_program(SETUP)?);
        command.args(arguments.iter().map(OsStr::new)).current_dir("/");
        sys::restrict(&mut command, self.rules);
        if let Some(key) = key {
            let mapping = FdMapping { parent_fd: handed(key)?, child_fd: KEY };
            command.fd_mappings(vec![mapping]).map_err(|e| Error::internal(e.to_string()))?;
        }
        let options = RunOptions { limit: SETUP_LIMIT, ..RunOptions::default() };
        process::run(&mut command, &options).map_err(|e| Error::system(format_args!("cannot run '{SETUP}'"), &e))
    }
}

/// A key, for a program that reads it from a descriptor.
fn handed(key: &neighbours::Value) -> Result<OwnedFd> {
    let failed = |e: std::io::Error| Error::system("no pipe for a secret", &e);
    // So much fits without anybody reading.
    if key.reveal().len() > LONGEST_KEY {
        return Err(Error::config_unsupported(format!("the key of a TPM has at most {LONGEST_KEY} bytes")));
    }
    let (reader, mut writer) = std::io::pipe().map_err(failed)?;
    writer.write_all(key.reveal()).map_err(failed)?;
    Ok(reader.into())
}

/// The number under which a program finds the key.
const KEY: i32 = 3;
const CIPHER: &str = "aes-256-cbc";
const LONGEST_KEY: usize = 4096;

/// Removes the state of a guest's TPM, where nobody wants it kept.
///
/// * What the user gave a place of their own stays there unless it is to be removed.
/// * Errors: `SYSTEM_ERROR` it cannot be removed.
pub fn forget(folders: &Folders, domain: &DomainDefinition, fate: Fate) -> Result<()> {
    for tpm in &domain.devices.tpms {
        let TpmBackend::Emulator(emulator) = &tpm.backend else { continue };
        let kept = match fate {
            Fate::AsDefined => emulator.persistent_state == Some(YesNo::Yes),
            Fate::Removed => false,
            Fate::Kept => true,
        };
        if kept {
            continue;
        }
        let storage = Storage::of(folders, &domain.uuid, emulator);
        let done = match &storage {
            // With that of the other version.
            Storage::Own(path) => path.parent().map_or(Ok(()), std::fs::remove_dir_all),
            Storage::Folder(_) | Storage::File(_) if fate != Fate::Removed => Ok(()),
            Storage::Folder(path) => std::fs::remove_dir_all(path),
            Storage::File(path) if path.is_file() => std::fs::remove_file(path),
            Storage::File(_) => Ok(()),
        };
        match done {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::system(
                    format_args!("cannot remove the TPM state '{}'", storage.path().display()),
                    &error,
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

const SETUP: &str = "swtpm_setup";

/// Making keys takes its time.
const SETUP_LIMIT: Duration = Duration::from_secs(120);
