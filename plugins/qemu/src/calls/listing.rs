//! Finding guests: every answer is one picture of all of them.

use oxivirt_core::abi::RString;
use oxivirt_core::call::Call;
use oxivirt_core::constants::ListDomainsFlags;
use oxivirt_core::interface::{DomainListing, implements};
use oxivirt_core::types::{Counted, Domain, List, Uuid, limit};
use oxivirt_core::{Error, ErrorCode, Result};

use super::{Own, check_flags, reference, references};
use crate::QemuConnection;
use crate::lifecycle::State;
use crate::state::Snapshot;

#[implements]
impl DomainListing for QemuConnection {
    #[quick]
    fn connect_list_defined_domains(&self, _call: &Call, maxnames: i32) -> Result<List<RString, { limit::LIST }>> {
        let domains = self.guests.table.list();
        let off = domains.iter().filter(|(_, snapshot)| !snapshot.is_active());
        List::new(off.map(|(_, s)| s.definition().name.as_str().into()).take(most(maxnames)).collect())
    }

    #[quick]
    fn connect_num_of_defined_domains(&self, _call: &Call) -> Result<i32> {
        count(self.guests.table.list().iter().filter(|(_, snapshot)| !snapshot.is_active()).count())
    }

    #[quick]
    fn connect_list_domains(&self, _call: &Call, maxids: i32) -> Result<List<i32, { limit::LIST }>> {
        List::new(self.guests.table.list().iter().filter_map(|(_, s)| s.id()).take(most(maxids)).collect())
    }

    #[quick]
    fn connect_num_of_domains(&self, _call: &Call) -> Result<i32> {
        count(self.guests.table.list().iter().filter(|(_, snapshot)| snapshot.is_active()).count())
    }

    #[quick]
    fn domain_lookup_by_id(&self, _call: &Call, id: i32) -> Result<Domain> {
        self.guests.table.require_id(id).own().map(|object| reference(&object.snapshot()))
    }

    #[quick]
    fn domain_lookup_by_name(&self, _call: &Call, name: &str) -> Result<Domain> {
        self.guests.table.require_name(name).own().map(|object| reference(&object.snapshot()))
    }

    #[quick]
    fn domain_lookup_by_uuid(&self, _call: &Call, uuid: &Uuid) -> Result<Domain> {
        let uuid = uuid::Uuid::from_bytes(uuid.0);
        self.guests.table.require_uuid(uuid, None).own().map(|object| reference(&object.snapshot()))
    }

    #[quick]
    fn connect_list_all_domains(
        &self,
        _call: &Call,
        need_results: bool,
        flags: ListDomainsFlags,
    ) -> Result<Counted<List<Domain, { limit::LIST }>>> {
        let known = ListDomainsFlags::ALL.iter().fold(0, |known, (flag, _)| known | flag.0);
        check_flags(flags.0, known, "connect_list_all_domains")?;
        let domains = self.guests.table.list();
        let mut matching = domains.snapshots();
        matching.retain(|snapshot| matches(snapshot, flags));
        if !need_results {
            return Ok(Counted { items: List::new(Vec::new())?, count: matching.len() as u32 });
        }
        Counted::answer(true, references(&matching))
    }
}

/// Whether a guest passes: of each group that `flags` touch, one flag fits.
fn matches(snapshot: &Snapshot, flags: ListDomainsFlags) -> bool {
    use ListDomainsFlags as F;
    let of_two = |fits: bool, yes: F, no: F| (yes | no, if fits { yes } else { no });
    let state = match snapshot.status.state {
        State::Running(_) => F::RUNNING,
        State::Paused(_) => F::PAUSED,
        State::ShutOff(_) => F::SHUTOFF,
        _ => F::OTHER,
    };
    let groups = [
        of_two(snapshot.is_active(), F::ACTIVE, F::INACTIVE),
        of_two(snapshot.is_persistent(), F::PERSISTENT, F::TRANSIENT),
        (F::RUNNING | F::PAUSED | F::SHUTOFF | F::OTHER, state),
        of_two(false, F::MANAGEDSAVE, F::NO_MANAGEDSAVE),
        of_two(snapshot.status.autostart, F::AUTOSTART, F::NO_AUTOSTART),
        of_two(false, F::HAS_SNAPSHOT, F::NO_SNAPSHOT),
        of_two(false, F::HAS_CHECKPOINT, F::NO_CHECKPOINT),
    ];
    groups.iter().all(|(group, own)| !flags.intersects(*group) || flags.intersects(*own))
}

fn most(wanted: i32) -> usize {
    usize::try_from(wanted).unwrap_or(0)
}

fn count(number: usize) -> Result<i32> {
    i32::try_from(number).map_err(|_| Error::new(ErrorCode::OVERFLOW, format!("{number} domains"))).own()
}
