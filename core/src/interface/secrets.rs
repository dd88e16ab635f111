//! Secrets.

use oxivirt_macros::interface;

use crate::Result;
use crate::abi::RString;
use crate::call::Call;
use crate::constants::{ListSecretsFlags, SecretDefineFlags, SecretUsageType};
use crate::types::{Bytes, Counted, List, Secret, Uuid, limit};

/// Secrets: passwords and keys that guests, disks and pools refer to. `NO_SECRET` when the named one is gone.
#[interface]
pub trait Secrets {
    /// How many secrets there are.
    #[rpc(139, acl = ["connect:search_secrets"], filter = ["secret:getattr"], high)]
    fn connect_num_of_secrets(&self, call: &Call) -> Result<i32>;

    /// UUIDs of at most `maxuuids` secrets, as texts.
    #[rpc(140, acl = ["connect:search_secrets"], filter = ["secret:getattr"], high)]
    fn connect_list_secrets(&self, call: &Call, maxuuids: i32) -> Result<List<RString, { limit::LIST }>>;

    /// Finds a secret by its UUID.
    #[rpc(141, acl = ["secret:getattr"], high)]
    fn secret_lookup_by_uuid(&self, call: &Call, uuid: &Uuid) -> Result<Secret>;

    /// Defines a secret, or changes the definition of one; its value is set apart.
    #[rpc(142, acl = ["secret:write", "secret:save"], high, write)]
    fn secret_define_xml(&self, call: &Call, xml: &str, flags: SecretDefineFlags) -> Result<Secret>;

    /// The secret as a document, never with its value.
    #[rpc(143, acl = ["secret:read"], high)]
    fn secret_get_xml_desc(&self, call: &Call, secret: &Secret, flags: u32) -> Result<String>;

    /// Sets the value.
    #[rpc(144, acl = ["secret:write"], high, write)]
    fn secret_set_value(
        &self,
        call: &Call,
        secret: &Secret,
        value: &Bytes<{ limit::SECRET_VALUE }>,
        flags: u32,
    ) -> Result<()>;

    /// The value.
    ///
    /// * Errors: `INVALID_SECRET` for a private one, `NO_SECRET` when no value was set.
    #[rpc(145, acl = ["secret:read_secure"], high, write)]
    fn secret_get_value(&self, call: &Call, secret: &Secret, flags: u32) -> Result<Bytes<{ limit::SECRET_VALUE }>>;

    /// Removes a secret with its value.
    #[rpc(146, acl = ["secret:delete"], high, write)]
    fn secret_undefine(&self, call: &Call, secret: &Secret) -> Result<()>;

    /// Finds a secret by what it is for.
    #[rpc(147, acl = ["secret:getattr"], high)]
    fn secret_lookup_by_usage(&self, call: &Call, usage_type: SecretUsageType, usage_id: &str) -> Result<Secret>;

    /// Secrets, or only their number.
    #[rpc(287, acl = ["connect:search_secrets"], filter = ["secret:getattr"], high)]
    fn connect_list_all_secrets(
        &self,
        call: &Call,
        need_results: bool,
        flags: ListSecretsFlags,
    ) -> Result<Counted<List<Secret, { limit::LIST }>>>;
}
