//! Consoles and channels as streams.

use std::os::unix::net::UnixStream;

use oxivirt_conf::domain::devices::{Channel, ChannelTarget, CharKind, CharSource, UnixSource};
use oxivirt_core::call::{Call, FileRange};
use oxivirt_core::constants::{DomainConsoleFlags, DomainFdAssociateFlags, DomainGraphicsReloadType};
use oxivirt_core::interface::{DomainConsole, implements};
use oxivirt_core::types::Domain;
use oxivirt_core::{Error, Result};

use super::{Own, check_flags, owner};
use crate::QemuConnection;
use crate::console::WhenBusy;

#[implements]
impl DomainConsole for QemuConnection {
    fn domain_open_console(
        &self,
        call: &Call,
        dom: &Domain,
        dev_name: Option<&str>,
        flags: DomainConsoleFlags,
    ) -> Result<()> {
        use DomainConsoleFlags as F;
        check_flags(flags.0, (F::SAFE | F::FORCE).0, "domain_open_console")?;
        let snapshot = self.read_active(dom)?;
        let devices = &snapshot.definition().devices;
        let all = (devices.consoles.iter().map(|d| (&d.source, &d.info)))
            .chain(devices.serials.iter().map(|d| (&d.source, &d.info)))
            .chain(devices.parallels.iter().map(|d| (&d.source, &d.info)));
        let found: Option<&CharSource> = match dev_name {
            Some(name) => all.clone().find(|(_, info)| info.alias.as_deref() == Some(name)).map(|(source, _)| source),
            None => all.clone().next().map(|(source, _)| source),
        };
        let source = found
            .ok_or_else(|| Error::internal(format!("cannot find character device {}", dev_name.unwrap_or("default"))));
        let source = source.own()?;
        let CharKind::Pty { path: Some(path) } = &source.kind else {
            return Err(Error::internal(format!(
                "character device {} is not using a PTY",
                dev_name.unwrap_or("default")
            )))
            .own();
        };
        let when_busy = if flags.contains(F::FORCE) { WhenBusy::TakeOver } else { WhenBusy::Refuse };
        let console = self.guests.consoles.open(path.as_ref(), when_busy).own()?;
        call.open_stream(console.into_stream().own()?)
    }

    fn domain_open_channel(&self, call: &Call, dom: &Domain, name: Option<&str>, flags: u32) -> Result<()> {
        check_flags(flags, FORCE_CHANNEL, "domain_open_channel")?;
        let snapshot = self.read_active(dom)?;
        let mut channels = snapshot.definition().devices.channels.iter();
        let fits = |channel: &&Channel| match (&channel.target, name) {
            (ChannelTarget::Virtio { .. } | ChannelTarget::Xen { .. }, None) => true,
            (ChannelTarget::Virtio { name: own, .. } | ChannelTarget::Xen { name: own, .. }, Some(name)) => {
                own.as_deref() == Some(name) || channel.info.alias.as_deref() == Some(name)
            }
            _ => false,
        };
        let shown = name.unwrap_or("default");
        let missing = || Error::internal(format!("cannot find channel {shown}"));
        let channel = channels.find(fits).ok_or_else(missing).own()?;
        let CharKind::Unix(UnixSource { path: Some(path), .. }) = &channel.source.kind else {
            return Err(Error::internal(format!("channel {shown} is not using a UNIX socket"))).own();
        };
        let socket = UnixStream::connect(path)
            .map_err(|e| Error::system(format_args!("failed to connect to socket '{path}'"), &e))
            .own()?;
        call.open_stream(socket.into())
    }

    fn domain_open_graphics(&self, call: &Call, dom: &Domain, idx: u32, flags: u32) -> Result<()> {
        check_flags(flags, SKIP_AUTH, "domain_open_graphics")?;
        let socket = call.take_descriptor(0).own()?;
        let job = self.guests.modify(self.uuid(dom)?, &owner(call)).own()?;
        self.guests.open_graphics(&job, idx, flags & SKIP_AUTH != 0, socket).own()
    }

    fn domain_open_graphics_fd(&self, call: &Call, dom: &Domain, idx: u32, flags: u32) -> Result<()> {
        check_flags(flags, SKIP_AUTH, "domain_open_graphics_fd")?;
        let job = self.guests.modify(self.uuid(dom)?, &owner(call)).own()?;
        let socket = self.guests.open_graphics_pair(&job, idx, flags & SKIP_AUTH != 0).own()?;
        call.give_descriptor(socket)
    }

    fn domain_screenshot(&self, call: &Call, dom: &Domain, screen: u32, flags: u32) -> Result<Option<String>> {
        check_flags(flags, 0, "domain_screenshot")?;
        let job = self.guests.query(self.uuid(dom)?, &owner(call)).own()?;
        let (picture, kind) = self.guests.screenshot(&job, screen).own()?;
        call.open_file(picture.into(), FileRange { offset: 0, length: 0, sparse: false })?;
        Ok(Some(kind.to_owned()))
    }

    fn domain_graphics_reload(
        &self,
        call: &Call,
        dom: &Domain,
        r#type: DomainGraphicsReloadType,
        flags: u32,
    ) -> Result<()> {
        check_flags(flags, 0, "domain_graphics_reload")?;
        if !matches!(r#type.0, 0 | 1) {
            return Err(Error::invalid_arg(format!("unknown graphics type '{}'", r#type.0))).own();
        }
        let job = self.guests.modify(self.uuid(dom)?, &owner(call)).own()?;
        self.guests.reload_graphics(&job).own()
    }

    fn domain_fd_associate(&self, call: &Call, dom: &Domain, name: &str, flags: DomainFdAssociateFlags) -> Result<()> {
        let known = DomainFdAssociateFlags::SECLABEL_RESTORE.0 | DomainFdAssociateFlags::SECLABEL_WRITABLE.0;
        check_flags(flags.0, known, "domain_fd_associate")?;
        let guest = self.uuid(dom)?;
        let mut files = Vec::new();
        for index in 0..MOST_DESCRIPTORS {
            match call.take_descriptor(index) {
                Ok(file) => files.push(file),
                Err(error) if files.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        self.images.give(guest, name, files);
        Ok(())
    }
}

/// Descriptors that a call can carry.
const MOST_DESCRIPTORS: u32 = 32;

/// `VIR_DOMAIN_CHANNEL_FORCE`; nobody is ever at a channel for long.
const FORCE_CHANNEL: u32 = 1;

/// `VIR_DOMAIN_OPEN_GRAPHICS_SKIPAUTH`.
const SKIP_AUTH: u32 = 1;
