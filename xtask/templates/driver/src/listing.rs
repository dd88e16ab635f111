//! Finding domains: there are none yet, which is an answer and not an error.

use oxivirt_core::call::Call;
use oxivirt_core::constants::ListDomainsFlags;
use oxivirt_core::interface::{DomainListing, implements};
use oxivirt_core::types::{Counted, Domain, List, Uuid, limit};
use oxivirt_core::{Error, ErrorCode, Result};

use crate::driver::@Type@Connection;

#[implements]
impl DomainListing for @Type@Connection {
    #[quick]
    fn connect_list_all_domains(
        &self,
        _call: &Call,
        need_results: bool,
        flags: ListDomainsFlags,
    ) -> Result<Counted<List<Domain, { limit::LIST }>>> {
        let known = ListDomainsFlags::ALL.iter().fold(0, |known, (flag, _)| known | flag.0);
        match flags.0 & !known {
            0 => Counted::answer(need_results, Vec::new()),
            unknown => Err(Error::invalid_arg(format!("unsupported flags (0x{unknown:x}) for a listing of domains"))),
        }
    }

    #[quick]
    fn domain_lookup_by_name(&self, _call: &Call, name: &str) -> Result<Domain> {
        Err(Error::new(ErrorCode::NO_DOMAIN, format!("no domain with matching name '{name}'")))
    }

    #[quick]
    fn domain_lookup_by_uuid(&self, _call: &Call, uuid: &Uuid) -> Result<Domain> {
        Err(Error::new(ErrorCode::NO_DOMAIN, format!("no domain with matching uuid '{uuid}'")))
    }

    #[quick]
    fn domain_lookup_by_id(&self, _call: &Call, id: i32) -> Result<Domain> {
        Err(Error::new(ErrorCode::NO_DOMAIN, format!("no domain with matching id {id}")))
    }

    #[quick]
    fn connect_num_of_domains(&self, _call: &Call) -> Result<i32> {
        Ok(0)
    }

    #[quick]
    fn connect_num_of_defined_domains(&self, _call: &Call) -> Result<i32> {
        Ok(0)
    }
}
