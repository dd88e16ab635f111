//! The client side of the wire: every interface trait over a transport.
//!
//! [`Link`] is the transport: any number of calls at a time over one socket,
//! events, streams, descriptors, signs of life. [`Client<Link>`] then has every
//! interface. [`open`] goes through authentication and opens a URI.
//!
//! ```no_run
//! use oxivirt_core::client::{Opening, Request, connect_unix, open};
//! use oxivirt_core::interface::Connect;
//! use oxivirt_core::Call;
//!
//! # fn main() -> oxivirt_core::Result<()> {
//! let socket = connect_unix("/run/libvirt/libvirt-sock".as_ref())?;
//! let client = open(socket, Opening::new("qemu:///system"), Box::new(|_| {}))?;
//! let name = Call::with(&Request::new("connect_get_hostname"), |call| client.connect_get_hostname(call))?;
//! # drop(name);
//! # Ok(())
//! # }
//! ```

mod alive;
mod link;
mod request;
mod session;
mod socket;
mod stream;
mod tables;
mod watch;

use crate::Result;
use crate::call::Call;
use crate::interface::CallDescription;

pub use link::{Limits, Link, Listener, Told};
pub use request::Request;
pub use session::{Authenticate, Opening, Refused, connect_unix, open};
pub use tables::CLIENT_TABLES;
pub use watch::{Watches, ask, ask_for_everything};

/// Carries one call to a server and its answer back.
pub trait Transport: Send + Sync {
    /// Sends `arguments` and waits for the answer's payload; an error reply
    /// becomes the error.
    fn round_trip(&self, call: &Call, what: &CallDescription, arguments: Vec<u8>) -> Result<Vec<u8>>;
}

/// Every interface, spoken over `T`.
pub struct Client<T>(T);

impl<T> Client<T> {
    /// Speaks over `transport`.
    pub fn new(transport: T) -> Self {
        Self(transport)
    }

    /// The transport.
    pub fn transport(&self) -> &T {
        &self.0
    }

    /// Takes the transport back.
    pub fn into_transport(self) -> T {
        self.0
    }
}
