//! TCP ports for displays.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::ops::RangeInclusive;
use std::sync::{Mutex, PoisonError};

use oxivirt_core::{Error, Result};

/// Ports of the host, each given to one guest at a time.
#[derive(Debug, Default)]
pub struct PortPool {
    taken: Mutex<BTreeSet<u16>>,
}

impl PortPool {
    /// Takes the lowest port of a range that neither this pool gave away nor
    /// anything else on the host listens on; `what` names the range in errors.
    pub fn acquire(&self, what: &str, range: &RangeInclusive<u16>) -> Result<u16> {
        let mut taken = self.lock();
        let free = range.clone().find(|port| !taken.contains(port) && is_free(*port));
        let port = free.ok_or_else(|| {
            Error::operation_failed(format!(
                "Unable to find an unused port in range '{what}' ({}-{})",
                range.start(),
                range.end()
            ))
        })?;
        taken.insert(port);
        Ok(port)
    }

    /// Notes that a guest uses a port already.
    pub fn reserve(&self, port: u16) {
        self.lock().insert(port);
    }

    /// Takes a port back.
    pub fn release(&self, port: u16) {
        self.lock().remove(&port);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeSet<u16>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether both families can be listened on. A host without IPv6 counts as
/// free there.
fn is_free(port: u16) -> bool {
    let bind = |address: SocketAddr| match TcpListener::bind(address) {
        Ok(_) => true,
        Err(e) => e.kind() != std::io::ErrorKind::AddrInUse,
    };
    bind((Ipv4Addr::UNSPECIFIED, port).into()) && bind((Ipv6Addr::UNSPECIFIED, port).into())
}
