//! The XML layer: a tree read from text, a writer in libvirt's style, and
//! the two traits that join them to Rust values.
//!
//! Reading: [`Document::parse`] gives a tree that borrows from the text;
//! [`Node`] walks it and makes errors that name the element path, the value,
//! what was allowed, and the line. Writing: [`Writer`] prints two blanks per
//! level and single quotes, and closes an element without content at once.
//! [`Element`] and [`Value`] are implemented by derive for regular elements
//! and by hand where the shape depends on a value.

mod element;
mod escape;
mod raw;
mod read;
mod scaled;
mod tree;
mod value;
mod writer;

pub use element::Element;
pub use raw::{RawElement, RawNode};
pub(crate) use read::bounded;
pub use read::{MAX_ATTRIBUTES, MAX_DEPTH, MAX_NODES, MAX_SIZE};
pub use scaled::{KiB, bytes_from, kib_from, unit_factor};
pub use tree::{Children, Document, Node, ReadMode};
pub use value::{OnOff, Value, YesNo, parse_unsigned};
pub use writer::{WriteMode, Writer};

pub use oxivirt_macros::Element;

/// Declares an enum whose values are words of the document.
///
/// `xml_enum! { /// Docs. pub enum Name { Variant = "word", … } }` gives the
/// enum with `as_str`, `ALL`, [`Value`] and `Display`; the first variant is
/// the default.
#[macro_export]
macro_rules! xml_enum {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        $vis enum $name {
            $(#[doc = concat!("`", $word, "`")] $variant,)+
        }

        impl $name {
            /// Every value, in the order of declaration.
            $vis const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The word in the document.
            $vis const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word,)+ }
            }

            /// The value for a word of the document.
            $vis fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some($name::$variant),)+ _ => None }
            }
        }

        impl Default for $name {
            fn default() -> Self {
                const FIRST: $name = $name::ALL[0];
                FIRST
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::xml::Value for $name {
            fn parse_value(text: &str) -> Option<Self> {
                Self::from_word(text)
            }

            fn allowed() -> String {
                Self::ALL.iter().map(|v| v.as_str()).collect::<Vec<_>>().join(", ")
            }

            fn write_value(&self, out: &mut String) {
                out.push_str(self.as_str());
            }
        }
    };
}
