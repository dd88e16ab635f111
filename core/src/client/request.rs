//! The context of a call that a program makes in its own name.

use std::os::fd::OwnedFd;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::call::Context;
use crate::packets::PacketEnd;
use crate::{Error, Result};

/// A call of a client program: brings descriptors, keeps the stream and the
/// descriptors that come back.
#[derive(Debug, Default)]
pub struct Request {
    name: &'static str,
    goes: Mutex<Vec<Option<OwnedFd>>>,
    came: Mutex<Vec<OwnedFd>>,
    stream: Mutex<Option<PacketEnd>>,
}

impl Request {
    /// A call by its wire name, such as `domain_open_console`.
    pub fn new(name: &'static str) -> Self {
        Self { name, ..Self::default() }
    }

    /// Sends descriptors along.
    pub fn with_descriptors(self, descriptors: Vec<OwnedFd>) -> Self {
        Self { goes: Mutex::new(descriptors.into_iter().map(Some).collect()), ..self }
    }

    /// The stream that the call opened.
    ///
    /// Reading gives data, holes and an end, or why it broke; after the end it
    /// is the caller who finishes by sending `End`, which is confirmed.
    pub fn take_stream(&self) -> Option<PacketEnd> {
        lock(&self.stream).take()
    }

    /// The descriptors that came with the answer.
    pub fn take_descriptors(&self) -> Vec<OwnedFd> {
        std::mem::take(&mut *lock(&self.came))
    }
}

impl Context for Request {
    fn name(&self) -> &str {
        self.name
    }

    fn open_packets(&self, end: OwnedFd) -> Result<()> {
        *lock(&self.stream) = Some(PacketEnd::new(end));
        Ok(())
    }

    fn take_descriptor(&self, index: u32) -> Result<OwnedFd> {
        let taken = lock(&self.goes).get_mut(index as usize).and_then(Option::take);
        taken.ok_or_else(|| Error::invalid_arg(format!("no file descriptor {index} was given to {}", self.name)))
    }

    fn give_descriptor(&self, descriptor: OwnedFd) -> Result<()> {
        lock(&self.came).push(descriptor);
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
