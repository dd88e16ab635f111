//! Whom a guest's QEMU runs as, and whom its files belong to meanwhile.
//!
//! Files that a guest uses are given to its user when it starts and given back
//! at its end. [`marks`] keeps on the files themselves whose they were and how
//! many guests use them, in the form that libvirt writes.

pub(super) mod marks;

use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;

use oxivirt_conf::domain::{DomainDefinition, SecLabel, SecLabelType};
use oxivirt_core::{Error, Result};
use oxivirt_util::accounts;

use self::marks::Left;
use super::files::HostFile;
use crate::settings::{OwnerRules, ProcessRules};

/// The name of this way to keep guests apart, in `<seclabel model=…>`.
const MODEL: &str = "dac";

/// Whom a guest's files belong to while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owners {
    user: u32,
    group: u32,
    remember: bool,
}

/// A file with the owner that it gets.
#[derive(Debug)]
struct Given<'f> {
    path: &'f Path,
    before: (u32, u32),
    marked: bool,
}

impl Owners {
    /// Those of a guest; none where nobody's files change hands.
    ///
    /// Errors: what [`rules`] says.
    pub(crate) fn of(live: &DomainDefinition, owners: &OwnerRules, process: &ProcessRules) -> Result<Option<Self>> {
        let label = label(live);
        let relabel = match label {
            Some(label) => match label.kind.unwrap_or_default() {
                SecLabelType::None => false,
                SecLabelType::Static => label.relabel.is_some_and(|relabel| relabel.is_yes()),
                SecLabelType::Dynamic => label.relabel.is_none_or(|relabel| relabel.is_yes()),
            },
            None => true,
        };
        let rules = rules(live, process)?;
        let (Some(user), Some(group)) = (rules.user, rules.group.or(rules.user)) else { return Ok(None) };
        let able = rustix::process::geteuid().is_root();
        Ok((owners.dynamic && relabel && able).then_some(Self { user, group, remember: owners.remember }))
    }

