//! Stand-ins for the drivers that others ask: `network:///`, `storage:///`,
//! `secret:///`, `nwfilter:///`. Never shipped.
//!
//! Their objects are files below `neighbours` in the configuration folder,
//! written by the test and read anew at each call:
//!
//! | file | what it is |
//! |---|---|
//! | `networks/NAME` | what a port of the network gets: elements of `<networkport>`; a first line `inactive` says it is not started |
//! | `networks/NAME.leases` | a lease per line: hardware address, IP address, prefix |
//! | `ports/NETWORK/UUID` | the document of a port that was made |
//! | `pools/NAME` | the document of a pool; a first line `inactive` says it is not started |
//! | `pools/NAME.volumes/VOLUME` | number of its type, and its path |
//! | `secrets/UUID` | number of its usage type, usage, `private` or `open`, and the value, a line each |
//! | `bindings/DEVICE` | the document of a filter binding that was made |
//! | `hang` | while it is there, every call waits |

mod filters;
mod networks;
mod secrets;
mod volumes;

use std::path::{Path, PathBuf};
use std::time::Duration;

use oxivirt_core::host::{Folder, Host};
use oxivirt_core::types::Uuid;
use oxivirt_core::{Error, ErrorCode, Result};

oxivirt_core::plugin! {
    name: "neighbours",
    description: "Networks, volumes, secrets and filter bindings out of a folder",
    drivers: [
        NetworkDriver {
            kind: NETWORK, name: "Networks", schemes: ["network"], wants: [], interfaces: [connect, networks, network_ports],
        },
        StorageDriver {
            kind: STORAGE,
            name: "Storage",
            schemes: ["storage"],
            wants: [],
            interfaces: [connect, storage_pools, storage_volumes],
        },
        SecretDriver {
            kind: SECRET, name: "Secrets", schemes: ["secret"], wants: [], interfaces: [connect, secrets],
        },
        FilterDriver {
            kind: NETWORK_FILTER, name: "Filters", schemes: ["nwfilter"], wants: [], interfaces: [connect, nw_filters],
        },
    ],
}

pub use filters::{FilterDriver, Filters};
pub use networks::{Nets, NetworkDriver};
pub use secrets::{SecretDriver, SecretFiles};
pub use volumes::{StorageDriver, Volumes};

/// The folder with the files of a test.
#[derive(Clone)]
pub struct Shelf(PathBuf);

impl Shelf {
    fn of(host: Host) -> Self {
        Self(host.folder(Folder::CONFIG).join("neighbours"))
    }

    /// A file below it; waits while the drivers are told to hang.
    fn at(&self, path: &str) -> PathBuf {
        while self.0.join("hang").exists() {
            std::thread::sleep(Duration::from_millis(10));
        }
        self.0.join(path)
    }

    fn read(&self, path: &str, missing: ErrorCode) -> Result<String> {
        let file = self.at(path);
        std::fs::read_to_string(&file).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Error::new(missing, format!("nothing is called '{path}'")),
            _ => Error::system(format!("cannot read '{}'", file.display()), &error),
        })
    }

    fn write(&self, path: &str, text: &str) -> Result<()> {
        let file = self.at(path);
        let folder = file.parent().unwrap_or(Path::new("/"));
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&file, text))
            .map_err(|error| Error::system(format!("cannot write '{}'", file.display()), &error))
    }

    fn remove(&self, path: &str, missing: ErrorCode) -> Result<()> {
        std::fs::remove_file(self.at(path)).map_err(|_| Error::new(missing, format!("nothing is called '{path}'")))
    }
}

/// A uuid that follows from a name.
fn uuid_of(name: &str) -> Uuid {
    let mut bytes = [7; 16];
    for (to, from) in bytes.iter_mut().zip(name.bytes()) {
        *to = from;
    }
    Uuid(bytes)
}

/// What an active object's file says.
fn active(text: &str) -> Option<&str> {
    (!text.starts_with("inactive")).then_some(text)
}

/// The text between two others.
fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    let rest = &text[text.find(before)? + before.len()..];
    Some(&rest[..rest.find(after)?])
}
