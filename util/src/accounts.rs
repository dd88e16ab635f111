//! Names of users and groups.
//!
//! The account files are read directly; names that come from elsewhere (a
//! directory server) are asked for through `getent`. Answers are remembered.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use crate::file;
use crate::process::{RunOptions, run};

/// Name of a user.
pub fn user_name(id: u32) -> Option<String> {
    remembered("passwd", id)
}

/// Name of a group.
pub fn group_name(id: u32) -> Option<String> {
    remembered("group", id)
}

/// Number of a user.
pub fn user_id(name: &str) -> Option<u32> {
    entry("passwd", name, 0).and_then(|line| line.split(':').nth(2)?.parse().ok())
}

/// Number of a group.
pub fn group_id(name: &str) -> Option<u32> {
    entry("group", name, 0).and_then(|line| line.split(':').nth(2)?.parse().ok())
}

/// Names and numbers of all groups of a user.
///
/// * `own`: the group that is the user's own.
pub fn groups(user: &str, own: Option<u32>) -> Vec<String> {
    let numbers = group_ids(user, own);
    numbers.iter().flat_map(|number| [Some(number.to_string()), group_name(*number)]).flatten().collect()
}

/// Numbers of all groups of a user.
///
/// * `own`: the group that is the user's own.
pub fn group_ids(user: &str, own: Option<u32>) -> Vec<u32> {
    let options = RunOptions { limit: Duration::from_secs(5), ..RunOptions::default() };
    let finished = run(Command::new("getent").args(["initgroups", user]), &options).ok();
    let text = finished.filter(|done| done.status.success()).and_then(|done| String::from_utf8(done.stdout).ok());
    // The user's name, then numbers.
    let more = text.iter().flat_map(|text| text.split_whitespace().skip(1)).filter_map(|number| number.parse().ok());
    let first = own.or_else(|| entry("passwd", user, 0).and_then(|line| line.split(':').nth(3)?.parse().ok()));
    let mut numbers: Vec<u32> = first.into_iter().chain(more).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

fn remembered(database: &'static str, id: u32) -> Option<String> {
    type Names = HashMap<(&'static str, u32), Option<String>>;
    static KNOWN: LazyLock<Mutex<Names>> = LazyLock::new(Mutex::default);
    if let Some(name) = KNOWN.lock().unwrap_or_else(PoisonError::into_inner).get(&(database, id)) {
        return name.clone();
    }
    let line = entry(database, &id.to_string(), 2);
    let name = line.and_then(|line| line.split(':').next().map(str::to_owned));
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner).insert((database, id), name.clone());
    name
}

/// The line of a database whose field `at` is `key`.
fn entry(database: &str, key: &str, at: usize) -> Option<String> {
    const SIZE_MAX: usize = 16 << 20;
    let text = file::read_text(&Path::new("/etc").join(database), SIZE_MAX).unwrap_or_default();
    let here = text.lines().find(|line| line.split(':').nth(at) == Some(key)).map(str::to_owned);
    here.or_else(|| {
        let options = RunOptions { limit: Duration::from_secs(5), ..RunOptions::default() };
        let finished = run(Command::new("getent").arg(database).arg(key), &options).ok()?;
        let line = String::from_utf8(finished.stdout).ok()?.lines().next()?.to_owned();
        (finished.status.success() && line.split(':').nth(at) == Some(key)).then_some(line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_found_both_ways() {
        assert_eq!(user_name(0).as_deref(), Some("root"));
        assert_eq!(group_name(0).as_deref(), Some("root"));
        assert_eq!((user_id("root"), group_id("root")), (Some(0), Some(0)));
        assert_eq!(groups("root", None).get(..2), Some(&["0".to_owned(), "root".to_owned()][..]));
        assert!(groups("no such user, surely", None).is_empty());
        assert_eq!(group_id("no such group, surely"), None);
    }
}
