//! What only containers have.

use oxivirt_macros::interface;

use crate::Result;
use crate::call::Call;
use crate::types::Domain;

/// What only containers have.
#[interface]
pub trait LxcNamespace {
    /// Returns descriptors of the namespaces of a running container.
    #[rpc(1, program = LXC, acl = ["domain:open_namespace"], write)]
    fn domain_open_namespace(&self, call: &Call, dom: &Domain, flags: u32) -> Result<()>;
}
