//! What a driver learns about the caller of one call.

use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

use oxivirt_core::call::Context;
use oxivirt_core::interface::CallDescription;
use oxivirt_core::types::TypedParam;
use oxivirt_core::{Error, Result};

use super::Client;

/// One call of one client.
pub(super) struct Caller {
    pub(super) client: Arc<Client>,
    pub(super) call: &'static CallDescription,
    stream: Mutex<Option<OwnedFd>>,
}

impl Caller {
    pub(super) fn new(client: Arc<Client>, call: &'static CallDescription) -> Self {
        Self { client, call, stream: Mutex::new(None) }
    }

    /// The end of a stream that the driver handed over.
    pub(super) fn take_stream(&self) -> Option<OwnedFd> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Context for Caller {
    fn name(&self) -> &str {
        self.call.name
    }

    fn client(&self) -> u64 {
        self.client.id
    }

    fn is_read_only(&self) -> bool {
        self.client.is_read_only()
    }

    fn identity(&self) -> Vec<TypedParam> {
        self.client.peer.parameters()
    }

    fn open_stream(&self, end: OwnedFd) -> Result<()> {
        if self.call.stream.is_none() {
            return Err(Error::invalid_arg(format!("no stream comes with {}", self.call.name)));
        }
        let mut slot = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        match slot.is_some() {
            true => Err(Error::internal(format!("{} opened its stream twice", self.call.name))),
            false => {
                *slot = Some(end);
                Ok(())
            }
        }
    }
}
