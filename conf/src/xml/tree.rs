//! The tree of a parsed document.

use std::borrow::Cow;

use oxivirt_core::{Error, ErrorCode, Result};

use super::Value;

/// What kind of text is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadMode {
    /// Run-time facts (alias, ids, labels) are read, as from a live document.
    pub live: bool,
    /// The document is a status file of this daemon.
    pub status: bool,
}

/// A parsed document; it borrows from the text.
#[derive(Debug)]
pub struct Document<'a> {
    pub(super) source: &'a str,
    pub(super) nodes: Vec<NodeData<'a>>,
    pub(super) attrs: Vec<Attribute<'a>>,
    pub(super) mode: ReadMode,
}

/// One attribute as written, entities resolved.
#[derive(Debug)]
pub(super) struct Attribute<'a> {
    pub(super) name: &'a str,
    pub(super) value: Cow<'a, str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Element,
    Text,
    CData,
    Comment,
}

/// Stands for "no such node" in the links of the tree.
pub(super) const NONE: u32 = u32::MAX;

#[derive(Debug)]
pub(super) struct NodeData<'a> {
    pub(super) kind: Kind,
    /// Qualified name of an element, otherwise the text.
    pub(super) value: Cow<'a, str>,
    pub(super) attrs: std::ops::Range<u32>,
    pub(super) parent: u32,
    pub(super) first: u32,
    pub(super) last: u32,
    pub(super) next: u32,
    /// Byte offset in the source, for the line number.
    pub(super) at: u32,
}

/// An element of a [`Document`].
#[derive(Clone, Copy)]
pub struct Node<'d> {
    doc: &'d Document<'d>,
    id: u32,
}

impl<'a> Document<'a> {
    /// The outermost element.
    pub fn root(&self) -> Node<'_> {
        Node { doc: self, id: 0 }
    }

    /// The same document, to be read in another mode.
    pub fn with_mode(mut self, mode: ReadMode) -> Self {
        self.mode = mode;
        self
    }

    /// The line of a byte offset, counted from 1.
    pub(super) fn line_at(source: &str, at: usize) -> usize {
        1 + source.as_bytes().iter().take(at).filter(|b| **b == b'\n').count()
    }
}

impl<'d> Node<'d> {
    fn data(&self) -> &'d NodeData<'d> {
        // A `Node` is only made from ids of its own document.
        &self.doc.nodes[self.id as usize]
    }

