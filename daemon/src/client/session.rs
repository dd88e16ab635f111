//! Authentication and opening: what the daemon answers itself.

use std::sync::atomic::Ordering;

use oxivirt_core::interface::Session;
use oxivirt_core::plugin::OpenFlags;
use oxivirt_core::types::{List, SaslStep, TypedParam, limit};
use oxivirt_core::{Call, Error, ErrorCode, ErrorDomain, Result};

use super::context::Caller;
use super::{identity, lock};
use crate::polkit::Interaction;
use crate::sasl::{Exchange, Sasl, Step};
use crate::server::Door;
use crate::settings::Auth;

/// Version of the interface that is spoken, libvirt 11.3.0.
pub(crate) const INTERFACE_VERSION: u64 = 11_003_000;

impl Session for Caller {
    fn connect_open(&self, call: &Call, name: Option<&str>, flags: u32) -> Result<()> {
        let client = &self.client;
        if client.opening.swap(true, Ordering::AcqRel) || client.connection().is_some() {
            return Err(Error::internal("connection already open").in_domain(ErrorDomain::RPC));
        }
        let read_only = client.door == Door::ReadOnly || OpenFlags(flags).contains(OpenFlags::READ_ONLY);
        client.read_only.store(read_only, Ordering::Relaxed);
        let flags = if read_only { OpenFlags::READ_ONLY } else { OpenFlags::EMPTY };
        let daemon = client.server.daemon();
        let opened = daemon.open(call, name.filter(|name| !name.is_empty()), flags).and_then(|connection| {
            if let Some(access) = client.access() {
                access.permit(&client.subject(), &connection, self.call)?;
            }
            Ok(connection)
        });
        if let Ok(connection) = &opened {
            tracing::info!(client = client.number(), driver = connection.driver(), read_only, "opened");
            *lock(&client.connection) = Some(connection.clone());
            if let Some(tag) = client.proxy.and_then(|proxy| proxy.tag) {
                daemon.hosting.opened(tag, connection.channel())?;
            }
        }
        client.opening.store(false, Ordering::Release);
        opened.map(drop)
    }

    fn connect_close(&self, _: &Call) -> Result<()> {
        // The client goes away behind this answer, and its connection with it.
        Ok(())
    }

    fn connect_set_identity(
        &self,
        call: &Call,
        params: &List<TypedParam, { limit::IDENTITY }>,
        flags: u32,
    ) -> Result<()> {
        if flags != 0 {
            return Err(Error::invalid_arg(format!("unsupported flags (0x{flags:x}) in function {}", call.name())));
        }
        let client = &self.client;
        if client.proxy.is_none() && (client.is_read_only() || !client.peer.is_trusted()) {
            let text = "only root and the daemon's own user may act for somebody else";
            return Err(Error::new(ErrorCode::OPERATION_DENIED, text).in_domain(ErrorDomain::RPC));
        }
        identity::check_parameters(params)?;
        tracing::debug!(client = client.number(), identity = ?params, "acts for somebody else");
        lock(&client.proofs).stands_for = Some(params.to_vec());
        match client.proxy {
            Some(_) => Ok(()),
            None => client.server.daemon().hosting.stands_for(client.id, params),
        }
    }

    fn connect_get_lib_version(&self, _: &Call) -> Result<u64> {
        Ok(INTERFACE_VERSION)
    }

    fn auth_list(&self, _: &Call) -> Result<List<i32, { limit::AUTH_TYPES }>> {
        const NONE: i32 = 0;
        const SASL: i32 = 1;
        const POLKIT: i32 = 2;
        let client = &self.client;
        let kind = match client.server.auth(client.door) {
            Auth::None => NONE,
            // Root and whoever runs the daemon could take over its files anyway.
            Auth::Polkit if client.peer.is_trusted() => NONE,
            Auth::Polkit => POLKIT,
            Auth::Sasl => SASL,
        };
        if kind == NONE {
            client.let_in();
        }
        // Whoever came in already has nothing left to prove.
        List::new(vec![if client.is_authenticated() { NONE } else { kind }])
    }

    fn auth_polkit(&self, _: &Call) -> Result<i32> {
        let client = &self.client;
        match client.server.auth(client.door) {
            Auth::Polkit if !client.is_authenticated() => {
                let action = match client.door {
                    Door::ReadOnly => "org.libvirt.unix.monitor",
                    _ => "org.libvirt.unix.manage",
                };
                if client.asking_polkit.swap(true, Ordering::AcqRel) {
                    return Err(refused("polkit is being asked already"));
                }
                let polkit = &client.server.daemon().polkit;
                let answer = polkit.require(action, &client.own_identity(), Interaction::Allowed);
                client.asking_polkit.store(false, Ordering::Release);
                answer.inspect_err(|error| tracing::warn!(client = client.id, action, %error, "polkit refused"))?;
                client.let_in();
                Ok(1)
            }
            _ => Err(refused("authentication failed")),
        }
    }

