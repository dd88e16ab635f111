//! Finding domains: every answer is one picture of all of them.

use oxivirt_conf::object::Definition;
use oxivirt_core::abi::RString;
use oxivirt_core::call::Call;
use oxivirt_core::constants::{DomainStateCode, ListDomainsFlags};
use oxivirt_core::interface::{DomainListing, implements};
use oxivirt_core::types::{Counted, Domain, List, Uuid, limit};
use oxivirt_core::{Error, ErrorCode, ErrorDomain, Result};

use crate::TestConnection;
use crate::error::{Own, check_flags};
use crate::state::{Snapshot, reference, references};

#[implements]
impl DomainListing for TestConnection {
    #[quick]
    fn connect_list_defined_domains(&self, _call: &Call, maxnames: i32) -> Result<List<RString, { limit::LIST }>> {
        let domains = self.state().domains.list();
        let off = domains.iter().filter(|(_, snapshot)| !snapshot.is_active());
        List::new(off.map(|(_, snapshot)| snapshot.definition().name().into()).take(most(maxnames)).collect())
    }

    #[quick]
    fn connect_num_of_defined_domains(&self, _call: &Call) -> Result<i32> {
        count(self.state().domains.list().iter().filter(|(_, snapshot)| !snapshot.is_active()).count())
    }

    #[quick]
    fn connect_list_domains(&self, _call: &Call, maxids: i32) -> Result<List<i32, { limit::LIST }>> {
        List::new(
            self.state().domains.list().iter().filter_map(|(_, snapshot)| snapshot.id()).take(most(maxids)).collect(),
        )
    }

    #[quick]
    fn connect_num_of_domains(&self, _call: &Call) -> Result<i32> {
        count(self.state().domains.list().iter().filter(|(_, snapshot)| snapshot.is_active()).count())
    }

    #[quick]
    fn domain_lookup_by_id(&self, _call: &Call, id: i32) -> Result<Domain> {
        let object = self.state().domains.by_id(id).ok_or_else(missing)?;
        Ok(reference(&object.snapshot()))
    }

    #[quick]
    fn domain_lookup_by_name(&self, _call: &Call, name: &str) -> Result<Domain> {
        let object = self.state().domains.by_name(name).ok_or_else(missing)?;
        Ok(reference(&object.snapshot()))
    }

    #[quick]
    fn domain_lookup_by_uuid(&self, _call: &Call, uuid: &Uuid) -> Result<Domain> {
        let object = self.state().domains.by_uuid(uuid::Uuid::from_bytes(uuid.0)).ok_or_else(missing)?;
        Ok(reference(&object.snapshot()))
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
        let domains = self.state().domains.list();
        let mut matching = domains.snapshots();
        matching.retain(|snapshot| matches(snapshot, flags));
        if !need_results {
            return Ok(Counted { items: List::new(Vec::new())?, count: matching.len() as u32 });
        }
        Counted::answer(true, references(&matching))
    }
}

/// Whether a domain passes: of each group that `flags` touch, one flag fits.
fn matches(snapshot: &Snapshot, flags: ListDomainsFlags) -> bool {
    use ListDomainsFlags as F;
    let status = &snapshot.status;
    let of_two = |fits: bool, yes: F, no: F| (yes | no, if fits { yes } else { no });
    let state = match status.state {
        DomainStateCode::RUNNING => F::RUNNING,
        DomainStateCode::PAUSED => F::PAUSED,
        DomainStateCode::SHUTOFF => F::SHUTOFF,
        _ => F::OTHER,
    };
    let groups = [
        of_two(snapshot.is_active(), F::ACTIVE, F::INACTIVE),
        of_two(snapshot.is_persistent(), F::PERSISTENT, F::TRANSIENT),
        (F::RUNNING | F::PAUSED | F::SHUTOFF | F::OTHER, state),
        of_two(status.managed_save, F::MANAGEDSAVE, F::NO_MANAGEDSAVE),
        of_two(status.autostart, F::AUTOSTART, F::NO_AUTOSTART),
        of_two(!status.snapshots.is_empty(), F::HAS_SNAPSHOT, F::NO_SNAPSHOT),
        of_two(!status.checkpoints.is_empty(), F::HAS_CHECKPOINT, F::NO_CHECKPOINT),
    ];
    groups.iter().all(|(group, own)| !flags.intersects(*group) || flags.intersects(*own))
}

fn missing() -> Error {
    Error::new(ErrorCode::NO_DOMAIN, "").in_domain(ErrorDomain::TEST)
}

pub(super) fn most(wanted: i32) -> usize {
    usize::try_from(wanted).unwrap_or(0)
}

pub(super) fn count(number: usize) -> Result<i32> {
    i32::try_from(number).map_err(|_| Error::new(ErrorCode::OVERFLOW, format!("{number} objects"))).own()
}
