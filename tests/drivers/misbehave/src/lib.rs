//! Drivers that do on purpose what no driver should: `misbehave:///` panics
//! and hangs, `declines:///` has nothing to drive, `fails:///` cannot start,
//! `panics:///` panics while it starts, `crashes:///` crashes when told to,
//! `talks:///` tells of everything at once.

mod crashes;
mod talks;

use std::time::Duration;

use oxivirt_core::call::Call;
use oxivirt_core::host::Host;
use oxivirt_core::interface::{Connect, DomainLifecycle, DomainListing, implements};
use oxivirt_core::plugin::{Driver, OpenFlags, Opened, Start};
use oxivirt_core::types::{Domain, Uuid};
use oxivirt_core::{Error, Result};

pub use talks::{Talking, Talks};

oxivirt_core::plugin! {
    name: "misbehave",
    description: "Panics, hangs and declines on purpose",
    drivers: [
        Misbehave {
            kind: HYPERVISOR,
            name: "Misbehave",
            schemes: ["misbehave"],
            wants: [],
            interfaces: [connect, domain_lifecycle, domain_listing],
        },
        Declines { kind: HYPERVISOR, name: "Declines", schemes: ["declines"], wants: [], interfaces: [connect] },
        Fails { kind: HYPERVISOR, name: "Fails", schemes: ["fails"], wants: [], interfaces: [connect] },
        Talks {
            kind: HYPERVISOR,
            name: "Talks",
            schemes: ["talks"],
            wants: [],
            interfaces: [connect, domain_lifecycle, domain_listing],
        },
        Panics { kind: HYPERVISOR, name: "Panics", schemes: ["panics"], wants: [], interfaces: [connect] },
        Crashes {
            kind: HYPERVISOR,
            name: "Crashes",
            schemes: ["crashes"],
            wants: [],
            interfaces: [connect, domain_lifecycle, domain_listing, domain_console],
        },
    ],
}

pub use crashes::{Crashes, Witness};

/// Panics in `domain_create`, hangs in `domain_destroy`, is fine otherwise.
pub struct Misbehave;

/// A connection of [`Misbehave`].
pub struct Connection;

impl Driver for Misbehave {
    type Connection = Connection;

    fn start(_host: Host) -> Result<Start<Self>> {
        Ok(Start::Ready(Self))
    }

    fn open(&self, _call: &Call, uri: &str, _flags: OpenFlags) -> Result<Opened<Connection>> {
        match uri {
            "misbehave:///panic" => panic!("cannot open"),
            _ => Ok(Opened { connection: Connection, channel: 0 }),
        }
    }
}

#[implements]
impl Connect for Connection {
    #[quick]
    fn connect_get_type(&self, _call: &Call) -> Result<String> {
        Ok("Misbehave".to_owned())
    }
}

#[implements]
impl DomainListing for Connection {
    fn domain_lookup_by_name(&self, _call: &Call, name: &str) -> Result<Domain> {
        Ok(Domain::new(name, Uuid([7; 16]), -1))
    }
}

#[implements]
impl DomainLifecycle for Connection {
    fn domain_create(&self, _call: &Call, dom: &Domain) -> Result<()> {
        panic!("no start for '{}'", dom.name)
    }

    /// Hangs far longer than any test is ready to wait.
    fn domain_destroy(&self, _call: &Call, _dom: &Domain) -> Result<()> {
        std::thread::sleep(Duration::from_secs(3_600));
        Ok(())
    }
}

/// Has nothing to drive.
pub struct Declines;

impl Driver for Declines {
    type Connection = Connection;

    fn start(_host: Host) -> Result<Start<Self>> {
        Ok(Start::Declined("no such hardware".to_owned()))
    }

    fn open(&self, _call: &Call, _uri: &str, _flags: OpenFlags) -> Result<Opened<Connection>> {
        Err(Error::internal("was never started"))
    }
}

/// Cannot start.
pub struct Fails;

impl Driver for Fails {
    type Connection = Connection;

    fn start(_host: Host) -> Result<Start<Self>> {
        Err(Error::operation_failed("configuration is broken"))
    }

    fn open(&self, _call: &Call, _uri: &str, _flags: OpenFlags) -> Result<Opened<Connection>> {
        Err(Error::internal("was never started"))
    }
}

/// Panics while it starts.
pub struct Panics;

impl Driver for Panics {
    type Connection = Connection;

    fn start(_host: Host) -> Result<Start<Self>> {
        panic!("start")
    }

    fn open(&self, _call: &Call, _uri: &str, _flags: OpenFlags) -> Result<Opened<Connection>> {
        Err(Error::internal("was never started"))
    }
}
