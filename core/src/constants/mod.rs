//! The public numbers that clients and drivers share.
//!
//! Numbers are open newtypes, not Rust enums: a newer client or plugin may
//! send a value that this build has never heard of.

/// Declares newtypes over an integer with named public values.
///
/// Each type crosses the plugin boundary unchanged, knows its XDR form, and
/// prints the name of a known value.
macro_rules! constants {
    ($( $(#[$meta:meta])* pub struct $name:ident($repr:ty) { $( $value:ident = $number:expr, )* } )*) => { $(
        $(#[$meta])*
        #[repr(transparent)]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, ::abi_stable::StableAbi)]
        pub struct $name(pub $repr);

        #[allow(missing_docs)]
        impl $name {
            $( pub const $value: Self = Self($number); )*

            /// Every known value with its name.
            pub const ALL: &'static [(Self, &'static str)] = &[ $( (Self($number), stringify!($value)), )* ];

            /// The name of a known value.
            pub fn name(self) -> Option<&'static str> {
                Self::ALL.iter().find(|(value, _)| *value == self).map(|(_, name)| *name)
            }
        }

        impl $crate::wire::xdr::Xdr for $name {
            fn shape() -> $crate::wire::shape::Shape {
                <$repr as $crate::wire::xdr::Xdr>::shape()
            }
            fn encode(&self, out: &mut $crate::wire::xdr::Writer) -> $crate::Result<()> {
                $crate::wire::xdr::Xdr::encode(&self.0, out)
            }
            fn decode(input: &mut $crate::wire::xdr::Reader<'_>) -> $crate::Result<Self> {
                $crate::wire::xdr::Xdr::decode(input).map(Self)
            }
        }

        impl ::core::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, concat!(stringify!($name), "({})"), self.0),
                }
            }
        }
    )* };
}
pub(crate) use constants;

/// Declares sets of flags: constants that can be joined with `|`, tested, and
/// held against what a driver knows.
macro_rules! flags {
    ($( $(#[$meta:meta])* pub struct $name:ident($repr:ty) { $( $value:ident = $number:expr, )* } )*) => {
        $crate::constants::constants! { $(
            $(#[$meta])*
            pub struct $name($repr) { $( $value = $number, )* }
        )* }
        $(
            impl $name {
                /// No flag at all.
                pub const EMPTY: Self = Self(0);

                /// Whether every flag of `other` is set; true for an empty `other`.
                pub const fn contains(self, other: Self) -> bool {
                    self.0 & other.0 == other.0
                }

                /// Whether some flag of `other` is set.
                pub const fn intersects(self, other: Self) -> bool {
                    self.0 & other.0 != 0
                }

                /// Both sets joined.
                pub const fn union(self, other: Self) -> Self {
                    Self(self.0 | other.0)
                }

                /// Refuses any flag outside `known`, with `INVALID_ARG`.
                pub fn check(self, known: Self, call: &str) -> $crate::Result<()> {
                    match self.0 & !known.0 {
                        0 => Ok(()),
                        unknown => Err($crate::Error::invalid_arg(format!(
                            "unsupported flags (0x{unknown:x}) in function {}",
                            $crate::interface::public_name(call),
                        ))),
                    }
                }
            }

            impl ::core::ops::BitOr for $name {
                type Output = Self;
                fn bitor(self, other: Self) -> Self {
                    self.union(other)
                }
            }
        )*
    };
}
pub(crate) use flags;

mod domain;
mod domain_work;
mod event;
mod event_kind;
mod flag;
mod network;
mod node_device;
mod statistics;
mod storage;

pub use domain::*;
pub use domain_work::*;
pub use event::*;
pub use event_kind::*;
pub use flag::*;
pub use network::*;
pub use node_device::*;
pub use statistics::*;
pub use storage::*;
