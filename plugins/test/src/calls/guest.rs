//! Keys, signals and a clock of a guest that is not there.

use oxivirt_core::call::Call;
use oxivirt_core::constants::KeycodeSet;
use oxivirt_core::interface::{DomainGuest, implements};
use oxivirt_core::types::{Domain, DomainTime, List, limit};
use oxivirt_core::{Error, Result};

use crate::TestConnection;
use crate::error::{Own, check_flags};

/// The guest's clock stands still: 17 November 1989.
const TIME: DomainTime = DomainTime { seconds: 627_319_920, nseconds: 0 };

#[implements]
impl DomainGuest for TestConnection {
    #[quick]
    fn domain_send_key(
        &self,
        _call: &Call,
        dom: &Domain,
        _codeset: KeycodeSet,
        _holdtime: u32,
        _keycodes: &List<u32, { limit::KEYCODES }>,
        flags: u32,
    ) -> Result<()> {
        check_flags(flags, 0, "domain_send_key")?;
        self.state().read_active(dom).map(drop)
    }

    #[quick]
    fn domain_inject_nmi(&self, _call: &Call, dom: &Domain, flags: u32) -> Result<()> {
        check_flags(flags, 0, "domain_inject_nmi")?;
        self.state().read_active(dom).map(drop)
    }

    #[quick]
    fn domain_send_process_signal(
        &self,
        _call: &Call,
        dom: &Domain,
        _pid_value: i64,
        _signum: u32,
        flags: u32,
    ) -> Result<()> {
        check_flags(flags, 0, "domain_send_process_signal")?;
        self.state().read_active(dom).map(drop)
    }

    #[quick]
    fn domain_get_hostname(&self, _call: &Call, dom: &Domain, flags: u32) -> Result<String> {
        check_flags(flags, 0, "domain_get_hostname")?;
        let snapshot = self.state().read_active(dom)?;
        Ok(format!("{}host", snapshot.definition().name))
    }

    #[quick]
    fn domain_get_time(&self, _call: &Call, dom: &Domain, flags: u32) -> Result<DomainTime> {
        check_flags(flags, 0, "domain_get_time")?;
        if !self.state().read(dom)?.is_active() {
            return Err(Error::operation_invalid("domain is not running")).own();
        }
        Ok(TIME)
    }
}
