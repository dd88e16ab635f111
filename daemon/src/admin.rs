//! What administrators ask for.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use oxivirt_core::constants::DaemonShutdownFlags;
use oxivirt_core::interface::Admin;
use oxivirt_core::interface::admin::{AdminClient, AdminServer, LoggingFilters, LoggingOutputs};
use oxivirt_core::types::{Counted, List, TypedParam, TypedValue, limit};
use oxivirt_core::{Call, Error, ErrorCode, ErrorDomain, Result};

use crate::client::{Client, INTERFACE_VERSION, Peer};
use crate::daemon::Daemon;
use crate::logging::{self, Filter, Level, Output};
use crate::server::{Door, Server};

/// How long the answer to the call that ends the daemon has before it does.
const ANSWER_TIME: Duration = Duration::from_millis(50);

/// An administrator and the daemon that is looked after.
pub(crate) struct Administrator {
    /// Who asks.
    pub(crate) client: Arc<Client>,
    /// Who is asked.
    pub(crate) daemon: &'static Daemon,
}

impl Administrator {
    fn server(&self, name: &str) -> Result<&'static Server> {
        self.daemon.servers().into_iter().find(|server| server.name == name).ok_or_else(|| {
            Error::new(ErrorCode::NO_SERVER, format!("No server named '{name}'")).in_domain(ErrorDomain::RPC)
        })
    }

    fn client_of(&self, server: &str, id: u64) -> Result<Arc<Client>> {
        self.server(server)?.find(id).ok_or_else(|| {
            let detail = format!("No client with matching ID '{id}'");
            Error::new(ErrorCode::NO_CLIENT, detail).in_domain(ErrorDomain::RPC)
        })
    }
}

impl Admin for Administrator {
    fn connect_open(&self, call: &Call, flags: u32) -> Result<()> {
        no_flags(call, flags)
    }

    fn connect_close(&self, _: &Call) -> Result<()> {
        Ok(())
    }

    fn connect_get_lib_version(&self, _: &Call) -> Result<u64> {
        Ok(INTERFACE_VERSION)
    }

    fn connect_list_servers(
        &self,
        call: &Call,
        need_results: u32,
        flags: u32,
    ) -> Result<Counted<List<AdminServer, { limit::LIST }>>> {
        no_flags(call, flags)?;
        let all = self.daemon.servers().map(|server| AdminServer { name: server.name.into() });
        Counted::answer(need_results != 0, all.to_vec())
    }

    fn connect_lookup_server(&self, call: &Call, name: &str, flags: u32) -> Result<AdminServer> {
        no_flags(call, flags)?;
        self.server(name).map(|server| AdminServer { name: server.name.into() })
    }

    fn server_get_threadpool_parameters(
        &self,
        call: &Call,
        srv: &AdminServer,
        flags: u32,
    ) -> Result<List<TypedParam, { limit::ADMIN_PARAMETERS }>> {
        no_flags(call, flags)?;
        let server = self.server(&srv.name)?;
        let gauge = server.workers.gauge();
        List::new(vec![
            number("minWorkers", server.limits().min_workers),
            number("maxWorkers", server.limits().max_workers),
            number("nWorkers", gauge.threads),
            number("freeWorkers", gauge.free),
            number("prioWorkers", server.limits().prio_workers),
            number("jobQueueDepth", gauge.queued),
        ])
    }

    fn server_list_clients(
        &self,
        call: &Call,
        srv: &AdminServer,
        need_results: u32,
        flags: u32,
    ) -> Result<Counted<List<AdminClient, { limit::LIST }>>> {
        no_flags(call, flags)?;
        let all = self.server(&srv.name)?.list();
        Counted::answer(need_results != 0, all.iter().map(|client| describe(srv, client)).collect())
    }

    fn server_lookup_client(&self, call: &Call, srv: &AdminServer, id: u64, flags: u32) -> Result<AdminClient> {
        no_flags(call, flags)?;
        self.client_of(&srv.name, id).map(|client| describe(srv, &client))
    }

