//! From a call's frame to the one who answers it, and back.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Instant;

use oxivirt_core::interface::{
    CallDescription, Interface, Priority, StreamDirection, Vtable, admin, events, features, find, public_name, session,
};
use oxivirt_core::wire::message::{
    FDS_MAX, HEADER_SIZE, Header, LENGTH_SIZE, MessageType, Program, Status, begin, finish,
};
use oxivirt_core::wire::xdr::Reader;
use oxivirt_core::{Call, Connection, Error, ErrorCode, ErrorDomain, Result};

use super::context::Caller;
use super::{Client, error_frame};
use crate::access::Access;
use crate::admin::Administrator;
use crate::pace::Pace;
use crate::server::Door;
use crate::workers::Urgency;

/// Who answers a call.
pub(super) enum Answerer {
    Driver { interface: &'static Interface, index: usize, connection: Connection },
    Session(usize),
    Features { index: usize, connection: Connection },
    Events(usize),
    Admin(usize),
}

impl Answerer {
    fn call(&self) -> &'static CallDescription {
        match self {
            Self::Driver { interface, index, .. } => &interface.calls[*index],
            Self::Session(index) => &session::CALLS[*index],
            Self::Features { index, .. } => &features::CALLS[*index],
            Self::Events(index) => &events::CALLS[*index],
            Self::Admin(index) => &admin::CALLS[*index],
        }
    }

    /// Name of the driver; empty for the daemon itself.
    fn driver(&self) -> &str {
        match self {
            Self::Driver { connection, .. } | Self::Features { connection, .. } => connection.driver(),
            _ => "",
        }
    }

    /// Whether the answer needs no thread of its own.
    fn is_quick(&self) -> bool {
        match self {
            Self::Driver { interface, index, connection } => {
                (interface.quick)(connection.interfaces()) & (1 << index) != 0
            }
            Self::Session(index) => !SLOW_CALLS.contains(&session::CALLS[*index].name),
            // A driver that hands calls on asks somebody else.
            Self::Features { index, connection } => {
                !connection.interfaces().features().flatten().is_some_and(|table| table.supports(*index))
            }
            Self::Events(_) | Self::Admin(_) => true,
        }
    }
}

/// Calls of a session that ask a driver or polkit, or compute keys.
const SLOW_CALLS: &[&str] =
    &["connect_open", "connect_set_identity", "auth_polkit", "auth_sasl_start", "auth_sasl_step"];

impl Client {
    /// Takes a call: answers it here when that is quick, else on a worker.
    pub(super) async fn call(self: &Arc<Self>, header: Header, payload: &[u8], descriptors: Vec<OwnedFd>) {
        let answerer = match self.route(header) {
            Ok(answerer) => answerer,
            Err(error) => {
                tracing::debug!(client = self.id, %error, procedure = header.procedure, "refused");
                self.refuse(header, &error);
                return;
            }
        };
        // Whoever decides on access may have to look for the object.
        let has_rules = |call: &CallDescription| !call.acl.is_empty() || !call.filter.is_empty();
        let access = self.access().filter(|_| has_rules(answerer.call()));
        if answerer.is_quick() && access.is_none() {
            self.answer(header, &answerer, payload, descriptors, None);
            return;
        }
        let permit = match self.calls.clone().try_acquire_owned() {
            Ok(permit) => permit,
            // Nothing more is read from this client until one of its calls ends.
            Err(_) => match self.pause(self.calls.clone().acquire_owned()).await {
                Ok(permit) => permit,
                Err(_) => return,
            },
        };
        let urgency = match answerer.call().priority {
            Priority::High => Urgency::Urgent,
            Priority::Low => Urgency::Ordinary,
        };
        let key = (header.program.0, header.procedure);
        let pace = self.server.daemon().paces.of(answerer.driver(), key);
        let (client, payload) = (self.clone(), payload.to_vec());
        let job = move || {
            client.answer(header, &answerer, &payload, descriptors, access);
            drop(permit);
        };
        if let Err(error) = self.do_soon(urgency, &pace, job) {
            self.refuse(header, &error);
        }
    }

