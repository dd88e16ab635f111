//! Events: built by a driver, delivered by the daemon.
//!
//! The body is encoded once, when the event is made; every subscriber gets
//! the same bytes behind its own callback id.

use abi_stable::StableAbi;
use abi_stable::std_types::{ROption, RVec};

use crate::Result;
use crate::constants::{
    CloseReason, DomainEventType, NetworkEventType, NetworkMetadataType, NodeDeviceEventType, SecretEventType,
    StoragePoolEventType, constants,
};
use crate::types::{Domain, List, Network, NodeDevice, Secret, StoragePool, Uuid};
use crate::wire::message::Program;
use crate::wire::shape::Shape;
use crate::wire::xdr::{Reader, Writer, Xdr};

mod domain;
mod object;

pub use domain::{GraphicsAddress, GraphicsIdentity};

constants! {
    /// What an event is about.
    pub struct EventKind(i32) {
        DOMAIN = 0,
        NETWORK = 1,
        STORAGE_POOL = 2,
        NODE_DEVICE = 3,
        SECRET = 4,
        CONNECTION = 5,
        QEMU_MONITOR = 6,
    }
}

/// An event on its way from a driver to the subscribers of a channel.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq)]
pub struct Event {
    kind: EventKind,
    id: i32,
    domain: ROption<Domain>,
    body: RVec<u8>,
}

impl Event {
    /// What it is about.
    pub fn kind(&self) -> EventKind {
        self.kind
    }

    /// Its number among the events of its kind, such as a `DomainEventId`.
    pub fn id(&self) -> i32 {
        self.id
    }

    /// The domain it is about.
    pub fn domain(&self) -> Option<&Domain> {
        self.domain.as_ref().into_option()
    }

    /// An event from the message in which a server sent it, behind the id of
    /// its callback, or -1 where the message is of the oldest kind, which has
    /// none; absent for a message that is no event or does not decode.
    pub fn from_message(program: Program, procedure: i32, payload: &[u8]) -> Option<(i32, Self)> {
        let is_plain = |event: &&EventDescription| event.plain == Some(procedure);
        let described = |fits: &dyn Fn(&&EventDescription) -> bool| {
            all_events().find(|event| event.program == program && fits(event))
        };
        let mut input = Reader::new(payload);
        let (description, callback, body) = match described(&|event| event.callback == procedure) {
            Some(description) => {
                let callback = i32::decode(&mut input).ok()?;
                (description, callback, input.rest().to_vec())
            }
            None => {
                let description = described(&is_plain)?;
                // The oldest kind tells no reason.
                let reason: &[u8] = if description.reason_first { &[0; 4] } else { &[] };
                (description, -1, [reason, payload].concat())
            }
        };
        let body = body.as_slice();
        let mut fields = Reader::new(if description.reason_first { body.get(4..)? } else { body });
        let domain = match description.kind {
            EventKind::DOMAIN | EventKind::QEMU_MONITOR => ROption::RSome(Domain::decode(&mut fields).ok()?),
            _ => ROption::RNone,
        };
        Some((callback, Self { kind: description.kind, id: description.id, domain, body: body.into() }))
    }

    /// A driver lost its own connection to whatever it drives.
    pub fn connection_closed(reason: CloseReason) -> Result<Self> {
        let body = connection_closed(reason)?.into();
        Ok(Self { kind: EventKind::CONNECTION, id: 0, domain: ROption::RNone, body })
    }

