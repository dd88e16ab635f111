//! Finding domains.

use oxivirt_macros::interface;

use crate::Result;
use crate::abi::RString;
use crate::call::Call;
use crate::constants::ListDomainsFlags;
use crate::types::{Counted, Domain, List, Uuid, limit};

/// Finding domains. Every answer is one moment's picture of all domains and
/// waits for no job, guest or disk.
#[interface]
pub trait DomainListing {
    /// Names of domains that are defined and do not run, at most `maxnames`.
    #[rpc(21, acl = ["connect:search_domains"], filter = ["domain:getattr"], high)]
    fn connect_list_defined_domains(&self, call: &Call, maxnames: i32) -> Result<List<RString, { limit::LIST }>>;

    /// The running domain with this id.
    ///
    /// * Errors: `NO_DOMAIN`.
    #[rpc(22, acl = ["domain:getattr"], high)]
    fn domain_lookup_by_id(&self, call: &Call, id: i32) -> Result<Domain>;

    /// The domain with this name.
    ///
    /// * Errors: `NO_DOMAIN`.
    #[rpc(23, acl = ["domain:getattr"], high)]
    fn domain_lookup_by_name(&self, call: &Call, name: &str) -> Result<Domain>;

    /// The domain with this uuid.
    ///
    /// * Errors: `NO_DOMAIN`.
    #[rpc(24, acl = ["domain:getattr"], high)]
    fn domain_lookup_by_uuid(&self, call: &Call, uuid: &Uuid) -> Result<Domain>;

    /// Number of domains that are defined and do not run.
    #[rpc(25, acl = ["connect:search_domains"], filter = ["domain:getattr"], high)]
    fn connect_num_of_defined_domains(&self, call: &Call) -> Result<i32>;

    /// Ids of running domains, at most `maxids`.
    #[rpc(37, acl = ["connect:search_domains"], filter = ["domain:getattr"], high)]
    fn connect_list_domains(&self, call: &Call, maxids: i32) -> Result<List<i32, { limit::LIST }>>;

    /// Number of running domains.
    #[rpc(51, acl = ["connect:search_domains"], filter = ["domain:getattr"], high)]
    fn connect_num_of_domains(&self, call: &Call) -> Result<i32>;

    /// Every domain that passes `flags`: within a group any flag suffices, each group
    /// with a flag must be passed.
    ///
    /// * `need_results` false asks for the number only.
    #[rpc(273, acl = ["connect:search_domains"], filter = ["domain:getattr"], high)]
    fn connect_list_all_domains(
        &self,
        call: &Call,
        need_results: bool,
        flags: ListDomainsFlags,
    ) -> Result<Counted<List<Domain, { limit::LIST }>>>;
}
