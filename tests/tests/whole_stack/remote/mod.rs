//! Stock clients of our daemon, which hands their calls to another one: ours or the stock one.

mod chain;
mod events;
mod streams;
mod transports;

use oxivirt_tests::sandbox::{Program, Sandbox};
use oxivirt_tests::wire::Client;
use oxivirt_tests::{assets, skip};

use super::{Outcome, SOON};

/// Our daemon with another one behind it.
pub(super) struct Chain {
    pub(super) name: &'static str,
    /// What clients talk to.
    pub(super) outer: Sandbox,
    /// Who answers.
    pub(super) inner: Sandbox,
}

impl Chain {
    /// The URI of a driver of the inner daemon, for clients of the outer one.
    pub(super) fn uri(&self, scheme: &str, path: &str) -> String {
        through(&self.outer, &self.inner.uri(scheme, path))
    }

    pub(super) fn virsh(&self, uri: &str, arguments: &[&str]) -> Result<String, String> {
        self.outer.virsh_ok(uri, arguments).map_err(|e| format!("{}: {e}", self.name))
    }
}

/// A client that keeps the test driver of a daemon as it is: its host is gone with the last client.
pub(super) fn hold(inner: &Sandbox) -> Result<Client, String> {
    Client::open(&inner.socket(), "test:///default", SOON).map_err(|e| inner.explain(&e.to_string()))
}

/// The URI for a stock client of `outer` that makes it open `uri`.
pub(super) fn through(outer: &Sandbox, uri: &str) -> String {
    let mut name = String::new();
    for byte in uri.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'/' | b':' => name.push(char::from(byte)),
            _ => name += &format!("%{byte:02X}"),
        }
    }
    format!("{}&name={name}", outer.uri("test", "/default"))
}

pub(super) fn ours() -> Result<Program, String> {
    Ok(Program::Oxivirt { daemon: assets::daemon()?, plugins: assets::plugin_folder()? })
}

pub(super) fn start(program: Program) -> Result<Sandbox, String> {
    let mut sandbox = Sandbox::with(program)?;
    sandbox.launch()?;
    Ok(sandbox)
}

/// Runs a test with ours behind ours, and with the stock one where it is installed.
pub(super) fn with_each(test: impl Fn(Chain) -> Outcome) -> Outcome {
    if skip::lacks(&["virsh"]) {
        return Ok(());
    }
    test(Chain { name: "ours to ours", outer: start(ours()?)?, inner: start(ours()?)? })?;
    if skip::lacks(&["libvirtd", "unshare"]) {
        return Ok(());
    }
    test(Chain { name: "ours to stock", outer: start(ours()?)?, inner: start(Program::Stock)? })
}
