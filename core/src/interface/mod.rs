//! What a driver can do: the one description of every call.
//!
//! Each subject is one trait in one file. From it the `#[interface]` macro
//! derives
//! - the trait itself, every method answering "not supported" by default;
//! - a vtable of optional slots that crosses the plugin boundary, the shims
//!   that turn an implementor into it and catch panics, and the same trait on
//!   the host's [`Connection`];
//! - `CALLS`, the table of wire numbers, types, limits and access rules;
//! - `dispatch`, which decodes, calls and encodes for a server;
//! - the same trait on [`Client`](crate::client::Client) for the other end.
//!
//! Adding a call is adding one method at the **end** of its trait: slots are
//! found by position, and an older plugin simply ends earlier.
//!
//! The `#[rpc(number, ..)]` line holds the facts of the wire: `high` priority,
//! the access rules `acl` and `filter`, `write` for calls that a read-only
//! client may never make, `stream = read|write` for calls with a stream.
//! Arguments are `&str`, `Option<&str>`, `&T`, `Option<&T>` or `T` for any `T`
//! that is both `StableAbi` and [`Xdr`](crate::wire::xdr::Xdr).
//!
//! UNSAFETY: the tables hold functions of plugins; each is only called with
//! the object that it was handed over with.
#![allow(unsafe_code)]

mod describe;

pub mod admin;
pub mod connect;
pub mod cpu_models;
pub mod domain_config;
pub mod domain_console;
pub mod domain_guest;
pub mod domain_information;
pub mod domain_lifecycle;
pub mod domain_listing;
pub mod domain_metadata;
pub mod events;
pub mod node;
pub mod session;

use abi_stable::StableAbi;

use crate::Result;
use crate::call::Call;
use crate::connection::Connection;
use crate::wire::message::Program;
use crate::wire::xdr::{Reader, Writer};

pub use admin::Admin;
pub use connect::Connect;
pub use cpu_models::CpuModels;
pub use describe::{CallDescription, Priority, StreamDirection, not_supported, public_name};
pub use domain_config::DomainConfig;
pub use domain_console::DomainConsole;
pub use domain_guest::DomainGuest;
pub use domain_information::DomainInformation;
pub use domain_lifecycle::DomainLifecycle;
pub use domain_listing::DomainListing;
pub use domain_metadata::DomainMetadata;
pub use events::Events;
pub use node::Node;
pub use oxivirt_macros::implements;
pub use session::Session;

/// A vtable of any interface.
pub trait Vtable {
    /// One bit per method that never blocks.
    fn quick(&self) -> u64;
    /// Whether the driver has method `index`.
    fn supports(&self, index: usize) -> bool;
}

/// A type with a vtable; written by `#[implements]`.
pub trait Provides<T> {
    /// The vtable.
    const TABLE: T;
}

/// The contents of a vtable; written by `#[implements]`.
#[doc(hidden)]
pub trait Fill<T> {
    /// The contents.
    const FILLED: T;
}

/// A handle that may have a vtable of kind `T`.
#[doc(hidden)]
pub trait Has<T> {
    /// The vtable.
    fn table(&self) -> Option<T>;
}

/// One interface, as the host looks at it.
pub struct Interface {
    /// Name of the trait.
    pub name: &'static str,
    /// Its calls, in the order of the vtable.
    pub calls: &'static [CallDescription],
    /// Makes call `index` on a connection, from wire bytes to wire bytes.
    pub dispatch: fn(&Connection, usize, &Call, &mut Reader<'_>, &mut Writer) -> Result<()>,
    /// Whether a driver has call `index`.
    pub supports: fn(InterfacesRef, usize) -> bool,
    /// One bit per call of a driver that never blocks.
    pub quick: fn(InterfacesRef) -> u64,
}

macro_rules! interfaces {
    ($( $field:ident: $name:literal, $table:ident; )*) => {
        /// The tables of one driver, one optional slot per interface.
        #[doc(hidden)]
        #[allow(missing_docs)]
        #[repr(C)]
        #[derive(StableAbi)]
        #[sabi(kind(Prefix(prefix_ref = InterfacesRef)))]
        #[sabi(missing_field(option))]
        pub struct Interfaces {
            #[sabi(last_prefix_field)]
            pub reserved: usize,
            $( pub $field: Option<$field::$table>, )*
        }

        #[doc(hidden)]
        impl Interfaces {
            /// No interface at all.
            pub const NONE: Self = Self { reserved: 0, $( $field: None, )* };
        }

        $(
            impl Has<$field::$table> for Connection {
                fn table(&self) -> Option<$field::$table> {
                    self.interfaces().$field().flatten()
                }
            }
        )*

        /// Every interface that a driver may have.
        pub static INTERFACES: &[Interface] = &[ $(
            Interface {
                name: $name,
                calls: $field::CALLS,
                dispatch: |connection, index, call, input, out| {
                    $field::dispatch(connection, index, call, input, out)
                },
                supports: |tables, index| {
                    tables.$field().flatten().is_some_and(|table| table.supports(index))
                },
                quick: |tables| tables.$field().flatten().map_or(0, |table| Vtable::quick(&table)),
            },
        )* ];
    };
}

// New interfaces go at the end: a driver's tables are found by position.
interfaces! {
    connect: "Connect", ConnectVtableRef;
    node: "Node", NodeVtableRef;
    domain_lifecycle: "DomainLifecycle", DomainLifecycleVtableRef;
    domain_listing: "DomainListing", DomainListingVtableRef;
    domain_information: "DomainInformation", DomainInformationVtableRef;
    domain_config: "DomainConfig", DomainConfigVtableRef;
    domain_metadata: "DomainMetadata", DomainMetadataVtableRef;
    domain_console: "DomainConsole", DomainConsoleVtableRef;
    domain_guest: "DomainGuest", DomainGuestVtableRef;
    cpu_models: "CpuModels", CpuModelsVtableRef;
}

/// Finds a call that drivers answer: its interface and its index there.
pub fn find(program: Program, number: i32) -> Option<(&'static Interface, usize)> {
    use std::collections::HashMap;
    use std::sync::LazyLock;
    static ROUTES: LazyLock<HashMap<(u32, i32), (usize, usize)>> = LazyLock::new(|| {
        let calls = INTERFACES.iter().enumerate().flat_map(|(interface, entry)| {
            entry.calls.iter().enumerate().map(move |(index, call)| ((call.program.0, call.number), (interface, index)))
        });
        calls.collect()
    });
    let (interface, index) = *ROUTES.get(&(program.0, number))?;
    Some((&INTERFACES[interface], index))
}

/// Every described call: those that drivers answer and those that the daemon
/// answers itself.
pub fn all_calls() -> impl Iterator<Item = &'static CallDescription> {
    let served = [session::CALLS, events::CALLS, admin::CALLS];
    INTERFACES.iter().map(|interface| interface.calls).chain(served).flatten()
}
