//! A server in this process, a driver that hangs, panics and streams on
//! demand, and clients that misbehave.

mod calls;
mod descriptors;
mod fuzz;
mod streams;
mod subscribers;

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, LazyLock, Mutex};
use std::time::{Duration, Instant};

use oxivirt_core::abi::WithMetadata;
use oxivirt_core::constants::DomainConsoleFlags;
use oxivirt_core::interface::{Connect, DomainConsole, Interfaces, InterfacesRef, Provides, implements};
use oxivirt_core::object::Object;
use oxivirt_core::plugin::ForeignConnection;
use oxivirt_core::types::{Domain, Uuid};

use oxivirt_core::call::FileRange;
use oxivirt_core::wire::message::{HEADER_SIZE, Header, LENGTH_SIZE, MessageType, Program, Status, frame};
use oxivirt_core::wire::xdr::{Reader, Writer, Xdr};
use oxivirt_core::{Call, Error, Result};
use oxivirt_util::paths::Root;

use super::{Accepted, Client};
use crate::daemon::Daemon;
use crate::loops::{Loops, Place};
use crate::server::{Admission, Door, Server};
use crate::settings::Limits;

/// No step takes longer unless something is wrong.
const LIMIT: Duration = Duration::from_secs(20);

const CHANNEL: u64 = 1;

/// Bytes of a long answer.
const LONG: usize = 1 << 20;

const TYPE: i32 = 3;
const VERSION: i32 = 4;
const CAPABILITIES: i32 = 7;
const HOSTNAME: i32 = 59;
const CONSOLE: i32 = 201;

/// What the driver shares with the test.
#[derive(Default)]
struct Switch {
    released: Mutex<bool>,
    changed: Condvar,
    /// The far end of the next console.
    console: Mutex<Option<OwnedFd>>,
    /// What the next console reads instead.
    file: Mutex<Option<(OwnedFd, FileRange)>>,
    /// How many long answers were given.
    long_answers: AtomicUsize,
}

struct Fake(Arc<Switch>);

#[implements]
impl Connect for Fake {
    #[quick]
    fn connect_get_type(&self, _: &Call) -> Result<String> {
        Ok("Fake".to_owned())
    }

    /// Hangs until released.
    fn connect_get_version(&self, _: &Call) -> Result<u64> {
        let released = self.0.released.lock().expect("sound");
        let waited = self.0.changed.wait_timeout_while(released, LIMIT, |released| !*released).expect("sound");
        match waited.1.timed_out() {
            true => Err(Error::timed_out("never released")),
            false => Ok(7),
        }
    }

    fn connect_get_hostname(&self, _: &Call) -> Result<String> {
        panic!("on purpose")
    }

    fn connect_get_capabilities(&self, _: &Call) -> Result<String> {
        self.0.long_answers.fetch_add(1, Ordering::Relaxed);
        Ok("x".repeat(LONG))
    }
}

#[implements]
impl DomainConsole for Fake {
    fn domain_open_console(&self, call: &Call, _: &Domain, _: Option<&str>, _: DomainConsoleFlags) -> Result<()> {
        if let Some((file, range)) = self.0.file.lock().expect("sound").take() {
            return call.open_file(file, range);
        }
        let end = self.0.console.lock().expect("sound").take();
        call.open_stream(end.ok_or_else(|| Error::internal("no console"))?)
    }

    /// Gives `idx` descriptors that came with the call back.
    fn domain_open_graphics_fd(&self, call: &Call, _: &Domain, idx: u32, _: u32) -> Result<()> {
        (0..idx).try_for_each(|at| call.give_descriptor(call.take_descriptor(at)?))
    }
}

const TABLES: &WithMetadata<Interfaces> = &WithMetadata::new(Interfaces {
    connect: Some(<Fake as Provides<_>>::TABLE),
    domain_console: Some(<Fake as Provides<_>>::TABLE),
    ..Interfaces::NONE
});

/// A daemon without sockets.
struct Fixture {
    daemon: &'static Daemon,
    switch: Arc<Switch>,
}

static LOOPS: LazyLock<Arc<Loops>> = LazyLock::new(|| Loops::start().expect("threads"));

/// Where tasks run that belong to no client.
static PLACE: LazyLock<Place> = LazyLock::new(|| LOOPS.place());

