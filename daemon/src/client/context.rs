//! What a driver learns about the caller of one call.

use std::mem::take;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

use oxivirt_core::call::{Context, FileRange};
use oxivirt_core::interface::CallDescription;
use oxivirt_core::types::TypedParam;
use oxivirt_core::wire::message::FDS_MAX;
use oxivirt_core::{Error, Result};

use super::Client;

/// What a driver joined to the stream of a call.
pub(super) enum StreamEnd {
    /// A socket, pipe or terminal: whatever can be read and written without waiting.
    Bytes(OwnedFd),
    /// A part of a file.
    File(OwnedFd, FileRange),
    /// A stream of packets that knows holes and failures.
    Packets(OwnedFd),
}

/// One call of one client.
pub(super) struct Caller {
    pub(super) client: Arc<Client>,
    pub(super) call: &'static CallDescription,
    stream: Mutex<Option<StreamEnd>>,
    came: Mutex<Vec<Option<OwnedFd>>>,
    goes: Mutex<Vec<OwnedFd>>,
}

impl Caller {
    pub(super) fn new(client: Arc<Client>, call: &'static CallDescription, came: Vec<OwnedFd>) -> Self {
        let came = Mutex::new(came.into_iter().map(Some).collect());
        Self { client, call, stream: Mutex::new(None), came, goes: Mutex::default() }
    }

    /// What goes out with the answer.
    pub(super) fn take_given(&self) -> Vec<OwnedFd> {
        take(&mut *self.goes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The end of a stream that the driver handed over.
    pub(super) fn take_stream(&self) -> Option<StreamEnd> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Caller {
    fn join(&self, end: StreamEnd) -> Result<()> {
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

impl Context for Caller {
    fn name(&self) -> &str {
        self.call.name
    }

    fn client(&self) -> u64 {
        self.client.number()
    }

    fn is_read_only(&self) -> bool {
        self.client.is_read_only()
    }

    fn identity(&self) -> Vec<TypedParam> {
        self.client.identity()
    }

    fn open_stream(&self, end: OwnedFd) -> Result<()> {
        self.join(StreamEnd::Bytes(end))
    }

    fn open_file(&self, file: OwnedFd, range: FileRange) -> Result<()> {
        self.join(StreamEnd::File(file, range))
    }

    fn open_packets(&self, end: OwnedFd) -> Result<()> {
        self.join(StreamEnd::Packets(end))
    }

    fn take_descriptor(&self, index: u32) -> Result<OwnedFd> {
        let mut came = self.came.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = came.get_mut(index as usize).and_then(Option::take);
        slot.ok_or_else(|| Error::invalid_arg(format!("no file descriptor {index} came with {}", self.call.name)))
    }

    fn give_descriptor(&self, descriptor: OwnedFd) -> Result<()> {
        let mut goes = self.goes.lock().unwrap_or_else(PoisonError::into_inner);
        if goes.len() >= FDS_MAX {
            return Err(Error::internal(format!("{} returns more than {FDS_MAX} file descriptors", self.call.name)));
        }
        goes.push(descriptor);
        Ok(())
    }
}
