//! Looking after the daemon itself: answered by the daemon on its own socket.

use abi_stable::StableAbi;
use abi_stable::std_types::RString;
use oxivirt_macros::interface;

use crate::Result;
use crate::call::Call;
use crate::constants::DaemonShutdownFlags;
use crate::types::{Counted, List, TypedParam, limit};

/// One server of the daemon, such as the one for ordinary clients.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq, oxivirt_macros::Xdr)]
pub struct AdminServer {
    /// Unique in the daemon.
    pub name: RString,
}

/// A client of a server.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq, oxivirt_macros::Xdr)]
pub struct AdminClient {
    /// Where it is connected to.
    pub srv: AdminServer,
    /// Unique on that server.
    pub id: u64,
    /// When it connected, in seconds since 1970.
    pub timestamp: i64,
    /// How it is connected: 0 Unix socket, 1 TCP, 2 TLS.
    pub transport: u32,
}

/// Looking after the daemon: its servers, their clients and threads, its log.
///
/// Flags are for later use and must be 0 everywhere (`INVALID_ARG`).
#[interface(local)]
pub trait Admin {
    /// Opens the connection of an administrator.
    #[rpc(1, program = ADMIN)]
    fn connect_open(&self, call: &Call, flags: u32) -> Result<()>;

    /// Ends the connection; the client goes away next.
    #[rpc(2, program = ADMIN)]
    fn connect_close(&self, call: &Call) -> Result<()>;

    /// Version of the interface, as `major * 1_000_000 + minor * 1_000 + release`.
    #[rpc(3, program = ADMIN)]
    fn connect_get_lib_version(&self, call: &Call) -> Result<u64>;

    /// The servers of the daemon; only how many there are when `need_results` is 0.
    #[rpc(4, program = ADMIN)]
    fn connect_list_servers(
        &self,
        call: &Call,
        need_results: u32,
        flags: u32,
    ) -> Result<Counted<List<AdminServer, { limit::LIST }>>>;

    /// Finds a server.
    ///
    /// * Errors: `NO_SERVER`.
    #[rpc(5, program = ADMIN)]
    fn connect_lookup_server(&self, call: &Call, name: &str, flags: u32) -> Result<AdminServer>;

    /// How many threads there are and may be.
    #[rpc(6, program = ADMIN)]
    fn server_get_threadpool_parameters(
        &self,
        call: &Call,
        srv: &AdminServer,
        flags: u32,
    ) -> Result<List<TypedParam, { limit::ADMIN_PARAMETERS }>>;

    /// The clients of a server; only how many there are when `need_results` is 0.
    #[rpc(8, program = ADMIN)]
    fn server_list_clients(
        &self,
        call: &Call,
        srv: &AdminServer,
        need_results: u32,
        flags: u32,
    ) -> Result<Counted<List<AdminClient, { limit::LIST }>>>;

    /// Finds a client.
    ///
    /// * Errors: `NO_CLIENT`.
    #[rpc(9, program = ADMIN)]
    fn server_lookup_client(&self, call: &Call, srv: &AdminServer, id: u64, flags: u32) -> Result<AdminClient>;

    /// Who a client is.
    ///
    /// * Errors: `NO_CLIENT` when it is gone.
    #[rpc(10, program = ADMIN)]
    fn client_get_info(
        &self,
        call: &Call,
        clnt: &AdminClient,
        flags: u32,
    ) -> Result<List<TypedParam, { limit::ADMIN_CLIENT_INFO }>>;

    /// Disconnects a client.
    ///
    /// * Errors: `NO_CLIENT` when it is gone.
    #[rpc(11, program = ADMIN)]
    fn client_close(&self, call: &Call, clnt: &AdminClient, flags: u32) -> Result<()>;

    /// How many clients there are and may be.
    #[rpc(12, program = ADMIN)]
    fn server_get_client_limits(
        &self,
        call: &Call,
        srv: &AdminServer,
        flags: u32,
    ) -> Result<List<TypedParam, { limit::ADMIN_PARAMETERS }>>;

    /// Where the log goes, and how many places that are.
    #[rpc(14, program = ADMIN)]
    fn connect_get_logging_outputs(&self, call: &Call, flags: u32) -> Result<LoggingOutputs>;

    /// What the log's filters are, and how many; absent without filters.
    #[rpc(15, program = ADMIN)]
    fn connect_get_logging_filters(&self, call: &Call, flags: u32) -> Result<LoggingFilters>;

    /// Changes how many threads there may be.
    ///
    /// * Errors: `INVALID_ARG` for a lower limit above the upper one.
    #[rpc(7, program = ADMIN)]
    fn server_set_threadpool_parameters(
        &self,
        call: &Call,
        srv: &AdminServer,
        params: &List<TypedParam, { limit::ADMIN_PARAMETERS }>,
        flags: u32,
    ) -> Result<()>;

    /// Changes how many clients there may be, and how many of them not yet let in.
    #[rpc(13, program = ADMIN)]
    fn server_set_client_limits(
        &self,
        call: &Call,
        srv: &AdminServer,
        params: &List<TypedParam, { limit::ADMIN_PARAMETERS }>,
        flags: u32,
    ) -> Result<()>;

    /// Where log lines go, in the syntax of the configuration; absent means the default.
    #[rpc(16, program = ADMIN)]
    fn connect_set_logging_outputs(&self, call: &Call, outputs: Option<&str>, flags: u32) -> Result<()>;

    /// Which log lines are written, in the syntax of the configuration; absent means the default.
    #[rpc(17, program = ADMIN)]
    fn connect_set_logging_filters(&self, call: &Call, filters: Option<&str>, flags: u32) -> Result<()>;

    /// Reads certificates and keys again; connections that stand keep theirs.
    #[rpc(18, program = ADMIN)]
    fn server_update_tls_files(&self, call: &Call, srv: &AdminServer, flags: u32) -> Result<()>;

    /// Ends the daemon after so many seconds without clients and running domains; 0 never.
    #[rpc(19, program = ADMIN)]
    fn connect_set_daemon_timeout(&self, call: &Call, timeout: u32, flags: u32) -> Result<()>;

    /// Ends the daemon, guests keep running unless the flags or the configuration say otherwise.
    #[rpc(20, program = ADMIN)]
    fn connect_daemon_shutdown(&self, call: &Call, flags: DaemonShutdownFlags) -> Result<()>;
}

/// Where the log goes.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq, oxivirt_macros::Xdr)]
pub struct LoggingOutputs {
    /// As in the configuration, separated by blanks.
    pub outputs: RString,
    /// How many.
    pub noutputs: u32,
}

/// What is logged.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq, oxivirt_macros::Xdr)]
pub struct LoggingFilters {
    /// As in the configuration, separated by blanks.
    pub filters: abi_stable::std_types::ROption<RString>,
    /// How many.
    pub nfilters: u32,
}
