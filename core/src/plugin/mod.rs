//! Drivers as loadable plugins.
//!
//! A plugin is a shared object with one exported symbol, written by
//! [`plugin!`](crate::plugin!). Its header tells the layout of everything that
//! crosses, so that the [`loader`] can refuse it before any of its code runs.
//!
//! A driver is a type with [`Driver`]: started once, asked to open connections,
//! told to reload and to stop. A connection is any type with interface traits
//! under `#[implements]`.
//!
//! Threads: every function may be called from any thread and several at once;
//! methods may block unless marked `#[quick]`. Ownership: what a plugin returns
//! belongs to the host, which ends it through the plugin.
//!
//! UNSAFETY: the shims here find the type of a driver again that the same
//! table erased.
#![allow(unsafe_code)]

mod export;
pub mod loader;
mod log;
pub mod registry;

use abi_stable::StableAbi;
use abi_stable::library::RootModule;
use abi_stable::package_version_strings;
use abi_stable::sabi_types::VersionStrings;

use crate::abi::{ROption, RResult, RSlice, RStr, RString};
use crate::call::Call;
use crate::constants::{constants, flags};
use crate::host::Host;
use crate::interface::InterfacesRef;
use crate::object::{Borrowed, Object};
use crate::{Connection, Error, Result};

pub use abi_stable::library::LibHeader as Header;
pub use export::{Erase, Module, Root, header};
pub use log::RecordText;

constants! {
    /// What a driver is for.
    pub struct DriverKind(i32) {
        HYPERVISOR = 0,
        NETWORK = 1,
        STORAGE = 2,
        SECRET = 3,
        INTERFACE = 4,
        NODE_DEVICE = 5,
        NETWORK_FILTER = 6,
        SECURITY = 7,
        REMOTE = 8,
    }
}

flags! {
    /// How to open a connection.
    pub struct OpenFlags(u32) {
        READ_ONLY = 1,
        NO_ALIASES = 2,
    }
}

/// Name of the exported symbol, with the NUL that ends it.
pub const SYMBOL: &[u8] = b"oxivirt_plugin\0";

/// A driver, as its author writes it.
pub trait Driver: Send + Sync + Sized + 'static {
    /// What `open` makes.
    type Connection: Send + Sync + 'static;

    /// Starts the driver: reads its configuration, finds what it left behind.
    ///
    /// `Declined` with a reason when there is nothing to drive here; that is
    /// no error, and the daemon goes on without the driver.
    fn start(host: Host) -> Result<Start<Self>>;

    /// Opens a connection.
    ///
    /// * `uri`: as the client gave it, one of the driver's schemes.
    /// * Errors: `INVALID_ARG` for a path that means nothing to this driver.
    fn open(&self, call: &Call, uri: &str, flags: OpenFlags) -> Result<Opened<Self::Connection>>;

    /// Reads the configuration again; what is wrong in it changes nothing.
    fn reload(&self) -> Result<()> {
        Ok(())
    }

    /// The daemon ends: saves what is not saved yet. Guests stay.
    fn stop(&self) {}
}

/// How a driver's start ended.
pub enum Start<D> {
    /// It serves.
    Ready(D),
    /// It has nothing to drive here, for this reason.
    Declined(String),
}

/// A connection that a driver opened.
pub struct Opened<C> {
    /// What calls are made on.
    pub connection: C,
    /// Where its events come from; see [`Host::new_channel`]. 0 for none.
    pub channel: u64,
}

/// The root of a plugin.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = PluginModuleRef)))]
#[sabi(missing_field(option))]
pub struct PluginModule {
    /// Short name, such as `qemu`.
    pub name: RStr<'static>,
    /// Version of the plugin itself.
    pub version: RStr<'static>,
    /// One line for people.
    pub description: RStr<'static>,
    /// The drivers in it.
    pub drivers: RSlice<'static, DriverModuleRef>,
    /// Joins the plugin's log and panic messages to the daemon's.
    #[sabi(last_prefix_field)]
    pub attach: extern "C" fn(Host),
}

impl RootModule for PluginModuleRef {
    abi_stable::declare_root_module_statics! {PluginModuleRef}
    const BASE_NAME: &'static str = "oxivirt_plugin";
    const NAME: &'static str = "oxivirt_plugin";
    const VERSION_STRINGS: VersionStrings = package_version_strings!();
}

/// One driver of a plugin.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = DriverModuleRef)))]
#[sabi(missing_field(option))]
pub struct DriverModule {
    /// What it is for.
    pub kind: DriverKind,
    /// Its name, such as `QEMU`.
    pub name: RStr<'static>,
    /// The URI schemes that it serves. `+tcp` is any scheme with that
    /// transport; `esx//` also takes URIs that name a host.
    pub schemes: RSlice<'static, RStr<'static>>,
    /// The kinds of driver that it asks for services; they start first.
    pub wants: RSlice<'static, DriverKind>,
    /// What its connections can do.
    pub interfaces: InterfacesRef,
    /// Starts it.
    pub start: unsafe extern "C" fn(Host) -> RResult<Started, Error>,
    /// Opens a connection.
    pub open: unsafe extern "C" fn(Borrowed, &Call, RStr<'_>, OpenFlags) -> RResult<ForeignConnection, Error>,
    /// Reads the configuration again.
    pub reload: unsafe extern "C" fn(Borrowed) -> RResult<(), Error>,
    /// Tells it that the daemon ends.
    #[sabi(last_prefix_field)]
    pub stop: unsafe extern "C" fn(Borrowed),
}

/// How a driver's start ended, at the boundary.
#[repr(C)]
#[derive(StableAbi)]
pub struct Started {
    /// The driver; absent when it declined.
    pub driver: ROption<Object>,
    /// Why it declined.
    pub declined: RString,
}

/// A connection on its way across the boundary.
#[repr(C)]
#[derive(StableAbi)]
pub struct ForeignConnection {
    target: Borrowed,
    keeper: Object,
    interfaces: InterfacesRef,
    channel: u64,
    driver: RString,
}

impl ForeignConnection {
    /// Wraps a connection that a driver made.
    pub fn new(object: Object, interfaces: InterfacesRef, channel: u64, driver: &str) -> Self {
        Self { target: object.borrowed(), keeper: object, interfaces, channel, driver: driver.into() }
    }

    /// Sends an open connection on to another plugin.
    pub fn from_connection(connection: Connection) -> Self {
        Self {
            target: connection.object(),
            interfaces: connection.interfaces(),
            channel: connection.channel(),
            driver: connection.driver().into(),
            keeper: Object::new(connection),
        }
    }

    /// The handle that calls are made on.
    pub fn into_connection(self) -> Connection {
        Connection::new(self.target, self.keeper, self.interfaces, self.channel, self.driver.into())
    }
}
