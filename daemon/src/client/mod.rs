//! One client: who it is, what it opened, and the task that reads from it.

mod context;
mod dispatch;
mod events;
mod features;
mod frames;
mod identity;
mod incoming;
pub(crate) mod outgoing;
mod session;
mod socket;
mod stream;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use oxivirt_core::Connection;
use oxivirt_core::types::TypedParam;
use oxivirt_core::wire::message::{self, Header, MessageType, Program, Status};
use tokio::net::{TcpStream, UnixStream};
use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore};

use crate::access::{Access, Subject};
use crate::loops::Place;
use crate::pace::CLOSING;
use crate::server::{Door, Server};
use crate::workers::Urgency;
use frames::{Frame, Frames};
pub(crate) use identity::Peer;
use identity::Proofs;
use outgoing::Outgoing;
pub(crate) use session::INTERFACE_VERSION;
use session::SaslState;
pub(crate) use socket::Accepted;
use socket::Socket;
use stream::Stream;

/// A client, from accepting to the end.
pub(crate) struct Client {
    /// Unique on its server.
    pub(crate) id: u64,
    /// When it came.
    pub(crate) since: SystemTime,
    /// Who it is.
    pub(crate) peer: Peer,
    /// Which socket it came through.
    pub(crate) door: Door,
    /// Where its frames go.
    pub(crate) outgoing: Arc<Outgoing>,
    server: &'static Server,
    /// For whom it speaks, if another process of the daemon is at its other end.
    proxy: Option<Proxy>,
    place: Place,
    authenticated: AtomicBool,
    /// The server's clock when it came.
    came: u64,
    proofs: Mutex<Proofs>,
    sasl: Mutex<SaslState>,
    asking_polkit: AtomicBool,
    /// Told when its task is over.
    ended: Arc<Notify>,
    read_only: AtomicBool,
    opening: AtomicBool,
    connection: Mutex<Option<Connection>>,
    calls: Arc<Semaphore>,
    streams: Mutex<HashMap<u32, Arc<Stream>>>,
    keepalive: KeepAlive,
    wants_close_event: AtomicBool,
}

/// A client that is a connection between the daemon and a hosting process:
/// whoever it speaks for was let in by the other side, which decides on access.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Proxy {
    /// Under which number the daemon wants to know the channel of its events.
    pub(crate) tag: Option<u64>,
    /// Number of the client there, 0 for the daemon or a driver.
    pub(crate) client: u64,
}

/// Signs of life.
#[derive(Default)]
struct KeepAlive {
    /// Whether the client answers questions.
    answers: AtomicBool,
    /// The server's clock when the client was last heard.
    heard: AtomicU64,
    asked: AtomicU32,
    /// While the daemon itself does not read, silence means nothing.
    paused: AtomicBool,
}

impl Client {
    /// Takes over a connection and serves it until it ends.
    pub(crate) fn start(server: &'static Server, door: Door, accepted: Accepted) {
        Self::start_for(server, door, accepted, None);
    }

