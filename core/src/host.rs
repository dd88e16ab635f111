//! What a driver sees of the daemon.
//!
//! UNSAFETY: the daemon lends its services to every plugin for good; this
//! module erases their type on one side and calls them on the other.
#![allow(unsafe_code)]

use abi_stable::StableAbi;

use crate::abi::{ROption, RResult, RStr, RString, WithMetadata};
use crate::constants::constants;
use crate::event::Event;
use crate::object::{Borrowed, guarded};
use crate::plugin::{ForeignConnection, OpenFlags};
use crate::types::Uuid;
use crate::{Connection, Error, Result};

constants! {
    /// Folders of the daemon; all of them under its root.
    pub struct Folder(i32) {
        CONFIG = 0,
        STATE = 1,
        RUN = 2,
        CACHE = 3,
        LOG = 4,
    }

    /// Levels of log records.
    pub struct LogLevel(i32) {
        ERROR = 1,
        WARN = 2,
        INFO = 3,
        DEBUG = 4,
        TRACE = 5,
    }
}

/// One line for the log.
#[repr(C)]
#[derive(StableAbi, Clone, Debug)]
pub struct LogRecord {
    /// How important it is.
    pub level: LogLevel,
    /// The module it comes from.
    pub target: RString,
    /// Its source file, empty where unknown.
    pub file: RString,
    /// Its line there, 0 where unknown.
    pub line: u32,
    /// The message with its fields, the open spans in front.
    pub message: RString,
}

/// What the daemon does for drivers.
pub trait HostServices: Send + Sync + 'static {
    /// Delivers an event to the subscribers of a channel, in order.
    fn emit(&self, channel: u64, event: &Event);

    /// Makes a channel for the events of one set of objects.
    fn new_channel(&self) -> u64;

    /// Writes a line to the log.
    fn log(&self, record: &LogRecord);

    /// The least important level that is written.
    fn log_level(&self) -> LogLevel;

    /// One of the daemon's folders, such as `/var/lib/libvirt`.
    fn folder(&self, folder: Folder) -> String;

    /// Whether this is the system's daemon rather than one user's.
    fn is_privileged(&self) -> bool;

    /// Opens a connection to another driver, by URI.
    fn connect(&self, uri: &str, flags: OpenFlags) -> Result<Connection>;

    /// Asks the daemon to stay while `holder` is busy, or allows it to go.
    fn inhibit_shutdown(&self, holder: &str, inhibit: bool);

    /// Runs the hooks of a driver, see [`Host::run_hook`].
    fn run_hook(
        &self,
        _driver: &str,
        _object: &str,
        _operation: &str,
        _sub_operation: &str,
        _extra: &str,
        _xml: &str,
    ) -> Result<String> {
        Ok(String::new())
    }

    /// The uuid of the host, see [`Host::uuid`].
    fn host_uuid(&self) -> Option<Uuid> {
        None
    }

    /// Runs the event script, see [`Host::run_event_script`].
    fn run_event_script(&self, _object: &str, _name: &str, _event: &str, _qualifier: &str, _extra: &str) -> Result<()> {
        Ok(())
    }
}

/// The daemon, as a driver sees it. Valid for as long as the program runs;
/// cheap to copy; every method may be called from any thread.
#[repr(C)]
#[derive(StableAbi, Clone, Copy)]
pub struct Host {
    services: Borrowed,
    table: HostTableRef,
}