    fn attributes(&self) -> &'d [Attribute<'d>] {
        let range = &self.data().attrs;
        self.doc.attrs.get(range.start as usize..range.end as usize).unwrap_or_default()
    }

    /// How the document is being read.
    pub fn mode(&self) -> ReadMode {
        self.doc.mode
    }

    /// The name as written, with its prefix.
    pub fn qualified_name(&self) -> &'d str {
        &self.data().value
    }

    /// The name without prefix.
    pub fn name(&self) -> &'d str {
        let name = self.qualified_name();
        name.rsplit_once(':').map_or(name, |(_, local)| local)
    }

    /// The prefix, `None` when there is none.
    pub fn prefix(&self) -> Option<&'d str> {
        self.qualified_name().rsplit_once(':').map(|(prefix, _)| prefix)
    }

    /// The namespace that the element's prefix (or its absence) stands for.
    pub fn namespace(&self) -> Option<&'d str> {
        self.namespace_of(self.prefix())
    }

    /// The namespace a prefix stands for at this place.
    pub fn namespace_of(&self, prefix: Option<&str>) -> Option<&'d str> {
        if prefix == Some("xml") {
            return Some("http://www.w3.org/XML/1998/namespace");
        }
        let mut at = Some(*self);
        while let Some(node) = at {
            for attr in node.attributes() {
                let declared = match attr.name.strip_prefix("xmlns") {
                    Some("") => None,
                    Some(rest) => match rest.strip_prefix(':') {
                        Some(name) => Some(name),
                        None => continue,
                    },
                    None => continue,
                };
                if declared == prefix {
                    return Some(&*attr.value).filter(|uri| !uri.is_empty());
                }
            }
            at = node.parent();
        }
        None
    }

    /// The enclosing element.
    pub fn parent(&self) -> Option<Node<'d>> {
        let parent = self.data().parent;
        (parent != NONE).then_some(Node { doc: self.doc, id: parent })
    }

    /// The value of an attribute, by its name as written.
    pub fn attr(&self, name: &str) -> Option<&'d str> {
        self.attributes().iter().find(|a| a.name == name).map(|a| &*a.value)
    }

    /// All attributes in order, namespace declarations included.
    pub fn attrs(&self) -> impl Iterator<Item = (&'d str, &'d str)> + use<'d> {
        self.attributes().iter().map(|a| (a.name, &*a.value))
    }

    /// The child elements in order.
    pub fn children(&self) -> Children<'d> {
        Children { doc: self.doc, next: self.data().first }
    }

    /// The first child element called `name` (no prefix).
    pub fn child(&self, name: &str) -> Option<Node<'d>> {
        self.children().find(|c| c.qualified_name() == name)
    }

    /// All child elements called `name` (no prefix), in order.
    pub fn children_named<'n>(&self, name: &'n str) -> impl Iterator<Item = Node<'d>> + use<'d, 'n> {
        self.children().filter(move |c| c.qualified_name() == name)
    }

    /// The text directly inside this element.
    pub fn text(&self) -> Cow<'d, str> {
        let mut found: Cow<'d, str> = Cow::Borrowed("");
        let mut next = self.data().first;
        while let Some(data) = self.doc.nodes.get(next as usize) {
            if matches!(data.kind, Kind::Text | Kind::CData) {
                if found.is_empty() {
                    found = Cow::Borrowed(&data.value);
                } else {
                    found.to_mut().push_str(&data.value);
                }
            }
            next = data.next;
        }
        found
    }

    /// The text of the first child called `name`.
    pub fn child_text(&self, name: &str) -> Option<Cow<'d, str>> {
        self.child(name).map(|c| c.text())
    }

    /// The line of the element's start, counted from 1.
    pub fn line(&self) -> usize {
        Document::line_at(self.doc.source, self.data().at as usize)
    }

    /// The names from the root down, as `/domain/devices/disk`.
    pub fn path(&self) -> String {
        let mut names = Vec::new();
        let mut at = Some(*self);
        while let Some(node) = at {
            names.push(node.qualified_name());
            at = node.parent();
        }
        names.iter().rev().fold(String::new(), |path, name| path + "/" + name)
    }

    /// Everything inside in order: elements, texts, comments.
    pub(super) fn contents(&self) -> impl Iterator<Item = (Kind, &'d str, Node<'d>)> + use<'d> {
        let doc = self.doc;
        let mut next = self.data().first;
        std::iter::from_fn(move || {
            let data = doc.nodes.get(next as usize)?;
            let node = Node { doc, id: next };
            next = data.next;
            Some((data.kind, &*data.value, node))
        })
    }

    /// An error about this element: code `XML_ERROR`, path and line added.
    pub fn error(&self, what: impl std::fmt::Display) -> Error {
        self.error_coded(ErrorCode::XML_ERROR, what)
    }

    /// As [`Node::error`], with another code.
    pub fn error_coded(&self, code: ErrorCode, what: impl std::fmt::Display) -> Error {
        let message = format!("line {}: {}: {what}", self.line(), self.path());
        Error::new(code, super::read::clipped(message))
    }

    /// As [`Node::error_coded`], with `[2]` or the like behind the path.
    pub fn error_at(&self, nth: &str, code: ErrorCode, what: &str) -> Error {
        let message = format!("line {}: {}{nth}: {what}", self.line(), self.path());
        Error::new(code, super::read::clipped(message))
    }

    /// The error for an attribute with a value that is not allowed.
    pub fn bad_attr(&self, name: &str, value: &str, allowed: &str) -> Error {
        self.error(format_args!("attribute '{name}' has the invalid value '{value}', allowed: {allowed}"))
    }

    /// The error for a text that is not allowed.
    pub fn bad_text(&self, value: &str, allowed: &str) -> Error {
        self.error(format_args!("invalid value '{value}', allowed: {allowed}"))
    }

    /// The error for a required attribute that is not there.
    pub fn missing_attr(&self, name: &str) -> Error {
        self.error(format_args!("missing attribute '{name}'"))
    }

    /// The error for a required child that is not there.
    pub fn missing_child(&self, name: &str) -> Error {
        self.error(format_args!("missing element '{name}'"))
    }

    /// An attribute's value, `None` when absent.
    pub fn value<T: Value>(&self, name: &str) -> Result<Option<T>> {
        match self.attr(name) {
            None => Ok(None),
            Some(text) => match T::parse_value(text) {
                Some(value) => Ok(Some(value)),
                None => Err(self.bad_attr(name, text, &T::allowed())),
            },
        }
    }

    /// An attribute's value; absent is an error.
    pub fn require<T: Value>(&self, name: &str) -> Result<T> {
        self.value(name)?.ok_or_else(|| self.missing_attr(name))
    }

    /// The element's text as a value.
    pub fn text_value<T: Value>(&self) -> Result<T> {
        let text = self.text();
        T::parse_value(&text).or_else(|| T::parse_value(text.trim())).ok_or_else(|| self.bad_text(&text, &T::allowed()))
    }

    /// An attribute's value where hexadecimal numbers are not understood.
    pub fn decimal<T: Value>(&self, name: &str) -> Result<Option<T>> {
        match self.attr(name) {
            Some(text) if is_hexadecimal(text) => Err(self.bad_attr(name, text, "a decimal number")),
            _ => self.value(name),
        }
    }

    /// The element's text where hexadecimal numbers are not understood.
    pub fn decimal_text<T: Value>(&self) -> Result<T> {
        let text = self.text();
        if is_hexadecimal(&text) {
            return Err(self.bad_text(&text, "a decimal number"));
        }
        self.text_value()
    }

    /// The text of the first child called `name` as a value.
    pub fn child_value<T: Value>(&self, name: &str) -> Result<Option<T>> {
        self.child(name).map(|c| c.text_value()).transpose()
    }

    /// The first child called `name`, read as an element.
    pub fn child_element<T: super::Element>(&self, name: &str) -> Result<Option<T>> {
        self.child(name).map(T::parse).transpose()
    }

    /// All children called `name`, read as elements.
    pub fn child_elements<T: super::Element>(&self, name: &str) -> Result<Vec<T>> {
        // Of the exact size: definitions are kept for long and rarely grow.
        let mut found = Vec::with_capacity(self.children_named(name).count());
        for child in self.children_named(name) {
            found.push(T::parse(child)?);
        }
        Ok(found)
    }
}

fn is_hexadecimal(text: &str) -> bool {
    let text = text.trim_start();
    text.starts_with("0x") || text.starts_with("0X")
}

impl std::fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Node({})", self.path())
    }
}

/// The child elements of a [`Node`].
#[derive(Clone)]
pub struct Children<'d> {
    doc: &'d Document<'d>,
    next: u32,
}

impl<'d> Iterator for Children<'d> {
    type Item = Node<'d>;

    fn next(&mut self) -> Option<Node<'d>> {
        loop {
            let data = self.doc.nodes.get(self.next as usize)?;
            let id = self.next;
            self.next = data.next;
            if data.kind == Kind::Element {
                return Some(Node { doc: self.doc, id });
            }
        }
    }
}
