//! Servers to talk to, and what a connection tells meanwhile.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use oxivirt_core::client::{Client, Listener, Request, Told};
use oxivirt_core::interface::Connect;
use oxivirt_core::plugin::OpenFlags;
use oxivirt_core::{Call, Error, Result as Answer};
use oxivirt_driver_remote::{Carrier, Places, RemoteUri, connect};
use oxivirt_tests::sandbox::{Program, Sandbox};
use oxivirt_tests::{assets, process, skip};

use super::Outcome;

/// How long something may take that a server does soon.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// Which servers there are here: ours, and the stock one where it is installed.
pub(crate) fn programs() -> Result<Vec<(&'static str, Program)>, String> {
    let mut all = vec![("ours", ours()?)];
    if !skip::lacks(&["libvirtd", "unshare"]) {
        all.push(("stock", Program::Stock));
    }
    Ok(all)
}

/// Our daemon.
pub(crate) fn ours() -> Result<Program, String> {
    Ok(Program::Oxivirt { daemon: assets::daemon()?, plugins: assets::plugin_folder()? })
}

/// Runs a test against each server.
pub(crate) fn with_each(test: impl Fn(&str, Program) -> Outcome) -> Outcome {
    for (name, program) in programs()? {
        test(name, program).map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(())
}

/// A server with the settings that a sandbox begins with.
pub(crate) fn start(program: Program) -> Result<Sandbox, String> {
    let mut sandbox = Sandbox::with(program)?;
    sandbox.launch()?;
    Ok(sandbox)
}

/// A port that nobody uses right now.
pub(crate) fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(text)?;
    listener.local_addr().map(|address| address.port()).map_err(text)
}

/// A server that listens on network sockets of this host.
pub(crate) fn listening(program: Program, port: u16, settings: &str) -> Result<Sandbox, String> {
    let mut sandbox = Sandbox::with(program)?;
    let settings = format!("{}{settings}", sandbox.basic_settings());
    sandbox.configure("libvirtd.conf", &settings)?;
    sandbox.argument("--listen");
    sandbox.launch()?;
    wait_for_port(&sandbox, "127.0.0.1", port)?;
    Ok(sandbox)
}

/// Waits until a server listens on a port; some open their sockets one by one.
pub(crate) fn wait_for_port(sandbox: &Sandbox, address: &str, port: u16) -> Outcome {
    process::wait_for(&format!("port {port} to be open"), SOON, || {
        TcpStream::connect((address, port)).is_ok().then_some(())
    })
    .map_err(|e| sandbox.explain(&e))
}

/// What a connection told so far.
#[derive(Clone, Default)]
pub(crate) struct Heard(Arc<(Mutex<Vec<Told>>, Condvar)>);

impl Heard {
    /// Takes what a connection tells.
    pub(crate) fn listener(&self) -> Listener {
        let inner = self.0.clone();
        Box::new(move |told| {
            inner.0.lock().unwrap_or_else(PoisonError::into_inner).push(told);
            inner.1.notify_all();
        })
    }

    /// Waits until something was told that fits.
    pub(crate) fn wait<T>(&self, what: &str, fits: impl Fn(&Told) -> Option<T>) -> Result<T, String> {
        let told = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.0.1.wait_timeout_while(told, SOON, |told| !told.iter().any(|told| fits(told).is_some()));
        let (told, _) = waited.unwrap_or_else(PoisonError::into_inner);
        told.iter().find_map(fits).ok_or_else(|| format!("waited {} s for {what}, heard {told:?}", SOON.as_secs()))
    }

    /// Waits for the end of the connection.
    pub(crate) fn closed(&self) -> Result<oxivirt_core::constants::CloseReason, String> {
        self.wait("the end of the connection", |told| match told {
            Told::Closed(reason) => Some(*reason),
            Told::Event(..) => None,
        })
    }

    /// What was told so far.
    pub(crate) fn all(&self) -> Vec<Told> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The places of a client that keeps everything below a folder.
pub(crate) fn places(folder: &Path) -> Places {
    Places { run: folder.join("run/libvirt"), config: folder.join("client"), pki: folder.join("pki") }
}

/// Opens a URI with the places of a folder.
pub(crate) fn open(uri: &str, folder: &Path) -> Answer<Client<Carrier>> {
    open_with(uri, folder, OpenFlags::EMPTY, &Heard::default())
}

/// The same, and hears what the connection tells.
pub(crate) fn open_with(uri: &str, folder: &Path, flags: OpenFlags, heard: &Heard) -> Answer<Client<Carrier>> {
    connect(&RemoteUri::parse(uri)?, flags, &places(folder), heard.listener())
}

/// Makes one call.
pub(crate) fn ask<T>(name: &'static str, body: impl FnOnce(&Call) -> Answer<T>) -> Result<T, String> {
    Call::with(&Request::new(name), body).map_err(text)
}

/// Whether a connection is of use: its driver says that it is the one for tests.
pub(crate) fn works(client: &Client<Carrier>) -> Outcome {
    match ask("connect_get_type", |call| client.connect_get_type(call))?.to_ascii_uppercase().as_str() {
        "TEST" => Ok(()),
        other => Err(format!("the driver is {other}")),
    }
}

/// An error that must have come, with all of some words in it.
pub(crate) fn refused<T>(answer: Answer<T>, words: &[&str]) -> Result<Error, String> {
    match answer {
        Ok(_) => Err(format!("it worked, wanted an error with {words:?}")),
        Err(error) if words.iter().all(|word| error.message().contains(word)) => Ok(error),
        Err(error) => Err(format!("wanted {words:?} in: {error}")),
    }
}

pub(crate) fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