    /// The same for a connection between two processes of the daemon.
    pub(crate) fn start_for(server: &'static Server, door: Door, accepted: Accepted, proxy: Option<Proxy>) {
        let place = server.daemon().loops.place();
        let runtime = place.handle().clone();
        let peer = Peer::of(&accepted);
        accepted.tune();
        let (socket, outside) = match Self::watch(door, accepted, &runtime) {
            Ok(sockets) => sockets,
            Err(error) => {
                tracing::error!(%error, "a client cannot be served");
                return;
            }
        };
        let (socket, ended) = (Arc::new(socket), Arc::new(Notify::new()));
        let client = Arc::new(Self {
            id: server.next_client(),
            since: SystemTime::now(),
            peer,
            door,
            outgoing: Arc::new(Outgoing::new(socket.clone(), runtime.clone())),
            server,
            proxy,
            place,
            // A certificate proves something only after the handshake.
            authenticated: AtomicBool::new(server.trusts(door) && outside.is_none()),
            came: server.clock(),
            proofs: Mutex::default(),
            sasl: Mutex::default(),
            asking_polkit: AtomicBool::new(false),
            ended,
            read_only: AtomicBool::new(door == Door::ReadOnly),
            opening: AtomicBool::new(false),
            connection: Mutex::new(None),
            calls: Arc::new(Semaphore::new(server.limits().client_requests)),
            streams: Mutex::default(),
            keepalive: KeepAlive::default(),
            wants_close_event: AtomicBool::new(false),
        });
        client.keepalive.heard.store(server.clock(), Ordering::Relaxed);
        tracing::debug!(
            client = client.id,
            server = server.name,
            peer = ?client.peer,
            "connected"
        );
        server.add(client.clone());
        if let Some((outside, far)) = outside {
            runtime.spawn(client.clone().shake_hands(outside, far));
        }
        runtime.spawn(async move {
            let held = Held(client);
            held.0.read(socket).await;
        });
    }

    /// Has a socket watched by a loop: the client's own, or one end of a pair
    /// between which and the client's somebody speaks TLS.
    fn watch(door: Door, accepted: Accepted, on: &Handle) -> io::Result<(Socket, Option<(TcpStream, UnixStream)>)> {
        match (door, accepted) {
            (Door::Tls, Accepted::Tcp(outside, _)) => {
                let (inside, far) = std::os::unix::net::UnixStream::pair()?;
                inside.set_nonblocking(true)?;
                far.set_nonblocking(true)?;
                let _inside = on.enter();
                let outside = (TcpStream::from_std(outside)?, UnixStream::from_std(far)?);
                Ok((Socket::watch(inside.into(), on)?, Some(outside)))
            }
            (_, accepted) => Ok((Socket::watch(accepted.into(), on)?, None)),
        }
    }

    /// Speaks TLS with the client, between the network and its own task.
    async fn shake_hands(self: Arc<Self>, outside: TcpStream, far: UnixStream) {
        let Some(tls) = self.server.admission().tls_context.clone() else {
            return self.abort("there is no TLS here");
        };
        let accepted = tokio::select! {
            accepted = tls.accept(outside) => accepted,
            () = self.ended.notified() => return,
        };
        match accepted {
            Err(reason) => self.abort(&reason),
            Ok(accepted) => {
                lock(&self.proofs).certificate.clone_from(&accepted.name);
                if self.server.trusts(self.door) {
                    self.let_in();
                }
                let ended = self.ended.clone();
                drop(self);
                accepted.serve(far, ended).await;
            }
        }
    }

    /// Who decides what it may do, if anybody.
    pub(crate) fn access(&self) -> Option<Arc<Access>> {
        match self.proxy {
            // Whoever it speaks for was asked about already.
            Some(_) => None,
            None => self.server.daemon().access(),
        }
    }

    /// Its number as drivers know it.
    pub(crate) fn number(&self) -> u64 {
        self.proxy.map_or(self.id, |proxy| proxy.client)
    }

    /// Who it is, as far as access depends on it.
    pub(crate) fn subject(&self) -> Subject {
        Subject { client: self.id, identity: self.identity() }
    }

    /// Who it is, as parameters with the public names.
    pub(crate) fn identity(&self) -> Vec<TypedParam> {
        let proofs = lock(&self.proofs).clone();
        match (&proofs.stands_for, self.proxy) {
            (Some(identity), _) => identity.clone(),
            // The daemon itself.
            (None, Some(_)) => Vec::new(),
            (None, None) => self.peer.parameters(&proofs),
        }
    }

    /// Who it is itself, whoever it stands for.
    pub(crate) fn own_identity(&self) -> Vec<TypedParam> {
        let proofs = lock(&self.proofs).clone();
        self.peer.parameters(&proofs)
    }

    /// Whether file descriptors reach it.
    fn passes_descriptors(&self) -> bool {
        matches!(self.peer, Peer::Local(_))
    }