impl Fixture {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Limits)) -> Self {
        let mut limits = Limits {
            clients: 100,
            queued_clients: 10,
            anonymous_clients: 20,
            min_workers: 0,
            max_workers: 4,
            prio_workers: 2,
            client_requests: 3,
            keepalive_interval: None,
            keepalive_count: 2,
        };
        change(&mut limits);
        let server = |name| Server::new(name, limits, Admission::default());
        let root = Root::at("/nonexistent").expect("absolute");
        let (runtime, loops, scripts) = (PLACE.handle().clone(), LOOPS.clone(), Default::default());
        let daemon = Daemon::new(runtime.clone(), loops, root, server("libvirtd"), server("admin"), scripts);
        runtime.spawn(daemon.main.look_after());
        runtime.spawn(daemon.subscriptions.run());
        Self { daemon, switch: Arc::default() }
    }

    /// A client that has opened the driver.
    fn client(&self) -> Wire {
        let (wire, client) = self.stranger(Door::ReadWrite);
        self.open(&client);
        wire
    }

    /// A client that has opened nothing.
    fn stranger(&self, door: Door) -> (Wire, Arc<Client>) {
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        ours.set_read_timeout(Some(LIMIT)).expect("settable");
        ours.set_write_timeout(Some(LIMIT)).expect("settable");
        theirs.set_nonblocking(true).expect("settable");
        Client::start(&self.daemon.main, door, Accepted::Unix(theirs));
        let client = self.daemon.main.list().pop().expect("there");
        (Wire { stream: ours, serial: 0 }, client)
    }

    fn open(&self, client: &Client) {
        let tables = InterfacesRef(TABLES.static_as_prefix());
        let object = Object::new(Fake(self.switch.clone()));
        let connection = ForeignConnection::new(object, tables, CHANNEL, "Fake").into_connection();
        *super::lock(&client.connection) = Some(connection);
    }

    fn release(&self) {
        *self.switch.released.lock().expect("sound") = true;
        self.switch.changed.notify_all();
    }

    fn console(&self) -> UnixStream {
        let (near, far) = UnixStream::pair().expect("a pair");
        near.set_read_timeout(Some(LIMIT)).expect("settable");
        *self.switch.console.lock().expect("sound") = Some(far.into());
        near
    }
}

/// The client's side of a connection.
struct Wire {
    stream: UnixStream,
    serial: u32,
}

/// A frame that came back.
#[derive(Debug)]
struct Answer {
    header: Header,
    payload: Vec<u8>,
}

impl Wire {
    fn header(&mut self, procedure: i32) -> Header {
        self.serial += 1;
        Header {
            program: Program::REMOTE,
            version: 1,
            procedure,
            kind: MessageType::CALL,
            serial: self.serial,
            status: Status::OK,
        }
    }

    fn send(&mut self, header: Header, payload: &[u8]) {
        self.stream.write_all(&frame(&header, payload).expect("small")).expect("the daemon reads");
    }

    fn receive(&mut self) -> Option<Answer> {
        let mut length = [0; LENGTH_SIZE];
        self.stream.read_exact(&mut length).ok()?;
        let mut body = vec![0; u32::from_be_bytes(length) as usize - LENGTH_SIZE];
        self.stream.read_exact(&mut body).ok()?;
        let header = Header::decode(&mut Reader::new(&body)).expect("a header");
        Some(Answer { header, payload: body.split_off(HEADER_SIZE) })
    }

    fn call(&mut self, procedure: i32, payload: &[u8]) -> Answer {
        let header = self.header(procedure);
        self.send(header, payload);
        let answer = self.receive().expect("an answer");
        assert_eq!((answer.header.serial, answer.header.kind), (header.serial, MessageType::REPLY));
        answer
    }

    /// Opens the console and returns the header of its packets.
    fn open_console(&mut self) -> Header {
        let header = self.header(CONSOLE);
        let payload = encoded(&(domain(1), None::<String>, 0u32));
        self.send(header, &payload);
        let answer = self.receive().expect("an answer");
        assert_eq!((answer.header.kind, answer.header.status), (MessageType::REPLY, Status::OK), "{answer:?}");
        Header { kind: MessageType::STREAM, status: Status::CONTINUE, ..header }
    }
}

impl Answer {
    fn error(&self) -> Error {
        assert_eq!(self.header.status, Status::ERROR, "{self:?}");
        Error::decode(&mut Reader::new(&self.payload)).expect("an error")
    }

    fn value<T: Xdr>(&self) -> T {
        assert_eq!(self.header.status, Status::OK, "{self:?}");
        T::decode(&mut Reader::new(&self.payload)).expect("a value")
    }
}

fn domain(number: u8) -> Domain {
    Domain::new(format!("d{number}"), Uuid([number; 16]), 1)
}

fn encoded((domain, text, number): &(Domain, Option<String>, u32)) -> Vec<u8> {
    let mut out = Writer::new();
    domain.encode(&mut out).and_then(|()| text.encode(&mut out)).and_then(|()| number.encode(&mut out)).expect("small");
    out.into_bytes()
}

/// Waits for something that another thread does.
fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let until = Instant::now() + LIMIT;
    while !done() {
        assert!(Instant::now() < until, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}
