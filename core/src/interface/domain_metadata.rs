//! Title, description and foreign metadata.

use oxivirt_macros::interface;

use crate::Result;
use crate::call::Call;
use crate::constants::{DomainMetadataType, DomainModificationImpact};
use crate::types::Domain;

/// Title, description and foreign metadata of a domain.
#[interface]
pub trait DomainMetadata {
    /// Sets or, with no `metadata`, removes one piece.
    ///
    /// * `key` and `uri`: prefix and namespace of a foreign element, for `ELEMENT` only.
    #[rpc(264, acl = ["domain:write", "domain:save:!VIR_DOMAIN_AFFECT_CONFIG|VIR_DOMAIN_AFFECT_LIVE", "domain:save:VIR_DOMAIN_AFFECT_CONFIG"], write)]
    fn domain_set_metadata(
        &self,
        call: &Call,
        dom: &Domain,
        r#type: DomainMetadataType,
        metadata: Option<&str>,
        key: Option<&str>,
        uri: Option<&str>,
        flags: DomainModificationImpact,
    ) -> Result<()>;

    /// One piece of metadata.
    ///
    /// * Errors: `NO_DOMAIN_METADATA` when there is none.
    #[rpc(265, acl = ["domain:read"])]
    fn domain_get_metadata(
        &self,
        call: &Call,
        dom: &Domain,
        r#type: DomainMetadataType,
        uri: Option<&str>,
        flags: DomainModificationImpact,
    ) -> Result<String>;
}
