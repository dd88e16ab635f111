//! Long work on a domain.

use oxivirt_macros::interface;

use crate::Result;
use crate::call::Call;
use crate::constants::{DomainAbortJobFlags, DomainJobStatsFlags};
use crate::types::{Domain, DomainJobInfo, DomainJobStats};

/// Long work on a domain (migration, saving, dumps, backup): progress and abort.
#[interface]
pub trait DomainJobs {
    /// Progress of the running job; kind 0 when there is none.
    #[rpc(163, acl = ["domain:read"])]
    fn domain_get_job_info(&self, call: &Call, dom: &Domain) -> Result<DomainJobInfo>;

    /// Asks the running job to stop.
    ///
    /// * Errors: `OPERATION_INVALID` when there is none.
    #[rpc(164, acl = ["domain:write"], write)]
    fn domain_abort_job(&self, call: &Call, dom: &Domain) -> Result<()>;

    /// Progress of the running job in full, or of the last one (`COMPLETED`).
    #[rpc(298, acl = ["domain:read"])]
    fn domain_get_job_stats(&self, call: &Call, dom: &Domain, flags: DomainJobStatsFlags) -> Result<DomainJobStats>;

    /// Asks the running job to stop, in the way the flags say.
    #[rpc(442, acl = ["domain:write"], write)]
    fn domain_abort_job_flags(&self, call: &Call, dom: &Domain, flags: DomainAbortJobFlags) -> Result<()>;
}