    /// Whether nobody else can listen to what it says.
    fn is_protected(&self) -> bool {
        self.door != Door::Tcp
    }

    /// Whether it could be disconnected for the sake of one that proves who it is.
    pub(crate) fn is_stranger(&self) -> bool {
        matches!(self.peer, Peer::Remote(_)) && !self.is_authenticated() && !self.outgoing.is_closed()
    }

    /// Ends the connection once everything queued is written.
    pub(crate) fn close(&self) {
        self.outgoing.close();
        self.calls.close();
    }

    /// Ends the connection now, for a reason worth a line in the log.
    pub(crate) fn abort(&self, reason: &str) {
        if !self.outgoing.is_closed() {
            tracing::warn!(client = self.id, peer = ?self.peer, reason, "client is disconnected");
        }
        self.hang_up();
    }

    /// Ends the connection and every wait of the task that reads from it.
    fn hang_up(&self) {
        self.outgoing.abort();
        self.calls.close();
        for (_, stream) in lock(&self.streams).drain() {
            stream.abort();
        }
    }

    /// Whether it proved who it is, where that is wanted.
    pub(crate) fn is_authenticated(&self) -> bool {
        self.authenticated.load(Ordering::Relaxed)
    }

    /// Whether it may only look.
    pub(crate) fn is_read_only(&self) -> bool {
        self.read_only.load(Ordering::Relaxed)
    }

    /// What it opened.
    pub(crate) fn connection(&self) -> Option<Connection> {
        lock(&self.connection).clone()
    }

    /// Whether it wants to know when its driver loses its connection.
    pub(crate) fn wants_close_event(&self) -> bool {
        self.wants_close_event.load(Ordering::Relaxed)
    }

    /// Sends a frame; a client that lets too much pile up is disconnected.
    pub(crate) fn send_event(&self, frame: Vec<u8>) {
        let waiting = self.outgoing.send(frame);
        if waiting > outgoing::EVENTS_MAX {
            self.abort("it does not read its events");
        }
    }

    /// Looks after a client, once a second: asks for signs of life, notices
    /// that it hung up while nothing is read from it.
    pub(crate) fn look_after(&self, clock: u64) {
        if !self.is_authenticated() && clock.saturating_sub(self.came) > PROOF_LIMIT.as_secs() {
            self.abort("it did not prove who it is in time");
            return;
        }
        if self.keepalive.paused.load(Ordering::Relaxed) {
            self.keepalive.heard.store(clock, Ordering::Relaxed);
            if self.outgoing.peer_is_gone() {
                self.hang_up();
            }
            return;
        }
        let limits = self.server.limits();
        let Some(interval) = limits.keepalive_interval else { return };
        if !self.keepalive.answers.load(Ordering::Relaxed) {
            return;
        }
        let silent = clock.saturating_sub(self.keepalive.heard.load(Ordering::Relaxed));
        let asked = self.keepalive.asked.load(Ordering::Relaxed);
        if silent < u64::from(interval) * u64::from(asked + 1) {
            return;
        }
        if asked >= limits.keepalive_count {
            self.abort("it gave no sign of life");
            return;
        }
        self.keepalive.asked.store(asked + 1, Ordering::Relaxed);
        if let Ok(ping) = message::frame(&Header::event(Program::KEEPALIVE, PING), &[]) {
            self.outgoing.send(ping);
        }
    }

    async fn read(self: &Arc<Self>, mut reader: Arc<Socket>) {
        let mut frames = Frames::new();
        loop {
            loop {
                // Answers may be far larger than the calls that wait here.
                if self.outgoing.is_full() {
                    self.pause(self.outgoing.wait_for_room()).await;
                }
                let received = match frames.next() {
                    Ok(None) => break,
                    Ok(Some(frame)) => self.receive(frame).await,
                    Err(error) => Err(error.to_string()),
                };
                if let Err(reason) = received {
                    self.abort(&reason);
                    return;
                }
            }
            match frames.read(&mut reader).await {
                Ok(1..) => self.keepalive.hear(self.server.clock()),
                Ok(0) => return,
                Err(error) => {
                    tracing::debug!(client = self.id, %error, "reading failed");
                    return;
                }
            }
        }
    }

