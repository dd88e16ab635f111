//! The trait that joins an element of a document to a Rust value.

use oxivirt_core::Result;

use super::{Node, Writer};

/// A value that is one element of a document.
///
/// The caller owns the element's name: it finds the node by name and opens
/// the element before it asks for the inside.
pub trait Element: Sized {
    /// Reads the value from its element.
    ///
    /// Errors: `XML_ERROR` naming path, value, what was allowed, and line.
    fn parse(node: Node<'_>) -> Result<Self>;

    /// Writes attributes and children into the element that is open.
    fn format(&self, w: &mut Writer);
}

impl<T: Element> Element for Box<T> {
    fn parse(node: Node<'_>) -> Result<Self> {
        T::parse(node).map(Box::new)
    }

    fn format(&self, w: &mut Writer) {
        (**self).format(w);
    }
}
