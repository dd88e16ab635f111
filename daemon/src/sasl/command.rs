//! Adding and removing users of SASL from the command line.

use std::io::{BufRead, IsTerminal, Write};
use std::path::Path;

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use super::users::Users;

/// Adds a user or changes its password, which is read from standard input.
pub(crate) fn add(file: &Path, name: &str) -> Result<(), String> {
    let mut users = Users::read(file)?;
    let password = password(name)?;
    let is_new = users.set(name, &password)?;
    users.write(file)?;
    println!("{} user '{name}' in '{}'", if is_new { "added" } else { "changed" }, file.display());
    Ok(())
}

/// Removes a user.
pub(crate) fn remove(file: &Path, name: &str) -> Result<(), String> {
    let mut users = Users::read(file)?;
    match users.remove(name) {
        true => users.write(file),
        false => Err(format!("there is no user '{name}' in '{}'", file.display())),
    }
}

/// Prints the names.
pub(crate) fn list(file: &Path) -> Result<(), String> {
    Users::read(file)?.names().for_each(|name| println!("{name}"));
    Ok(())
}

/// One line from standard input, unseen on a terminal.
fn password(name: &str) -> Result<String, String> {
    let input = std::io::stdin();
    let silent = input.is_terminal().then(Silence::begin).transpose()?;
    if silent.is_some() {
        eprint!("Password of '{name}': ");
        let _ = std::io::stderr().flush();
    }
    let mut line = String::new();
    let read = std::io::Read::take(input.lock(), 4096).read_line(&mut line);
    drop(silent);
    read.map_err(|error| format!("cannot read the password: {error}"))?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}

/// What is typed is not shown while this lives.
struct Silence(rustix::termios::Termios);

impl Silence {
    fn begin() -> Result<Self, String> {
        let at = |error: rustix::io::Errno| format!("cannot hide what is typed: {error}");
        let before = tcgetattr(rustix::stdio::stdin()).map_err(at)?;
        let mut after = before.clone();
        after.local_modes.remove(LocalModes::ECHO);
        tcsetattr(rustix::stdio::stdin(), OptionalActions::Flush, &after).map_err(at)?;
        Ok(Self(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        let _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Flush, &self.0);
        eprintln!();
    }
}
