//! Clients that misbehave for as long as they are kept.

use std::io;
use std::path::Path;

use super::{LIMIT, Sequence, URI};
use crate::wire::{Client, Header, Xdr, procedure};

/// A client that misbehaves in one of several ways for as long as it is kept.
#[derive(Debug)]
pub enum Nuisance {
    /// It is still connected.
    Connected(Client),
    /// It went away or was sent away.
    Gone,
}

/// Connects a client that misbehaves; `number` chooses how.
///
/// Errors: the daemon accepts no connection any more.
pub fn nuisance(socket: &Path, number: usize, sequence: &mut Sequence) -> io::Result<Nuisance> {
    let mut client = Client::connect(socket, LIMIT)?;
    let call = |procedure: i32, payload: &[u8]| Header::call(procedure, 3).frame(payload);
    match number % 6 {
        // Says nothing at all.
        0 => return Ok(Nuisance::Connected(client)),
        // Stops in the middle of a frame.
        1 => {
            let frame = call(procedure::AUTH_LIST, &[]);
            let _ = client.send(frame.get(..1 + sequence.below(27)).unwrap_or_default());
            return Ok(Nuisance::Connected(client));
        }
        // Sends what is no frame.
        2 => {
            let bytes: Vec<u8> = (0..512).map(|_| sequence.byte()).collect();
            let _ = client.send(&bytes);
            return Ok(Nuisance::Connected(client));
        }
        _ => {}
    }
    let _ = client.send(&call(procedure::AUTH_LIST, &[]));
    let _ = client.send(&call(procedure::CONNECT_OPEN, &Xdr::default().some_string(URI).unsigned(0).0));
    match number % 6 {
        // Calls and vanishes.
        3 => {
            let _ = client.send(&call(procedure::CONNECT_LIST_ALL_DOMAINS, &Xdr::default().unsigned(1).unsigned(0).0));
            return Ok(Nuisance::Gone);
        }
        // Calls and never reads.
        4 => {
            for _ in 0..20 {
                let _ = client.send(&call(procedure::CONNECT_GET_LIB_VERSION, &[]));
            }
        }
        // Wants events and never reads them.
        _ => {
            let every_domain = Xdr::default().unsigned(0).unsigned(0).0;
            let _ = client.send(&call(procedure::CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY, &every_domain));
        }
    }
    Ok(Nuisance::Connected(client))
}