    /// Gives files to the guest's user.
    ///
    /// Errors: `SYSTEM_ERROR` one cannot be given; `OPERATION_INVALID` another guest has it as somebody else. All
    /// are as before then.
    pub(crate) fn give(&self, files: &[HostFile]) -> Result<()> {
        let mut given = Vec::new();
        for file in files.iter().filter(|file| file.owned) {
            match self.give_one(file) {
                Ok(one) => given.extend(one),
                Err(error) => {
                    for file in given.iter().rev() {
                        undo(file);
                    }
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn give_one<'f>(&self, file: &'f HostFile) -> Result<Option<Given<'f>>> {
        let path = file.path.as_path();
        let meta = match std::fs::metadata(path) {
            Ok(meta) => meta,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::system(format_args!("cannot look at '{}'", path.display()), &error)),
        };
        let before = (meta.uid(), meta.gid());
        let wanted = match &file.label {
            Some(label) => pair(label, (self.user, self.group))?,
            None => (self.user, self.group),
        };
        let mut marked = false;
        if self.remember && !file.shared {
            match marks::take(path, before) {
                Ok(users) => {
                    marked = users > 0;
                    if users > 1 && before != wanted {
                        let _ = marks::leave(path);
                        let text = format!(
                            "Setting different DAC user or group on {} which is already in use",
                            path.display()
                        );
                        return Err(Error::operation_invalid(text));
                    }
                }
                // Some file systems keep no marks; the owner is root's afterwards then.
                Err(error) => tracing::debug!(path = %path.display(), %error, "the owner cannot be remembered"),
            }
        }
        let given = Given { path, before, marked };
        if before != wanted
            && let Err(error) = change(path, wanted)
        {
            undo(&given);
            return Err(error);
        }
        Ok(Some(given))
    }

    /// Gives files back to whom they belonged, except those that others may use.
    pub(crate) fn take_back(&self, files: &[HostFile]) {
        for file in files.iter().filter(|file| file.owned && !file.shared) {
            let path = file.path.as_path();
            if !path.exists() {
                continue;
            }
            let owner = match if self.remember { marks::leave(path) } else { Ok(Left::Unknown) } {
                Ok(Left::Used) => continue,
                Ok(Left::Owner(user, group)) => (user, group),
                Ok(Left::Unknown) | Err(_) => {
                    // Only what is really the guest's goes back to root.
                    let own = std::fs::metadata(path).map(|meta| (meta.uid(), meta.gid()));
                    if own.ok() != Some(self.wanted(file)) {
                        continue;
                    }
                    (0, 0)
                }
            };
            if let Err(error) = change(path, owner) {
                tracing::warn!(path = %path.display(), %error, "the file keeps its owner");
            }
        }
    }

    /// Whom a file belongs to meanwhile, if its label means somebody.
    fn wanted(&self, file: &HostFile) -> (u32, u32) {
        let own = (self.user, self.group);
        file.label.as_ref().and_then(|label| pair(label, own).ok()).unwrap_or(own)
    }

    /// User and group as numbers.
    pub(crate) fn numbers(&self) -> (u32, u32) {
        (self.user, self.group)
    }
}

/// What the process of a guest runs as: what its definition says, else what the administrator does.
///
/// Errors: `INVALID_ARG` nobody is called so; `CONFIG_UNSUPPORTED` this daemon cannot become somebody else.
pub(crate) fn rules(live: &DomainDefinition, process: &ProcessRules) -> Result<ProcessRules> {
    let mut rules = process.clone();
    let Some(label) = label(live) else { return Ok(rules) };
    let text = match label.kind.unwrap_or_default() {
        SecLabelType::None => return Ok(rules),
        SecLabelType::Static => label.label.as_deref(),
        SecLabelType::Dynamic => label.label.as_deref().or(label.baselabel.as_deref()),
    };
    let Some(text) = text else { return Ok(rules) };
    let own = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let (user, group) = pair(text, (rules.user.unwrap_or(own.0), rules.group.unwrap_or(own.1)))?;
    if own.0 != 0 && (user, group) != own {
        return Err(Error::config_unsupported("only a daemon that runs as root can start guests as somebody else"));
    }
    if (rules.user, rules.group) != (Some(user), Some(group)) {
        rules.groups = match accounts::user_name(user) {
            Some(name) => accounts::group_ids(&name, Some(group)),
            None => vec![group],
        };
    }
    (rules.user, rules.group) = (Some(user), Some(group));
    Ok(rules)
}

/// Writes into a running guest's definition whom it runs as, where the definition leaves that open.
pub(crate) fn note(live: &mut DomainDefinition, owners: Option<&Owners>) {
    let Some(owners) = owners else { return };
    let text = format!("+{}:+{}", owners.user, owners.group);
    match live.seclabels.iter_mut().find(|label| label.model.as_deref() == Some(MODEL)) {
        Some(label) => {
            label.label.get_or_insert_with(|| text.clone());
            label.imagelabel = Some(text);
        }
        None => live.seclabels.push(SecLabel {
            kind: Some(SecLabelType::Dynamic),
            model: Some(MODEL.to_owned()),
            relabel: Some(true.into()),
            label: Some(text.clone()),
            imagelabel: Some(text),
            baselabel: None,
            implicit: true,
        }),
    }
}

fn label(live: &DomainDefinition) -> Option<&SecLabel> {
    live.seclabels.iter().find(|label| label.model.as_deref() == Some(MODEL))
}

/// `user:group`, `+107:+107`, or a user alone.
fn pair(text: &str, usual: (u32, u32)) -> Result<(u32, u32)> {
    let one = |text: &str, what: &str, named: fn(&str) -> Option<u32>| {
        let number = |text: &str| text.parse::<u32>().ok();
        let found = match text.strip_prefix('+') {
            Some(digits) => number(digits),
            None => named(text).or_else(|| number(text)),
        };
        found.ok_or_else(|| Error::invalid_arg(format!("there is no {what} '{text}' on this host")))
    };
    match text.split_once(':') {
        Some((user, group)) => Ok((one(user, "user", accounts::user_id)?, one(group, "group", accounts::group_id)?)),
        None => Ok((one(text, "user", accounts::user_id)?, usual.1)),
    }
}

/// Errors: `SYSTEM_ERROR`, but not where the file system has no owners, or keeps them from root.
fn change(path: &Path, (user, group): (u32, u32)) -> Result<()> {
    match chown(path, Some(user), Some(group)) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::Unsupported | io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied
            ) =>
        {
            tracing::info!(path = %path.display(), user, group, %error, "the file keeps its owner");
            Ok(())
        }
        Err(error) => {
            let what = format_args!("unable to set user and group to '{user}:{group}' on '{}'", path.display());
            Err(Error::system(what, &error))
        }
    }
}

fn undo(given: &Given<'_>) {
    let left = if given.marked { marks::leave(given.path).ok() } else { None };
    let back = match left {
        Some(Left::Used) => return,
        _ => given.before,
    };
    if let Err(error) = change(given.path, back) {
        tracing::warn!(path = %given.path.display(), %error, "the file keeps its owner");
    }
}

#[cfg(test)]
mod tests;
