//! Who asks: the context that comes with every call.
//!
//! UNSAFETY: a [`Call`] lends a context across the plugin boundary for the
//! time of one closure.
#![allow(unsafe_code)]

use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd};

use abi_stable::StableAbi;

use crate::abi::{RResult, RStr, RVec, WithMetadata};
use crate::object::{Borrowed, guarded};
use crate::types::{TypedParam, TypedValue};
use crate::{Error, Result};

/// What the host knows about the caller and does for one call.
pub trait Context: Send + Sync + 'static {
    /// Name of the call, such as `domain_create`.
    fn name(&self) -> &str;

    /// Number of the client, unique while the daemon runs; 0 for itself.
    fn client(&self) -> u64 {
        0
    }

    /// Whether the client came through the read-only door.
    fn is_read_only(&self) -> bool {
        false
    }

    /// The caller as typed parameters with the public names
    /// (`unix-user-id`, `unix-group-id`, `process-id`, `sasl-user-name` …).
    fn identity(&self) -> Vec<TypedParam> {
        Vec::new()
    }

    /// Joins one end of a byte stream to the stream that came with the call.
    fn open_stream(&self, _end: OwnedFd) -> Result<()> {
        Err(Error::invalid_arg("no stream came with this call"))
    }

    /// Joins a part of a regular file or block device to the stream that came with the call.
    fn open_file(&self, _file: OwnedFd, _range: FileRange) -> Result<()> {
        Err(Error::invalid_arg("no stream came with this call"))
    }

    /// Joins one end of a stream of packets to the stream that came with the call.
    fn open_packets(&self, _end: OwnedFd) -> Result<()> {
        Err(Error::no_support("streams of packets"))
    }

    /// Takes descriptor number `index` that came with the call.
    fn take_descriptor(&self, index: u32) -> Result<OwnedFd> {
        Err(Error::invalid_arg(format!("no file descriptor {index} came with this call")))
    }

    /// Sends a descriptor with the answer.
    fn give_descriptor(&self, _descriptor: OwnedFd) -> Result<()> {
        Err(Error::invalid_arg("no file descriptor can be returned from this call"))
    }
}

/// A part of a file that a stream is to read or write.
#[repr(C)]
#[derive(StableAbi, Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileRange {
    /// First byte.
    pub offset: u64,
    /// Number of bytes; 0 means to the end of the file, or of the stream.
    pub length: u64,
    /// Whether holes pass as holes; else they are read as zeros.
    pub sparse: bool,
}

/// The context of one call, as a driver sees it.
#[repr(C)]
#[derive(StableAbi)]
pub struct Call {
    context: Borrowed,
    table: ContextTableRef,
}

/// The functions behind a [`Call`].
#[doc(hidden)]
#[allow(missing_docs)]
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = ContextTableRef)))]
#[sabi(missing_field(option))]
pub struct ContextTable {
    pub name: unsafe extern "C" fn(&Borrowed) -> RStr<'_>,
    pub client: unsafe extern "C" fn(Borrowed) -> u64,
    pub is_read_only: unsafe extern "C" fn(Borrowed) -> bool,
    pub identity: unsafe extern "C" fn(Borrowed) -> RVec<TypedParam>,
    pub open_stream: unsafe extern "C" fn(Borrowed, i32) -> RResult<(), Error>,
    pub take_descriptor: unsafe extern "C" fn(Borrowed, u32) -> RResult<i32, Error>,
    #[sabi(last_prefix_field)]
    pub give_descriptor: unsafe extern "C" fn(Borrowed, i32) -> RResult<(), Error>,
    pub open_file: unsafe extern "C" fn(Borrowed, i32, FileRange) -> RResult<(), Error>,
    pub open_packets: unsafe extern "C" fn(Borrowed, i32) -> RResult<(), Error>,
}

impl Call {
    /// Lends `context` to everything that `body` calls.
    pub fn with<C: Context, T>(context: &C, body: impl FnOnce(&Call) -> T) -> T {
        let call = Call { context: Borrowed::new(context), table: Erased::<C>::TABLE };
        body(&call)
    }