    fn client_get_info(
        &self,
        call: &Call,
        clnt: &AdminClient,
        flags: u32,
    ) -> Result<List<TypedParam, { limit::ADMIN_CLIENT_INFO }>> {
        no_flags(call, flags)?;
        let client = self.client_of(&clnt.srv.name, clnt.id)?;
        let mut all = vec![TypedParam::new("readonly", TypedValue::Boolean(client.is_read_only()))];
        // The same facts that drivers get, under the administrators' names.
        if let Peer::Remote(address) = &client.peer {
            all.push(TypedParam::new("sock_addr", TypedValue::String(&address.to_string())));
        }
        for param in client.own_identity() {
            let (name, value) = match (param.field(), param.value()) {
                ("unix-user-id", TypedValue::UnsignedLongLong(id)) => {
                    ("unix_user_id", TypedValue::Int(id as u32 as i32))
                }
                ("unix-group-id", TypedValue::UnsignedLongLong(id)) => {
                    ("unix_group_id", TypedValue::Int(id as u32 as i32))
                }
                ("process-id", TypedValue::LongLong(id)) => ("unix_process_id", TypedValue::Int(id as i32)),
                ("user-name", name) => ("unix_user_name", name),
                ("group-name", name) => ("unix_group_name", name),
                ("sasl-user-name", name) => ("sasl_user_name", name),
                ("x509-distinguished-name", name) => ("tls_x509_dname", name),
                ("selinux-context", context) => ("selinux_context", context),
                _ => continue,
            };
            all.push(TypedParam::new(name, value));
        }
        // The user, the group, the process: in the order in which people look for them.
        const ORDER: [&str; 5] =
            ["unix_user_id", "unix_user_name", "unix_group_id", "unix_group_name", "unix_process_id"];
        all.sort_by_key(|param| {
            let place = ORDER.iter().position(|name| *name == param.field());
            (!matches!(param.field(), "readonly" | "sock_addr"), place.unwrap_or(ORDER.len()))
        });
        List::new(all)
    }

    fn client_close(&self, call: &Call, clnt: &AdminClient, flags: u32) -> Result<()> {
        no_flags(call, flags)?;
        self.client_of(&clnt.srv.name, clnt.id)?.abort("an administrator asked for it");
        tracing::info!(by = self.client.id, client = clnt.id, "client closed");
        Ok(())
    }

    fn server_get_client_limits(
        &self,
        call: &Call,
        srv: &AdminServer,
        flags: u32,
    ) -> Result<List<TypedParam, { limit::ADMIN_PARAMETERS }>> {
        no_flags(call, flags)?;
        let server = self.server(&srv.name)?;
        let (clients, anonymous) = server.count();
        List::new(vec![
            number("nclients_max", server.limits().clients),
            number("nclients", clients),
            number("nclients_unauth_max", server.limits().anonymous_clients),
            number("nclients_unauth", anonymous),
        ])
    }

    fn connect_get_logging_outputs(&self, call: &Call, flags: u32) -> Result<LoggingOutputs> {
        no_flags(call, flags)?;
        let (outputs, _) = logging::describe();
        let noutputs = u32::try_from(outputs.len()).unwrap_or(u32::MAX);
        Ok(LoggingOutputs { outputs: outputs.join(" ").into(), noutputs })
    }

    fn connect_get_logging_filters(&self, call: &Call, flags: u32) -> Result<LoggingFilters> {
        no_flags(call, flags)?;
        let (_, filters) = logging::describe();
        let nfilters = u32::try_from(filters.len()).unwrap_or(u32::MAX);
        let filters = (!filters.is_empty()).then(|| filters.join(" ").into());
        Ok(LoggingFilters { filters: filters.into(), nfilters })
    }

    fn server_set_threadpool_parameters(
        &self,
        call: &Call,
        srv: &AdminServer,
        params: &List<TypedParam, { limit::ADMIN_PARAMETERS }>,
        flags: u32,
    ) -> Result<()> {
        no_flags(call, flags)?;
        let server = self.server(&srv.name)?;
        server.change_limits(|limits| {
            assign(
                params,
                &mut [
                    ("minWorkers", &mut limits.min_workers),
                    ("maxWorkers", &mut limits.max_workers),
                    ("prioWorkers", &mut limits.prio_workers),
                ],
            )?;
            match limits.min_workers > limits.max_workers {
                true => Err(invalid("min worker limit must not exceed max worker limit")),
                false => Ok(()),
            }
        })?;
        tracing::info!(by = self.client.id, server = server.name, limits = ?server.limits(), "threads changed");
        Ok(())
    }

    fn server_update_tls_files(&self, call: &Call, srv: &AdminServer, flags: u32) -> Result<()> {
        no_flags(call, flags)?;
        let server = self.server(&srv.name)?;
        let tls = server.admission().tls_context.as_ref();
        let tls = tls.ok_or_else(|| Error::internal("no tls service found, unable to update tls files"))?;
        tls.reload().map_err(|wrong| {
            let text = format!("the TLS files stay as they were: {}", wrong.join("; "));
            Error::new(ErrorCode::CONFIG_UNSUPPORTED, text).in_domain(ErrorDomain::ADMIN)
        })?;
        tracing::info!(by = self.client.id, server = server.name, "TLS files were read again");
        Ok(())
    }