/// The functions behind a [`Host`]; new ones go at the end.
#[doc(hidden)]
#[allow(missing_docs)]
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = HostTableRef)))]
#[sabi(missing_field(option))]
pub struct HostTable {
    pub emit: unsafe extern "C" fn(Borrowed, u64, &Event),
    pub new_channel: unsafe extern "C" fn(Borrowed) -> u64,
    pub log: unsafe extern "C" fn(Borrowed, &LogRecord),
    pub log_level: unsafe extern "C" fn(Borrowed) -> LogLevel,
    pub folder: unsafe extern "C" fn(Borrowed, Folder) -> RString,
    pub is_privileged: unsafe extern "C" fn(Borrowed) -> bool,
    pub connect: unsafe extern "C" fn(Borrowed, RStr<'_>, OpenFlags) -> RResult<ForeignConnection, Error>,
    #[sabi(last_prefix_field)]
    pub inhibit_shutdown: unsafe extern "C" fn(Borrowed, RStr<'_>, bool),
    pub run_hook: unsafe extern "C" fn(Borrowed, &HookArguments<'_>, RStr<'_>) -> RResult<RString, Error>,
    pub run_event_script: unsafe extern "C" fn(Borrowed, &HookArguments<'_>) -> RResult<(), Error>,
    pub host_uuid: unsafe extern "C" fn(Borrowed) -> ROption<Uuid>,
}

/// What a hook (its driver, then its arguments) or the event script is called with.
#[doc(hidden)]
pub type HookArguments<'a> = [RStr<'a>; 5];

impl Host {
    /// Lends `services` to drivers, for good.
    pub fn new<S: HostServices>(services: &'static S) -> Self {
        Self { services: Borrowed::new(services), table: Erased::<S>::TABLE }
    }

    /// Delivers an event to the subscribers of a channel. Never blocks on a
    /// subscriber; events of one thread arrive in order.
    pub fn emit(&self, channel: u64, event: &Event) {
        // SAFETY: the table was made for these services, which live for good;
        // the same holds for the methods below.
        unsafe { self.table.emit()(self.services, channel, event) }
    }

    /// Makes a channel for the events of one set of objects. Connections that
    /// share the objects share the channel.
    pub fn new_channel(&self) -> u64 {
        // SAFETY: see `emit`.
        unsafe { self.table.new_channel()(self.services) }
    }

    /// Writes a line to the log; drivers use `tracing`, which ends up here.
    pub fn log(&self, record: &LogRecord) {
        // SAFETY: see `emit`.
        unsafe { self.table.log()(self.services, record) }
    }

    /// The least important level that is written.
    pub fn log_level(&self) -> LogLevel {
        // SAFETY: see `emit`.
        unsafe { self.table.log_level()(self.services) }
    }

    /// One of the daemon's folders, such as `/var/lib/libvirt`. It may not
    /// exist yet.
    pub fn folder(&self, folder: Folder) -> std::path::PathBuf {
        // SAFETY: see `emit`.
        unsafe { self.table.folder()(self.services, folder) }.into_string().into()
    }

    /// Whether this is the system's daemon rather than one user's.
    pub fn is_privileged(&self) -> bool {
        // SAFETY: see `emit`.
        unsafe { self.table.is_privileged()(self.services) }
    }

    /// Opens a connection to another driver by URI, such as `network:///system`.
    pub fn connect(&self, uri: &str, flags: OpenFlags) -> Result<Connection> {
        // SAFETY: see `emit`.
        unsafe { self.table.connect()(self.services, RStr::from(uri), flags) }
            .into_result()
            .map(ForeignConnection::into_connection)
    }

    /// Asks the daemon to stay while `holder` is busy, or allows it to go.
    pub fn inhibit_shutdown(&self, holder: &str, inhibit: bool) {
        // SAFETY: see `emit`.
        unsafe { self.table.inhibit_shutdown()(self.services, RStr::from(holder), inhibit) }
    }

    /// Runs the operator's hooks of a driver: `hooks/<driver>`, then those in
    /// `hooks/<driver>.d` by name. Blocks until they ended or their time is up;
    /// call it without a lock that a reader could want, since a hook may call
    /// the daemon.
    ///
    /// * `object`, `operation`, `sub_operation`, `extra`: their arguments, such
    ///   as `guest prepare begin -`.
    /// * `xml`: what they read.
    /// * Returns the document that they made of `xml` for the operations
    ///   `migrate` and `restore`; empty when they left it alone, when there is
    ///   no hook, or the host is too old for hooks.
    /// * Errors: `HOOK_SCRIPT_FAILED` with the hook's own words when one fails
    ///   or does not end; those behind it in the folder have run nevertheless.
    pub fn run_hook(
        &self,
        driver: &str,
        object: &str,
        operation: &str,
        sub_operation: &str,
        extra: &str,
        xml: &str,
    ) -> Result<String> {
        let Some(run_hook) = self.table.run_hook() else { return Ok(String::new()) };
        let arguments = [driver, object, operation, sub_operation, extra].map(RStr::from);
        // SAFETY: see `emit`.
        unsafe { run_hook(self.services, &arguments, RStr::from(xml)) }.into_result().map(RString::into_string)
    }

    /// The uuid of this host, by which capabilities and saved or migrated domains name it: from the daemon's
    /// configuration, its firmware, or its installation. Absent when the host is too old to tell.
    pub fn uuid(&self) -> Option<Uuid> {
        let host_uuid = self.table.host_uuid()?;
        // SAFETY: see `emit`.
        unsafe { host_uuid(self.services) }.into_option()
    }

    /// Runs the operator's event script as `SCRIPT OBJECT NAME EVENT QUALIFIER
    /// EXTRA`, if it wants the event. Blocks like [`Host::run_hook`].
    ///
    /// * `object`, `name`: kind and name of what it is about, such as `domain web`.
    /// * `qualifier`: `before` or `after`.
    /// * Errors: `HOOK_SCRIPT_FAILED` with the script's own words; what comes
    ///   `after` cannot be stopped any more and gets none.
    pub fn run_event_script(&self, object: &str, name: &str, event: &str, qualifier: &str, extra: &str) -> Result<()> {
        let Some(run_event_script) = self.table.run_event_script() else { return Ok(()) };
        let arguments = [object, name, event, qualifier, extra].map(RStr::from);
        // SAFETY: see `emit`.
        unsafe { run_event_script(self.services, &arguments) }.into_result()
    }
}

struct Erased<S>(std::marker::PhantomData<S>);

impl<S: HostServices> Erased<S> {
    const TABLE: HostTableRef = HostTableRef(WithMetadata::static_as_prefix(Self::WITH_METADATA));
    const WITH_METADATA: &'static WithMetadata<HostTable> = &WithMetadata::new(HostTable {
        emit: emit::<S>,
        new_channel: new_channel::<S>,
        log: log::<S>,
        log_level: log_level::<S>,
        folder: folder::<S>,
        is_privileged: is_privileged::<S>,
        connect: connect::<S>,
        inhibit_shutdown: inhibit_shutdown::<S>,
        run_hook: run_hook::<S>,
        run_event_script: run_event_script::<S>,
        host_uuid: host_uuid::<S>,
    });
}

