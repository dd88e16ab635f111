//! Moving a running domain to another host.

use oxivirt_macros::interface;

use crate::Result;
use crate::call::Call;
use crate::constants::{DomainMigrateFlags, DomainMigrateMaxSpeedFlags};
use crate::types::{
    Bytes, Domain, List, MigrationBegun, MigrationFinished, MigrationPrepared, MigrationTarget, TypedParam, limit,
};

/// Moving a running domain to another host: the steps that a client, or the source daemon for it,
/// makes on both sides in turn.
///
/// Cookies are opaque data that one side hands to the other. The numbered forms are generations of the
/// protocol; which ones a driver speaks, it says through its features.
#[interface]
pub trait DomainMigration {
    /// Generation 1, target: gets ready to receive; says where.
    #[rpc(61, acl = ["domain:migrate", "domain:start", "domain:write"])]
    fn domain_migrate_prepare(
        &self,
        call: &Call,
        uri_in: Option<&str>,
        flags: DomainMigrateFlags,
        dname: Option<&str>,
        resource: u64,
    ) -> Result<MigrationTarget>;

    /// Generation 1, source: sends.
    #[rpc(62, acl = ["domain:migrate"])]
    fn domain_migrate_perform(
        &self,
        call: &Call,
        dom: &Domain,
        cookie: &Bytes<{ limit::MIGRATE_COOKIE }>,
        uri: &str,
        flags: DomainMigrateFlags,
        dname: Option<&str>,
        resource: u64,
    ) -> Result<()>;

    /// Generation 1, target: takes over.
    #[rpc(63, acl = ["domain:migrate"])]
    fn domain_migrate_finish(
        &self,
        call: &Call,
        dname: &str,
        cookie: &Bytes<{ limit::MIGRATE_COOKIE }>,
        uri: &str,
        flags: DomainMigrateFlags,
    ) -> Result<Domain>;

    /// Generation 2, target: gets ready to receive this definition; says where.
    #[rpc(108, acl = ["domain:migrate", "domain:start", "domain:write"])]
    fn domain_migrate_prepare2(
        &self,
        call: &Call,
        uri_in: Option<&str>,
        flags: DomainMigrateFlags,
        dname: Option<&str>,
        resource: u64,
        dom_xml: &str,
    ) -> Result<MigrationTarget>;

    /// Generation 2, target: takes over, or gives up when `retcode` is not 0.
    #[rpc(109, acl = ["domain:migrate"])]
    fn domain_migrate_finish2(
        &self,
        call: &Call,
        dname: &str,
        cookie: &Bytes<{ limit::MIGRATE_COOKIE }>,
        uri: &str,
        flags: DomainMigrateFlags,
        retcode: i32,
    ) -> Result<Domain>;

    /// Generation 2, target: gets ready to receive through a stream.
    #[rpc(148, acl = ["domain:migrate", "domain:start", "domain:write"], stream = write)]
    fn domain_migrate_prepare_tunnel(
        &self,
        call: &Call,
        flags: DomainMigrateFlags,
        dname: Option<&str>,
        resource: u64,
        dom_xml: &str,
    ) -> Result<()>;

    /// Longest pause of the guest at the end, in milliseconds.
    #[rpc(166, acl = ["domain:migrate"], write)]
    fn domain_migrate_set_max_downtime(&self, call: &Call, dom: &Domain, downtime: u64, flags: u32) -> Result<()>;

    /// Limits the sending, in MiB/s.
    #[rpc(207, acl = ["domain:migrate"], write)]
    fn domain_migrate_set_max_speed(
        &self,
        call: &Call,
        dom: &Domain,
        bandwidth: u64,
        flags: DomainMigrateMaxSpeedFlags,
    ) -> Result<()>;

    /// Generation 3, source: starts; returns the definition to send.
    #[rpc(213, acl = ["domain:migrate"])]
    fn domain_migrate_begin3(
        &self,
        call: &Call,
        dom: &Domain,
        xmlin: Option<&str>,
        flags: DomainMigrateFlags,
        dname: Option<&str>,
        resource: u64,
    ) -> Result<MigrationBegun>;

    /// Generation 3, target: gets ready to receive; says where.
    #[rpc(214, acl = ["domain:migrate", "domain:start", "domain:write"])]
    fn domain_migrate_prepare3(
        &self,
        call: &Call,
        cookie_in: &Bytes<{ limit::MIGRATE_COOKIE }>,
        uri_in: Option<&str>,
        flags: DomainMigrateFlags,
        dname: Option<&str>,
        resource: u64,
        dom_xml: &str,
    ) -> Result<MigrationPrepared>;

    /// Generation 3, target: gets ready to receive through a stream.
    #[rpc(215, acl = ["domain:migrate", "domain:start", "domain:write"], stream = write)]
    fn domain_migrate_prepare_tunnel3(
        &self,
        call: &Call,
        cookie_in: &Bytes<{ limit::MIGRATE_COOKIE }>,
        flags: DomainMigrateFlags,
        dname: Option<&str>,
        resource: u64,
        dom_xml: &str,
    ) -> Result<Bytes<{ limit::MIGRATE_COOKIE }>>;

