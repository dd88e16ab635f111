//! A driver that tells what it sees of its caller and host, and crashes or
//! hangs when told to: `crashes:///`.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use oxivirt_core::call::Call;
use oxivirt_core::constants::{DomainConsoleFlags, DomainEventType, DomainRebootFlags};
use oxivirt_core::host::{Folder, Host};
use oxivirt_core::interface::{Connect, DomainConsole, DomainLifecycle, DomainListing, implements};
use oxivirt_core::plugin::{Driver, OpenFlags, Opened, Start};
use oxivirt_core::types::{Domain, Uuid};
use oxivirt_core::{Error, Event, Result};

/// Hangs while it starts when the file `crashes.hang` is in the configuration
/// folder, and for as long as it is; fails when `crashes.fail` is.
pub struct Crashes {
    host: Host,
    channel: u64,
    reloads: Arc<AtomicU64>,
}

/// A connection of [`Crashes`].
pub struct Witness {
    host: Host,
    channel: u64,
    reloads: Arc<AtomicU64>,
}

fn marker(host: &Host, name: &str) -> PathBuf {
    host.folder(Folder::CONFIG).join(format!("crashes.{name}"))
}

fn wait_while_there(file: &Path) {
    while file.exists() {
        std::thread::sleep(Duration::from_millis(20));
    }
}

impl Driver for Crashes {
    type Connection = Witness;

    fn start(host: Host) -> Result<Start<Self>> {
        wait_while_there(&marker(&host, "hang"));
        match marker(&host, "fail").exists() {
            true => Err(Error::operation_failed("told to fail")),
            false => Ok(Start::Ready(Self { host, channel: host.new_channel(), reloads: Arc::default() })),
        }
    }

    fn open(&self, _call: &Call, _uri: &str, _flags: OpenFlags) -> Result<Opened<Witness>> {
        let connection = Witness { host: self.host, channel: self.channel, reloads: self.reloads.clone() };
        Ok(Opened { connection, channel: self.channel })
    }

    fn reload(&self) -> Result<()> {
        self.reloads.fetch_add(1, Ordering::Relaxed);
        match marker(&self.host, "fail").exists() {
            true => Err(Error::operation_failed("told to fail")),
            false => Ok(()),
        }
    }
}

#[implements]
impl Connect for Witness {
    #[quick]
    fn connect_get_type(&self, _call: &Call) -> Result<String> {
        Ok("Crashes".to_owned())
    }

    /// How often it was told to read its configuration again.
    fn connect_get_version(&self, _call: &Call) -> Result<u64> {
        Ok(self.reloads.load(Ordering::Relaxed))
    }

    /// Who asks, and where this is.
    fn connect_get_sysinfo(&self, call: &Call, _flags: u32) -> Result<String> {
        let process = std::process::id();
        let identity = call.identity();
        let names: Vec<String> =
            identity.iter().map(|param| format!("{}={:?}", param.field(), param.value())).collect();
        Ok(format!("process={process} client={} read-only={} {}", call.client(), call.is_read_only(), names.join(" ")))
    }
}

#[implements]
impl DomainListing for Witness {
    /// Opens `name` as a URI through the host and returns what that calls itself.
    fn domain_lookup_by_name(&self, call: &Call, name: &str) -> Result<Domain> {
        if !name.contains(':') {
            return Ok(Domain::new(name, Uuid([9; 16]), 1));
        }
        let other = self.host.connect(name, OpenFlags::EMPTY)?;
        Ok(Domain::new(other.connect_get_uri(call)?, Uuid([9; 16]), 1))
    }
}

#[implements]
impl DomainLifecycle for Witness {
    /// Crashes as bad code does.
    fn domain_create(&self, _call: &Call, _dom: &Domain) -> Result<()> {
        eprintln!("about to crash");
        std::process::abort()
    }

    /// Hangs for as long as the file `crashes.busy` is there, and makes a file
    /// `crashes.waiting` first.
    fn domain_suspend(&self, _call: &Call, _dom: &Domain) -> Result<()> {
        std::fs::write(marker(&self.host, "waiting"), "").map_err(|e| Error::system("cannot say so", &e))?;
        wait_while_there(&marker(&self.host, "busy"));
        Ok(())
    }

    /// Asks the daemon to stay.
    fn domain_resume(&self, _call: &Call, dom: &Domain) -> Result<()> {
        self.host.inhibit_shutdown(&dom.name, true);
        Ok(())
    }

    /// Lets the daemon go.
    fn domain_destroy(&self, _call: &Call, dom: &Domain) -> Result<()> {
        self.host.inhibit_shutdown(&dom.name, false);
        Ok(())
    }

    /// Runs the hooks of `crashes`, whose failure it returns.
    fn domain_shutdown(&self, _call: &Call, dom: &Domain) -> Result<()> {
        self.host.run_hook("crashes", &dom.name, "stopped", "end", "-", "<domain/>").map(drop)
    }

    /// Tells that the domain was started, and writes a warning to the log.
    fn domain_reboot(&self, _call: &Call, dom: &Domain, _flags: DomainRebootFlags) -> Result<()> {
        tracing::warn!(domain = %dom.name, "reboot asked for");
        let event = Event::lifecycle(dom, DomainEventType::STARTED, 0)?;
        self.host.emit(self.channel, &event);
        Ok(())
    }
}

#[implements]
impl DomainConsole for Witness {
    /// A console that says its domain's name, then nothing until it is closed.
    fn domain_open_console(
        &self,
        call: &Call,
        dom: &Domain,
        _dev_name: Option<&str>,
        _flags: DomainConsoleFlags,
    ) -> Result<()> {
        use std::io::{Read, Write};
        let failed = |source: std::io::Error| Error::system("no console", &source);
        let (mut ours, theirs) = std::os::unix::net::UnixStream::pair().map_err(failed)?;
        ours.write_all(dom.name.as_bytes()).map_err(failed)?;
        std::thread::spawn(move || drop(ours.read_to_end(&mut Vec::new())));
        call.open_stream(OwnedFd::from(theirs))
    }

    /// Gives back the first descriptor that came.
    fn domain_open_graphics_fd(&self, call: &Call, _dom: &Domain, _idx: u32, _flags: u32) -> Result<()> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().map_err(|e| Error::system("no socket", &e))?;
        std::thread::spawn(move || {
            use std::io::Write;
            drop((&ours).write_all(b"graphics"));
        });
        call.give_descriptor(theirs.into())
    }
}