    /// Makes a call in the program's own name.
    pub fn internal<T>(name: &'static str, body: impl FnOnce(&Call) -> T) -> T {
        struct Internal(&'static str);
        impl Context for Internal {
            fn name(&self) -> &str {
                self.0
            }
        }
        Self::with(&Internal(name), body)
    }

    /// Name of the call, such as `domain_create`; for job owners and logs.
    pub fn name(&self) -> &str {
        // SAFETY: the table was made for this context.
        unsafe { self.table.name()(&self.context) }.as_str()
    }

    /// Number of the client, unique while the daemon runs; 0 for the daemon.
    pub fn client(&self) -> u64 {
        // SAFETY: as in `name`.
        unsafe { self.table.client()(self.context) }
    }

    /// Whether the daemon itself asks, or a driver for a purpose of its own: no client is behind the call, and none
    /// sees the answer.
    ///
    /// What only such calls may have, like the value of a private secret, is kept from clients by this. A client
    /// cannot pretend: it has the number under which the daemon let it in, which is never 0.
    pub fn is_internal(&self) -> bool {
        self.client() == 0
    }

    /// Whether the client came through the read-only door. Calls that always
    /// write never get here from such a client; this is for those that write
    /// or reveal secrets only with certain flags.
    pub fn is_read_only(&self) -> bool {
        // SAFETY: as in `name`.
        unsafe { self.table.is_read_only()(self.context) }
    }

    /// The caller as typed parameters with the public names.
    pub fn identity(&self) -> Vec<TypedParam> {
        // SAFETY: as in `name`.
        unsafe { self.table.identity()(self.context) }.into()
    }

    /// User id of the caller, where known.
    pub fn unix_user(&self) -> Option<u64> {
        self.identity().iter().find_map(|param| match param.value() {
            TypedValue::UnsignedLongLong(value) if param.field() == "unix-user-id" => Some(value),
            _ => None,
        })
    }

    /// Joins one end of a byte stream (a socket, pipe or terminal) to the
    /// stream that came with the call; the host copies both ways until either
    /// side ends, then closes the descriptor.
    ///
    /// Fails with `INVALID_ARG` when the caller sent no stream.
    pub fn open_stream(&self, end: OwnedFd) -> Result<()> {
        // SAFETY: as in `name`; the descriptor changes owner.
        unsafe { self.table.open_stream()(self.context, end.into_raw_fd()) }.into_result()
    }

    /// Joins a part of a regular file or block device to the stream that came
    /// with the call. The host reads or writes it, keeps holes where `range`
    /// says so, and closes it in the end. A write beyond the end of a range with
    /// a length fails with `ENOSPC`.
    ///
    /// Fails with `INVALID_ARG` when the caller sent no stream, with
    /// `NO_SUPPORT` when the host is too old.
    pub fn open_file(&self, file: OwnedFd, range: FileRange) -> Result<()> {
        let Some(open_file) = self.table.open_file() else {
            return Err(Error::no_support("streams of files"));
        };
        // SAFETY: as in `name`; the descriptor changes owner.
        unsafe { open_file(self.context, file.into_raw_fd(), range) }.into_result()
    }

    /// Joins one end of a stream of [packets](crate::packets) to the stream
    /// that came with the call: for sources that know holes and are no files,
    /// and for those that can fail half-way.
    ///
    /// Fails with `INVALID_ARG` when the caller sent no stream, with
    /// `NO_SUPPORT` when the host is too old.
    pub fn open_packets(&self, end: OwnedFd) -> Result<()> {
        let Some(open_packets) = self.table.open_packets() else {
            return Err(Error::no_support("streams of packets"));
        };
        // SAFETY: as in `name`; the descriptor changes owner.
        unsafe { open_packets(self.context, end.into_raw_fd()) }.into_result()
    }

    /// Takes descriptor number `index` that came with the call.
    pub fn take_descriptor(&self, index: u32) -> Result<OwnedFd> {
        // SAFETY: as in `name`; the descriptor changes owner.
        unsafe { self.table.take_descriptor()(self.context, index) }
            .into_result()
            .map(|raw| unsafe { OwnedFd::from_raw_fd(raw) })
    }

    /// Sends a descriptor with the answer.
    pub fn give_descriptor(&self, descriptor: OwnedFd) -> Result<()> {
        // SAFETY: as in `name`; the descriptor changes owner.
        unsafe { self.table.give_descriptor()(self.context, descriptor.into_raw_fd()) }.into_result()
    }
}

struct Erased<C>(std::marker::PhantomData<C>);

impl<C: Context> Erased<C> {
    const TABLE: ContextTableRef = { const { ContextTableRef(WithMetadata::static_as_prefix(Self::WITH_METADATA)) } };
    const WITH_METADATA: &'static WithMetadata<ContextTable> = &WithMetadata::new(ContextTable {
        name: name::<C>,
        client: client::<C>,
        is_read_only: is_read_only::<C>,
        identity: identity::<C>,
        open_stream: open_stream::<C>,
        take_descriptor: take_descriptor::<C>,
        give_descriptor: give_descriptor::<C>,
        open_file: open_file::<C>,
        open_packets: open_packets::<C>,
    });
}