    /// Generation 3, source: sends.
    #[rpc(216, acl = ["domain:migrate"])]
    fn domain_migrate_perform3(
        &self,
        call: &Call,
        dom: &Domain,
        xmlin: Option<&str>,
        cookie_in: &Bytes<{ limit::MIGRATE_COOKIE }>,
        dconnuri: Option<&str>,
        uri: Option<&str>,
        flags: DomainMigrateFlags,
        dname: Option<&str>,
        resource: u64,
    ) -> Result<Bytes<{ limit::MIGRATE_COOKIE }>>;

    /// Generation 3, target: takes over, or cleans up when `cancelled` is not 0.
    #[rpc(217, acl = ["domain:migrate"])]
    fn domain_migrate_finish3(
        &self,
        call: &Call,
        dname: &str,
        cookie_in: &Bytes<{ limit::MIGRATE_COOKIE }>,
        dconnuri: Option<&str>,
        uri: Option<&str>,
        flags: DomainMigrateFlags,
        cancelled: i32,
    ) -> Result<MigrationFinished>;

    /// Generation 3, source: lets go of the domain, or resumes it when `cancelled` is not 0.
    #[rpc(218, acl = ["domain:migrate"])]
    fn domain_migrate_confirm3(
        &self,
        call: &Call,
        dom: &Domain,
        cookie_in: &Bytes<{ limit::MIGRATE_COOKIE }>,
        flags: DomainMigrateFlags,
        cancelled: i32,
    ) -> Result<()>;

    /// Limit of the sending, in MiB/s.
    #[rpc(242, acl = ["domain:migrate"], write)]
    fn domain_migrate_get_max_speed(&self, call: &Call, dom: &Domain, flags: DomainMigrateMaxSpeedFlags)
    -> Result<u64>;

    /// Size of the cache for compressed pages, in bytes.
    #[rpc(299, acl = ["domain:migrate"])]
    fn domain_migrate_get_compression_cache(&self, call: &Call, dom: &Domain, flags: u32) -> Result<u64>;

    /// Sets the size of the cache for compressed pages, in bytes.
    #[rpc(300, acl = ["domain:migrate"], write)]
    fn domain_migrate_set_compression_cache(
        &self,
        call: &Call,
        dom: &Domain,
        cache_size: u64,
        flags: u32,
    ) -> Result<()>;

    /// As `domain_migrate_begin3`, with named parameters.
    #[rpc(302, acl = ["domain:migrate"])]
    fn domain_migrate_begin3_params(
        &self,
        call: &Call,
        dom: &Domain,
        params: &List<TypedParam, { limit::PARAMETERS }>,
        flags: u32,
    ) -> Result<MigrationBegun>;

    /// As `domain_migrate_prepare3`, with named parameters.
    #[rpc(303, acl = ["domain:migrate", "domain:start", "domain:write"])]
    fn domain_migrate_prepare3_params(
        &self,
        call: &Call,
        params: &List<TypedParam, { limit::PARAMETERS }>,
        cookie_in: &Bytes<{ limit::MIGRATE_COOKIE }>,
        flags: u32,
    ) -> Result<MigrationPrepared>;

    /// As `domain_migrate_prepare_tunnel3`, with named parameters.
    #[rpc(304, acl = ["domain:migrate", "domain:start", "domain:write"])]
    fn domain_migrate_prepare_tunnel3_params(
        &self,
        call: &Call,
        params: &List<TypedParam, { limit::PARAMETERS }>,
        cookie_in: &Bytes<{ limit::MIGRATE_COOKIE }>,
        flags: u32,
    ) -> Result<Bytes<{ limit::MIGRATE_COOKIE }>>;

    /// As `domain_migrate_perform3`, with named parameters.
    #[rpc(305, acl = ["domain:migrate"])]
    fn domain_migrate_perform3_params(
        &self,
        call: &Call,
        dom: &Domain,
        dconnuri: Option<&str>,
        params: &List<TypedParam, { limit::PARAMETERS }>,
        cookie_in: &Bytes<{ limit::MIGRATE_COOKIE }>,
        flags: u32,
    ) -> Result<Bytes<{ limit::MIGRATE_COOKIE }>>;

    /// As `domain_migrate_finish3`, with named parameters.
    #[rpc(306, acl = ["domain:migrate"])]
    fn domain_migrate_finish3_params(
        &self,
        call: &Call,
        params: &List<TypedParam, { limit::PARAMETERS }>,
        cookie_in: &Bytes<{ limit::MIGRATE_COOKIE }>,
        flags: u32,
        cancelled: i32,
    ) -> Result<MigrationFinished>;

    /// As `domain_migrate_confirm3`, with named parameters.
    #[rpc(307, acl = ["domain:migrate"])]
    fn domain_migrate_confirm3_params(
        &self,
        call: &Call,
        dom: &Domain,
        params: &List<TypedParam, { limit::PARAMETERS }>,
        cookie_in: &Bytes<{ limit::MIGRATE_COOKIE }>,
        flags: u32,
        cancelled: i32,
    ) -> Result<()>;

    /// Lets the guest run on the target now and sends the rest of its memory on demand.
    #[rpc(364, acl = ["domain:migrate"], write)]
    fn domain_migrate_start_post_copy(&self, call: &Call, dom: &Domain, flags: u32) -> Result<()>;

    /// Longest pause of the guest at the end, in milliseconds.
    #[rpc(387, acl = ["domain:migrate"])]
    fn domain_migrate_get_max_downtime(&self, call: &Call, dom: &Domain, flags: u32) -> Result<u64>;
}
