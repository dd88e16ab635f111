//! What other drivers keep and a guest needs: places in networks, volumes of
//! pools, secrets, filters.
//!
//! This driver knows none of them: it asks through [`Neighbours`], which for
//! real is [`OtherDrivers`], the drivers of this daemon. What a guest holds of
//! theirs is noted on disk before it is asked for ([`held`]), so that it is
//! given back even after a crash.

mod borrower;
mod drivers;
pub mod held;
pub mod ports;
pub mod volumes;

use std::fmt::Debug;

use oxivirt_conf::domain::SecretRef;
use oxivirt_conf::network_port::NetworkPort;
use oxivirt_conf::nwfilter_binding::NwFilterBinding;
use oxivirt_conf::storage_pool::PoolDefinition;
use oxivirt_conf::storage_volume::VolumeType;
use oxivirt_core::types::DhcpLease;
use oxivirt_core::{Error, ErrorCode, Result};
use uuid::Uuid;

pub use borrower::Borrower;
pub use drivers::OtherDrivers;

/// The drivers that a guest of this one may need.
///
/// Every call may block, up to a limit of its own. Errors: `NO_CONNECT` where
/// there is no such driver, `OPERATION_TIMEOUT` where it does not answer, else
/// its own.
pub trait Neighbours: Debug + Send + Sync {
    /// Makes a port in a network; gives the port as it became, with what it is plugged into.
    ///
    /// * `again` – it was made before, and the network may have forgotten it.
    fn make_port(&self, network: &str, port: &NetworkPort, again: bool) -> Result<NetworkPort>;

    /// Removes a port; fine if it or its network is gone.
    fn remove_port(&self, network: &str, port: Uuid) -> Result<()>;

    /// An address of the host in a network, for programs that listen there.
    fn address(&self, network: &str) -> Result<String>;

    /// The addresses that a network gave to a card.
    fn leases(&self, network: &str, mac: &str) -> Result<Vec<DhcpLease>>;

    /// A volume of an active pool.
    fn volume(&self, pool: &str, volume: &str) -> Result<Volume>;

    /// The value of a secret.
    fn secret(&self, secret: &SecretRef) -> Result<Value>;

    /// Filters the traffic of a device.
    fn bind_filter(&self, binding: &NwFilterBinding) -> Result<()>;

    /// Filters the traffic of a device no more; fine if it was not.
    fn unbind_filter(&self, device: &str) -> Result<()>;
}

/// A volume, as its driver describes it.
#[derive(Debug, Clone)]
pub struct Volume {
    /// The pool that it is in.
    pub pool: PoolDefinition,
    /// What it is.
    pub kind: VolumeType,
    /// Where it is on this host.
    pub path: String,
}

/// The value of a secret; shows nowhere, and leaves no trace in memory.
pub struct Value(Vec<u8>);

impl Value {
    /// Takes it over.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// For whoever hands it on.
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }
}

impl Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Value(…)")
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        self.0.fill(0);
        // Else the writes would be left out, since nobody reads them.
        std::hint::black_box(&self.0);
    }
}

/// No other driver at all.
#[derive(Debug)]
pub struct Nobody;

impl Nobody {
    fn missing<T>(kind: &str) -> Result<T> {
        Err(Error::new(ErrorCode::NO_CONNECT, format!("there is no {kind} driver")))
    }
}

impl Neighbours for Nobody {
    fn make_port(&self, _: &str, _: &NetworkPort, _: bool) -> Result<NetworkPort> {
        Self::missing("network")
    }

    fn remove_port(&self, _: &str, _: Uuid) -> Result<()> {
        Self::missing("network")
    }

    fn address(&self, _: &str) -> Result<String> {
        Self::missing("network")
    }

    fn leases(&self, _: &str, _: &str) -> Result<Vec<DhcpLease>> {
        Self::missing("network")
    }

    fn volume(&self, _: &str, _: &str) -> Result<Volume> {
        Self::missing("storage")
    }

    fn secret(&self, _: &SecretRef) -> Result<Value> {
        Self::missing("secret")
    }

    fn bind_filter(&self, _: &NwFilterBinding) -> Result<()> {
        Self::missing("network filter")
    }

    fn unbind_filter(&self, _: &str) -> Result<()> {
        Self::missing("network filter")
    }
}