    /// Waits for something other than the client.
    async fn pause<T>(&self, what: impl Future<Output = T>) -> T {
        self.keepalive.paused.store(true, Ordering::Relaxed);
        let result = what.await;
        self.keepalive.paused.store(false, Ordering::Relaxed);
        self.keepalive.hear(self.server.clock());
        result
    }

    /// Handles one frame. An error ends the connection.
    async fn receive(self: &Arc<Self>, frame: Frame<'_>) -> Result<(), String> {
        let mut input = oxivirt_core::wire::xdr::Reader::new(frame.bytes);
        let header = <Header as oxivirt_core::wire::xdr::Xdr>::decode(&mut input).map_err(|error| error.to_string())?;
        let payload = input.rest();
        match header.kind {
            MessageType::CALL => self.call(header, payload, Vec::new()).await,
            MessageType::CALL_WITH_FDS => {
                // How many there are was looked at when they were gathered.
                let payload = payload.get(4..).unwrap_or_default();
                let header = Header { kind: MessageType::CALL, ..header };
                self.call(header, payload, frame.descriptors).await;
            }
            MessageType::STREAM => self.stream_packet(header, payload).await,
            MessageType::STREAM_HOLE => self.stream_hole(header, payload).await,
            MessageType::MESSAGE if header.program == Program::KEEPALIVE => match header.procedure {
                PING => {
                    let pong = message::frame(&Header::event(Program::KEEPALIVE, PONG), &[])
                        .map_err(|error| error.to_string())?;
                    self.outgoing.send(pong);
                }
                PONG => {}
                other => tracing::debug!(client = self.id, other, "unknown keep-alive message"),
            },
            // Anything else is what only a server sends.
            other => return Err(format!("it sent a message of type {other:?}")),
        }
        Ok(())
    }

    /// Frees whatever the client held; a call that hangs keeps only its thread.
    fn end(&self) {
        self.hang_up();
        self.ended.notify_one();
        self.server.daemon().subscriptions.forget(self);
        self.server.remove(self);
        // Ending a driver's connection may block.
        if let Some(connection) = lock(&self.connection).take() {
            let pace = self.server.daemon().paces.of(connection.driver(), CLOSING);
            let job = move || drop(connection);
            if let Err(error) = self.do_soon(Urgency::Ordinary, &pace, job) {
                tracing::error!(%error, "a connection was ended in passing");
            }
        }
        tracing::debug!(client = self.id, server = self.server.name, "gone");
    }

    fn send(&self, header: &Header, payload: &[u8]) {
        match message::frame(header, payload) {
            Ok(frame) => drop(self.outgoing.send(frame)),
            Err(error) => tracing::error!(%error, "a packet was not sent"),
        }
    }
}

/// Frees what a client holds, however its task ends.
struct Held(Arc<Client>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl KeepAlive {
    fn hear(&self, clock: u64) {
        self.heard.store(clock, Ordering::Relaxed);
        self.asked.store(0, Ordering::Relaxed);
    }
}

/// The frame that says what went wrong with a call or a stream.
fn error_frame(header: Header, error: &oxivirt_core::Error) -> Option<Vec<u8>> {
    use oxivirt_core::wire::message::{begin, finish};
    use oxivirt_core::wire::xdr::Xdr;
    let header = Header { status: Status::ERROR, ..header };
    let mut out = begin(&header).ok()?;
    error.encode(&mut out).ok()?;
    finish(out).ok()
}

/// How long a client may take to prove who it is; a user may have to find a password.
const PROOF_LIMIT: Duration = Duration::from_secs(120);

const PING: i32 = 1;
const PONG: i32 = 2;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