    /// Does something that may take long: here if it never did lately, else on a worker.
    pub(super) fn do_soon(
        &self,
        urgency: Urgency,
        pace: &Arc<Pace>,
        work: impl FnOnce() + Send + 'static,
    ) -> Result<()> {
        let noted = pace.clone();
        let timed = move || {
            let began = Instant::now();
            work();
            noted.note(began.elapsed());
        };
        let workers = &self.server.workers;
        if !pace.is_short() || !self.place.is_free() {
            return workers.submit(urgency, Box::new(timed));
        }
        match workers.enter(urgency) {
            None => workers.submit(urgency, Box::new(timed)),
            Some(visit) => {
                let counted = Box::new(move || {
                    timed();
                    drop(visit);
                });
                self.place.do_next(counted).or_else(|job| workers.submit(urgency, job))
            }
        }
    }

    /// Finds who answers, in the order of checks that clients know.
    fn route(self: &Arc<Self>, header: Header) -> Result<Answerer> {
        let known = match self.door {
            Door::Admin => header.program == Program::ADMIN,
            _ => [Program::REMOTE, Program::QEMU, Program::LXC].contains(&header.program),
        };
        if !known || header.version != 1 {
            return Err(protocol(format!("Cannot find program {} version {}", header.program.0, header.version)));
        }
        if header.status != Status::OK {
            return Err(protocol(format!("Unexpected message status {}", header.status.0)));
        }
        let local = |calls: &'static [CallDescription]| {
            calls.iter().position(|call| call.program == header.program && call.number == header.procedure)
        };
        if header.program == Program::ADMIN
            && let Some(index) = local(admin::CALLS)
        {
            return Ok(Answerer::Admin(index));
        }
        let driver = find(header.program, header.procedure);
        let own = match driver {
            Some(_) => None,
            None => local(session::CALLS).map(Answerer::Session).or_else(|| local(events::CALLS).map(Answerer::Events)),
        };
        if driver.is_none() && own.is_none() {
            return Err(protocol(format!("unknown procedure: {}", header.procedure)));
        }
        let is_auth =
            matches!(&own, Some(Answerer::Session(index)) if session::CALLS[*index].name.starts_with("auth_"));
        if !self.is_authenticated() && !is_auth {
            return Err(protocol("authentication required".to_owned()));
        }
        let connection = self.connection();
        let answerer = match (driver, own, connection) {
            // The daemon answers for the way to itself, and asks the driver.
            (Some((interface, index)), _, Some(connection)) if interface.name == FEATURES => {
                Answerer::Features { index, connection }
            }
            (Some((interface, index)), _, Some(connection)) => Answerer::Driver { interface, index, connection },
            (None, Some(Answerer::Session(index)), _) if works_unopened(&session::CALLS[index]) => {
                Answerer::Session(index)
            }
            (None, Some(own), Some(_)) => own,
            _ => return Err(Error::internal("hypervisor connection not open").in_domain(ErrorDomain::RPC)),
        };
        let call = answerer.call();
        match call.write && self.is_read_only() {
            true => {
                let text = format!("read only access prevents {}", public_name(call.name));
                Err(Error::new(ErrorCode::OPERATION_DENIED, text).in_domain(domain_of(call.name)))
            }
            false => Ok(answerer),
        }
    }

    /// Answers a call on this thread.
    ///
    /// * `access`: who decides about it, which may take its time; `None` for nobody.
    fn answer(
        self: &Arc<Self>,
        header: Header,
        answerer: &Answerer,
        payload: &[u8],
        descriptors: Vec<OwnedFd>,
        access: Option<Arc<Access>>,
    ) {
        let caller = Caller::new(self.clone(), answerer.call(), descriptors);
        tracing::trace!(client = self.id, call = caller.call.name, serial = header.serial, "call");
        let result = begin(&header.reply(Status::OK)).and_then(|mut out| {
            let mut input = Reader::new(payload);
            if let (Some(access), Answerer::Session(_) | Answerer::Features { .. } | Answerer::Events(_)) =
                (&access, answerer)
                && let Some(connection) = self.connection()
            {
                access.permit(&self.subject(), &connection, caller.call)?;
            }
            Call::with(&caller, |call| match answerer {
                Answerer::Driver { interface, index, connection } if let Some(access) = &access => {
                    access.serve(&self.subject(), (connection, interface, *index), call, payload, &mut out)
                }
                Answerer::Driver { interface, index, connection } => {
                    (interface.dispatch)(connection, *index, call, &mut input, &mut out)
                }
                Answerer::Session(index) => session::dispatch(&caller, *index, call, &mut input, &mut out),
                Answerer::Features { index, .. } => features::dispatch(&caller, *index, call, &mut input, &mut out),
                Answerer::Events(index) => events::dispatch(&caller, *index, call, &mut input, &mut out),
                Answerer::Admin(index) => {
                    let administrator = Administrator { client: self.clone(), daemon: self.server.daemon() };
                    admin::dispatch(&administrator, *index, call, &mut input, &mut out)
                }
            })?;
            finish(out)
        });
        match result {
            Ok(frame) => {
                let writes = caller.call.stream == Some(StreamDirection::Write);
                let stream = caller.take_stream().map(|end| self.prepare_stream(header, end, writes));
                match stream {
                    Some(Err(error)) => self.refuse(header, &error),
                    Some(Ok(stream)) => {
                        self.outgoing.send(frame);
                        stream.begin();
                    }
                    None => self.send_answer(header, frame, caller.take_given()),
                }
            }
            Err(error) => {
                tracing::debug!(client = self.id, call = caller.call.name, %error, "failed");
                let error = if error.code() == ErrorCode::RPC { error.in_domain(ErrorDomain::RPC) } else { error };
                self.refuse(header, &error);
            }
        }
        if matches!(answerer, Answerer::Session(index) if session::CALLS[*index].name == "connect_close")
            || matches!(answerer, Answerer::Admin(index) if admin::CALLS[*index].name == "connect_close")
        {
            self.close();
        }
    }

    /// Sends an answer; descriptors make it one of another kind.
    fn send_answer(&self, header: Header, frame: Vec<u8>, descriptors: Vec<OwnedFd>) {
        if descriptors.is_empty() {
            self.outgoing.send(frame);
            return;
        }
        if !self.passes_descriptors() {
            let text = "file descriptors pass on Unix sockets only";
            self.refuse(header, &Error::new(ErrorCode::OPERATION_INVALID, text));
            return;
        }
        let header = Header { kind: MessageType::REPLY_WITH_FDS, ..header.reply(Status::OK) };
        let joined = begin(&header).and_then(|mut out| {
            out.put_len(descriptors.len(), FDS_MAX, "file descriptors")?;
            out.put_raw(frame.get(LENGTH_SIZE + HEADER_SIZE..).unwrap_or_default());
            finish(out)
        });
        match joined {
            Ok(frame) => self.outgoing.send_with(frame, descriptors),
            Err(error) => self.refuse(header, &error),
        }
    }

    fn refuse(&self, header: Header, error: &Error) {
        if let Some(frame) = error_frame(header.reply(Status::ERROR), error) {
            self.outgoing.send(frame);
        }
    }
}