unsafe extern "C" fn name<C: Context>(this: &Borrowed) -> RStr<'_> {
    // SAFETY: `Erased::<C>::TABLE` is only joined with contexts of type `C`;
    // the same holds for the functions below.
    let context: &C = unsafe { this.cast() };
    RStr::from(context.name())
}

unsafe extern "C" fn client<C: Context>(this: Borrowed) -> u64 {
    // SAFETY: see `name`.
    unsafe { this.cast::<C>() }.client()
}

unsafe extern "C" fn is_read_only<C: Context>(this: Borrowed) -> bool {
    // SAFETY: see `name`.
    unsafe { this.cast::<C>() }.is_read_only()
}

unsafe extern "C" fn identity<C: Context>(this: Borrowed) -> RVec<TypedParam> {
    // SAFETY: see `name`.
    unsafe { this.cast::<C>() }.identity().into()
}

unsafe extern "C" fn open_stream<C: Context>(this: Borrowed, end: i32) -> RResult<(), Error> {
    // SAFETY: see `name`; the caller gave the descriptor away.
    let (context, end) = unsafe { (this.cast::<C>(), OwnedFd::from_raw_fd(end)) };
    guarded("open_stream", || context.open_stream(end))
}

unsafe extern "C" fn open_file<C: Context>(this: Borrowed, file: i32, range: FileRange) -> RResult<(), Error> {
    // SAFETY: see `name`; the caller gave the descriptor away.
    let (context, file) = unsafe { (this.cast::<C>(), OwnedFd::from_raw_fd(file)) };
    guarded("open_file", || context.open_file(file, range))
}

unsafe extern "C" fn open_packets<C: Context>(this: Borrowed, end: i32) -> RResult<(), Error> {
    // SAFETY: see `name`; the caller gave the descriptor away.
    let (context, end) = unsafe { (this.cast::<C>(), OwnedFd::from_raw_fd(end)) };
    guarded("open_packets", || context.open_packets(end))
}

unsafe extern "C" fn take_descriptor<C: Context>(this: Borrowed, index: u32) -> RResult<i32, Error> {
    // SAFETY: see `name`.
    let context = unsafe { this.cast::<C>() };
    guarded("take_descriptor", || context.take_descriptor(index).map(IntoRawFd::into_raw_fd))
}

unsafe extern "C" fn give_descriptor<C: Context>(this: Borrowed, descriptor: i32) -> RResult<(), Error> {
    // SAFETY: see `name`; the caller gave the descriptor away.
    let (context, descriptor) = unsafe { (this.cast::<C>(), OwnedFd::from_raw_fd(descriptor)) };
    debug_assert!(descriptor.as_raw_fd() >= 0);
    guarded("give_descriptor", || context.give_descriptor(descriptor))
}