    fn server_set_client_limits(
        &self,
        call: &Call,
        srv: &AdminServer,
        params: &List<TypedParam, { limit::ADMIN_PARAMETERS }>,
        flags: u32,
    ) -> Result<()> {
        no_flags(call, flags)?;
        let server = self.server(&srv.name)?;
        server.change_limits(|limits| {
            assign(
                params,
                &mut [("nclients_max", &mut limits.clients), ("nclients_unauth_max", &mut limits.anonymous_clients)],
            )?;
            match limits.anonymous_clients > limits.clients {
                true => Err(invalid("the limit of clients not yet let in must not exceed that of all clients")),
                false => Ok(()),
            }
        })?;
        tracing::info!(by = self.client.id, server = server.name, limits = ?server.limits(), "limits changed");
        Ok(())
    }

    fn connect_set_logging_outputs(&self, call: &Call, outputs: Option<&str>, flags: u32) -> Result<()> {
        no_flags(call, flags)?;
        let mut places = Output::parse_list(outputs.unwrap_or_default()).map_err(invalid)?;
        if places.is_empty() {
            places.extend(self.daemon.default_output.get().map(|place| (Level::Debug, place.clone())));
        }
        let opened: std::result::Result<Vec<_>, _> =
            places.iter().map(|(level, place)| Output::open(*level, place)).collect();
        logging::set_outputs(opened.map_err(invalid)?);
        Ok(())
    }

    fn connect_set_logging_filters(&self, call: &Call, filters: Option<&str>, flags: u32) -> Result<()> {
        no_flags(call, flags)?;
        logging::set_filters(Filter::parse_list(filters.unwrap_or_default()).map_err(invalid)?);
        Ok(())
    }

    fn connect_set_daemon_timeout(&self, call: &Call, timeout: u32, flags: u32) -> Result<()> {
        no_flags(call, flags)?;
        self.daemon.set_idle_limit(timeout.into());
        Ok(())
    }

    fn connect_daemon_shutdown(&self, call: &Call, flags: DaemonShutdownFlags) -> Result<()> {
        // Guests are kept with and without the flag.
        flags.check(DaemonShutdownFlags::PRESERVE, call.name())?;
        tracing::info!(by = self.client.id, "told to end");
        let daemon = self.daemon;
        daemon.runtime.spawn(async move {
            // The answer leaves first.
            tokio::time::sleep(ANSWER_TIME).await;
            daemon.ending.notify_one();
        });
        Ok(())
    }
}

fn no_flags(call: &Call, flags: u32) -> Result<()> {
    match flags {
        0 => Ok(()),
        _ => Err(Error::invalid_arg(format!("unsupported flags (0x{flags:x}) in function {}", call.name()))
            .in_domain(ErrorDomain::ADMIN)),
    }
}

fn invalid(detail: impl Into<String>) -> Error {
    Error::invalid_arg(detail.into()).in_domain(ErrorDomain::ADMIN)
}

/// Sets numbers by their names.
fn assign(params: &[TypedParam], places: &mut [(&str, &mut usize)]) -> Result<()> {
    for param in params {
        let name = param.field();
        let TypedValue::UnsignedInt(value) = param.value() else {
            return Err(invalid(format!("parameter '{name}' must be an unsigned integer")));
        };
        let place = places.iter_mut().find(|(known, _)| *known == name);
        let (_, place) = place.ok_or_else(|| invalid(format!("parameter '{name}' cannot be set")))?;
        **place = usize::try_from(value).unwrap_or(usize::MAX);
    }
    Ok(())
}

fn number(name: &'static str, value: usize) -> TypedParam {
    TypedParam::new(name, TypedValue::UnsignedInt(u32::try_from(value).unwrap_or(u32::MAX)))
}

fn describe(server: &AdminServer, client: &Client) -> AdminClient {
    let transport = match client.door {
        Door::ReadWrite | Door::ReadOnly | Door::Admin => 0,
        Door::Tcp => 1,
        Door::Tls => 2,
    };
    let since = client.since.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    AdminClient { srv: server.clone(), id: client.id, timestamp: i64::try_from(since).unwrap_or(i64::MAX), transport }
}