fn protocol(text: String) -> Error {
    Error::new(ErrorCode::RPC, text).in_domain(ErrorDomain::RPC)
}

/// The interface that the daemon answers together with the driver.
const FEATURES: &str = "Features";

/// Authentication, opening and closing need no open connection, and one that
/// acts for somebody else may say so before it opens one.
fn works_unopened(call: &CallDescription) -> bool {
    call.name.starts_with("auth_") || matches!(call.name, "connect_open" | "connect_close" | "connect_set_identity")
}

/// Which part of the public interface a call belongs to.
fn domain_of(name: &str) -> ErrorDomain {
    for (prefix, domain) in [
        ("domain_snapshot", ErrorDomain::DOMAIN_SNAPSHOT),
        ("domain_checkpoint", ErrorDomain::DOMAIN_CHECKPOINT),
        ("domain_", ErrorDomain::DOMAIN),
        ("network_", ErrorDomain::NETWORK),
        ("storage_", ErrorDomain::STORAGE),
        ("node_device", ErrorDomain::NODEDEV),
        ("secret_", ErrorDomain::SECRET),
        ("nwfilter", ErrorDomain::NWFILTER),
        ("interface_", ErrorDomain::INTERFACE),
    ] {
        if name.starts_with(prefix) {
            return domain;
        }
    }
    ErrorDomain::NONE
}