    /// The message without a callback id.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The facts of its messages; absent for a number this build does not know.
    pub fn description(&self) -> Option<&'static EventDescription> {
        all_events().find(|event| event.kind == self.kind && event.id == self.id)
    }

    /// What a subscriber names to hear of one object only; absent for a kind this build does not know.
    pub fn key(&self) -> Option<EventKey> {
        let mut body = Reader::new(&self.body);
        match self.kind {
            EventKind::DOMAIN | EventKind::QEMU_MONITOR => self.domain().map(|domain| EventKey::Uuid(domain.uuid)),
            EventKind::NETWORK => Network::decode(&mut body).ok().map(|network| EventKey::Uuid(network.uuid)),
            EventKind::STORAGE_POOL => StoragePool::decode(&mut body).ok().map(|pool| EventKey::Uuid(pool.uuid)),
            EventKind::NODE_DEVICE => {
                NodeDevice::decode(&mut body).ok().map(|device| EventKey::Name(device.name.into()))
            }
            EventKind::SECRET => Secret::decode(&mut body).ok().map(|secret| EventKey::Uuid(secret.uuid)),
            _ => None,
        }
    }

    /// The message in its oldest form, see [`EventDescription::plain`].
    pub fn plain_body(&self) -> &[u8] {
        match self.description() {
            Some(description) if description.reason_first => self.body.get(4..).unwrap_or_default(),
            _ => &self.body,
        }
    }
}

/// Names one object among those of its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKey {
    /// A domain, network, storage pool or secret.
    Uuid(Uuid),
    /// A node device.
    Name(String),
}

/// Every described event.
pub fn all_events() -> impl Iterator<Item = &'static EventDescription> {
    [domain::EVENTS, object::EVENTS].into_iter().flatten()
}

/// The facts of one event, as data.
pub struct EventDescription {
    /// What it is about.
    pub kind: EventKind,
    /// Its number among the events of its kind.
    pub id: i32,
    /// Its name on the wire.
    pub name: &'static str,
    /// Which protocol.
    pub program: Program,
    /// Number of the message with a callback id in front.
    pub callback: i32,
    /// Number of the message without one, for the oldest registrations.
    pub plain: Option<i32>,
    /// Whether the body starts with a reason, which the message without a
    /// callback id lacks.
    pub reason_first: bool,
    /// Wire form of the body.
    pub body: fn() -> Vec<Shape>,
}

/// How a field of an event is written.
trait Owned {
    type Wire: Xdr;
    fn put(&self, out: &mut Writer) -> Result<()>;
}

macro_rules! owned {
    ($($type:ty),*) => { $(
        impl Owned for $type {
            type Wire = $type;
            fn put(&self, out: &mut Writer) -> Result<()> {
                self.encode(out)
            }
        }
    )* };
}
owned!(
    i32,
    u32,
    i64,
    u64,
    DomainEventType,
    NetworkEventType,
    StoragePoolEventType,
    NodeDeviceEventType,
    SecretEventType,
    NetworkMetadataType
);

macro_rules! owned_by_reference {
    ($($type:ty),*) => { $(
        impl Owned for &$type {
            type Wire = $type;
            fn put(&self, out: &mut Writer) -> Result<()> {
                self.encode(out)
            }
        }
    )* };
}
owned_by_reference!(GraphicsAddress, Network, StoragePool, NodeDevice, Secret);

impl Owned for &str {
    type Wire = String;
    fn put(&self, out: &mut Writer) -> Result<()> {
        crate::wire::xdr::encode_str(self, out)
    }
}

impl Owned for Option<&str> {
    type Wire = Option<String>;
    fn put(&self, out: &mut Writer) -> Result<()> {
        self.map(str::to_owned).encode(out)
    }
}

impl<T: Xdr, const MAX: usize> Owned for &List<T, MAX> {
    type Wire = List<T, MAX>;
    fn put(&self, out: &mut Writer) -> Result<()> {
        self.encode(out)
    }
}

/// Number of the message that says that a driver lost its connection; its body
/// is a [`CloseReason`].
pub const CONNECTION_CLOSED: i32 = 362;

/// Body of the message that says that a driver lost its connection.
pub fn connection_closed(reason: CloseReason) -> Result<Vec<u8>> {
    let mut out = Writer::new();
    reason.encode(&mut out)?;
    Ok(out.into_bytes())
}
