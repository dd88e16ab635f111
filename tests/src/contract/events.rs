//! Events as cases see them, whichever way they came.

use std::time::Duration;

use oxivirt_core::event::Event;
use oxivirt_core::types::Domain;
use oxivirt_core::wire::xdr::{Reader, Xdr};

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenEvent {
    /// Its number among the events of domains.
    pub id: i32,
    /// Its domain.
    pub domain: Domain,
    /// What follows the domain in the message.
    pub rest: Vec<u8>,
}

impl SeenEvent {
    /// From an event on its way to the host; absent when it is about no domain.
    pub fn new(event: &Event) -> Option<Self> {
        // Others begin with what may well pass for a domain.
        event.domain()?;
        Self::decode(event.id(), event.body())
    }

    /// From the body of a message that begins with the domain.
    fn decode(id: i32, body: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let domain = Domain::decode(&mut reader).ok()?;
        let mut rest = Vec::new();
        while let Ok(word) = u32::decode(&mut reader) {
            rest.extend_from_slice(&word.to_be_bytes());
        }
        Some(Self { id, domain, rest })
    }

    /// What happened and its detail, of a life-cycle event.
    pub fn lifecycle(&self) -> Option<(i32, i32)> {
        let mut reader = Reader::new(&self.rest);
        let pair = (i32::decode(&mut reader).ok()?, i32::decode(&mut reader).ok()?);
        (self.id == oxivirt_core::constants::DomainEventId::LIFECYCLE.0).then_some(pair)
    }
}

/// Where a connection's events end up.
pub trait EventLog: Send + Sync {
    /// The events so far, after waiting until there are `wanted` or `limit` has passed.
    fn wait(&self, wanted: usize, limit: Duration) -> Vec<SeenEvent>;

    /// Forgets the events so far.
    fn clear(&self);
}