/// Calls a service; a panic of the daemon must not unwind into a plugin.
fn service<S: HostServices, T>(this: Borrowed, what: &str, body: impl FnOnce(&S) -> T) -> Option<T> {
    // SAFETY: `Erased::<S>::TABLE` is only joined with services of type `S`.
    let services = unsafe { this.cast::<S>() };
    guarded(what, || Ok(body(services))).into_result().ok()
}

unsafe extern "C" fn emit<S: HostServices>(this: Borrowed, channel: u64, event: &Event) {
    service(this, "emit", |services: &S| services.emit(channel, event));
}

unsafe extern "C" fn new_channel<S: HostServices>(this: Borrowed) -> u64 {
    service(this, "new_channel", |services: &S| services.new_channel()).unwrap_or_default()
}

unsafe extern "C" fn log<S: HostServices>(this: Borrowed, record: &LogRecord) {
    service(this, "log", |services: &S| services.log(record));
}

unsafe extern "C" fn log_level<S: HostServices>(this: Borrowed) -> LogLevel {
    service(this, "log_level", |services: &S| services.log_level()).unwrap_or(LogLevel::WARN)
}

unsafe extern "C" fn folder<S: HostServices>(this: Borrowed, folder: Folder) -> RString {
    service(this, "folder", |services: &S| services.folder(folder)).unwrap_or_default().into()
}

unsafe extern "C" fn is_privileged<S: HostServices>(this: Borrowed) -> bool {
    service(this, "is_privileged", |services: &S| services.is_privileged()).unwrap_or_default()
}

unsafe extern "C" fn connect<S: HostServices>(
    this: Borrowed,
    uri: RStr<'_>,
    flags: OpenFlags,
) -> RResult<ForeignConnection, Error> {
    service(this, "connect", |services: &S| services.connect(uri.as_str(), flags))
        .unwrap_or_else(|| Err(Error::internal("opening a connection panicked")))
        .map(ForeignConnection::from_connection)
        .into()
}

unsafe extern "C" fn inhibit_shutdown<S: HostServices>(this: Borrowed, holder: RStr<'_>, inhibit: bool) {
    service(this, "inhibit_shutdown", |services: &S| services.inhibit_shutdown(holder.as_str(), inhibit));
}

unsafe extern "C" fn run_hook<S: HostServices>(
    this: Borrowed,
    arguments: &HookArguments<'_>,
    xml: RStr<'_>,
) -> RResult<RString, Error> {
    let [driver, object, operation, sub_operation, extra] = arguments.map(|text| text.as_str());
    service(this, "run_hook", |services: &S| {
        services.run_hook(driver, object, operation, sub_operation, extra, xml.as_str())
    })
    .unwrap_or_else(|| Err(Error::internal("running a hook panicked")))
    .map(RString::from)
    .into()
}

unsafe extern "C" fn host_uuid<S: HostServices>(this: Borrowed) -> ROption<Uuid> {
    service(this, "host_uuid", |services: &S| services.host_uuid()).flatten().into()
}

unsafe extern "C" fn run_event_script<S: HostServices>(
    this: Borrowed,
    arguments: &HookArguments<'_>,
) -> RResult<(), Error> {
    let [object, name, event, qualifier, extra] = arguments.map(|text| text.as_str());
    service(this, "run_event_script", |services: &S| services.run_event_script(object, name, event, qualifier, extra))
        .unwrap_or_else(|| Err(Error::internal("running the event script panicked")))
        .into()
}
