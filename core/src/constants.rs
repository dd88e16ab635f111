//! The macro behind every set of public numbers, and the sets themselves.
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
