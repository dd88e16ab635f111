//! Talking to the guest's keyboard and interrupt lines.

use oxivirt_core::call::Call;
use oxivirt_core::constants::KeycodeSet;
use oxivirt_core::interface::{DomainGuest, implements};
use oxivirt_core::types::{Domain, List, limit};
use oxivirt_core::{Error, Result};

use super::{Own, check_flags, owner};
use crate::QemuConnection;

#[implements]
impl DomainGuest for QemuConnection {
    fn domain_send_key(
        &self,
        call: &Call,
        dom: &Domain,
        codeset: KeycodeSet,
        holdtime: u32,
        keycodes: &List<u32, { limit::KEYCODES }>,
        flags: u32,
    ) -> Result<()> {
        check_flags(flags, 0, "domain_send_key")?;
        // QEMU takes the numbers of one set only; the first 89 keys of Linux
        // and XT have the same numbers.
        let same = |code: &u32| *code < 0x59;
        let fits = codeset == KeycodeSet::QNUM
            || matches!(codeset, KeycodeSet::LINUX | KeycodeSet::XT) && keycodes.iter().all(same);
        if !fits {
            return Err(Error::config_unsupported("these key codes are not supported by this driver yet")).own();
        }
        self.guests.send_key(self.uuid(dom)?, keycodes, holdtime, &owner(call)).own()
    }

    fn domain_inject_nmi(&self, call: &Call, dom: &Domain, flags: u32) -> Result<()> {
        check_flags(flags, 0, "domain_inject_nmi")?;
        self.guests.inject_nmi(self.uuid(dom)?, &owner(call)).own()
    }
}
