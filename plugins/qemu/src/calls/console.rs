//! Consoles and channels as streams.

use oxivirt_conf::domain::devices::{CharKind, CharSource};
use oxivirt_core::call::Call;
use oxivirt_core::constants::DomainConsoleFlags;
use oxivirt_core::interface::{DomainConsole, implements};
use oxivirt_core::types::Domain;
use oxivirt_core::{Error, Result};

use super::{Own, check_flags};
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
            .ok_or_else(|| Error::internal(format!("cannot find console device '{}'", dev_name.unwrap_or("default"))));
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
}