    fn auth_sasl_init(&self, _: &Call) -> Result<String> {
        let client = &self.client;
        let sasl = client.wants_sasl()?;
        let mechanisms = sasl.mechanisms(client.is_protected()).inspect_err(|error| {
            tracing::warn!(client = client.id, %error, "SASL is not possible");
        })?;
        lock(&client.sasl).exchange = None;
        Ok(mechanisms.join(","))
    }

    fn auth_sasl_start(
        &self,
        _: &Call,
        mech: &str,
        nil: i32,
        data: &List<i8, { limit::SASL_DATA }>,
    ) -> Result<SaslStep> {
        let client = &self.client;
        let exchange = client.wants_sasl()?.begin(mech, client.is_protected());
        let exchange = exchange.map_err(|error| client.count_failure(error))?;
        client.sasl_turn(exchange, nil, data)
    }

    fn auth_sasl_step(&self, _: &Call, nil: i32, data: &List<i8, { limit::SASL_DATA }>) -> Result<SaslStep> {
        let client = &self.client;
        client.wants_sasl()?;
        let exchange = lock(&client.sasl).exchange.take();
        client.sasl_turn(exchange.ok_or_else(|| refused("no exchange was started"))?, nil, data)
    }

    fn connect_register_close_callback(&self, _: &Call) -> Result<()> {
        self.client.wants_close_event.store(true, Ordering::Relaxed);
        if let Some(connection) = self.client.connection() {
            self.client.server.daemon().subscriptions.watch_close(connection.channel(), &self.client);
        }
        Ok(())
    }

    fn connect_unregister_close_callback(&self, _: &Call) -> Result<()> {
        self.client.wants_close_event.store(false, Ordering::Relaxed);
        Ok(())
    }
}

/// Where a client is in proving who it is by SASL.
#[derive(Default)]
pub(super) struct SaslState {
    /// What goes on.
    exchange: Option<Exchange>,
    /// How often it failed.
    failures: u32,
}

/// After so many wrong passwords a client has to connect again.
const FAILURES_MAX: u32 = 3;

impl super::Client {
    /// The rules, if this client has to go by them.
    fn wants_sasl(&self) -> Result<&'static Sasl> {
        match (self.server.auth(self.door), &self.server.admission().sasl) {
            (Auth::Sasl, Some(sasl)) if !self.is_authenticated() => Ok(sasl),
            _ => Err(refused("authentication failed")),
        }
    }

    /// One turn of an exchange, which goes on only if the client's message was good.
    fn sasl_turn(&self, mut exchange: Exchange, nil: i32, data: &List<i8, { limit::SASL_DATA }>) -> Result<SaslStep> {
        let message: Option<Vec<u8>> = (nil == 0).then(|| data.iter().map(|byte| byte.cast_unsigned()).collect());
        match exchange.step(message.as_deref()) {
            Ok(Step::More(answer)) => {
                lock(&self.sasl).exchange = Some(exchange);
                sasl_step(0, Some(answer))
            }
            Ok(Step::Proved { user, last }) => {
                if !self.wants_sasl()?.admits(&user) {
                    tracing::warn!(client = self.id, user, "the user is not on the list");
                    return Err(self.count_failure(refused("authentication failed")));
                }
                tracing::info!(client = self.id, user, "proved by SASL");
                lock(&self.proofs).sasl_user = Some(user);
                self.let_in();
                sasl_step(1, last)
            }
            Err(error) => Err(self.count_failure(error)),
        }
    }

    /// Passes an error on; too many end the connection behind the answer.
    fn count_failure(&self, error: Error) -> Error {
        let mut state = lock(&self.sasl);
        state.failures += 1;
        if state.failures >= FAILURES_MAX {
            self.abort("it gave too many wrong passwords");
        }
        error
    }

    /// It proved who it is.
    pub(super) fn let_in(&self) {
        if !self.authenticated.swap(true, Ordering::AcqRel) {
            self.server.authenticated();
        }
    }
}

fn refused(text: &str) -> Error {
    Error::new(ErrorCode::AUTH_FAILED, text).in_domain(ErrorDomain::RPC)
}

fn sasl_step(complete: i32, data: Option<Vec<u8>>) -> Result<SaslStep> {
    let nil = i32::from(data.is_none());
    let data = data.unwrap_or_default().into_iter().map(u8::cast_signed).collect();
    Ok(SaslStep { complete, nil, data: List::new(data)? })
}
