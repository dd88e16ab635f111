//! Elements that are kept as they are.

use std::collections::BTreeMap;

use oxivirt_core::Result;

use super::escape::{push_libxml_attribute, push_libxml_text};
use super::tree::Kind;
use super::{Document, Element, Node, ReadMode, WriteMode, Writer};

/// An element of which nothing is known; it survives unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RawElement {
    /// The name with its prefix.
    pub name: String,
    /// Namespace declarations first, then the attributes, in order.
    pub attrs: Vec<(String, String)>,
    /// What is inside, in order.
    pub children: Vec<RawNode>,
}

/// A part of a [`RawElement`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RawNode {
    /// An element.
    Element(RawElement),
    /// Character data.
    Text(String),
    /// Character data in a CDATA section.
    CData(String),
    /// A comment, kept because people write notes there.
    Comment(String),
}

impl RawElement {
    /// Copies an element with everything inside. Namespaces that are declared
    /// further out and used here are declared on the copy.
    pub fn copy(node: Node<'_>) -> Self {
        let mut missing = BTreeMap::new();
        let mut raw = Self::copy_inner(node, node, &mut missing);
        let mut attrs: Vec<_> = missing.into_iter().collect();
        attrs.append(&mut raw.attrs);
        raw.attrs = attrs;
        raw
    }

    fn copy_inner(node: Node<'_>, top: Node<'_>, missing: &mut BTreeMap<String, String>) -> Self {
        let mut declared = Vec::new();
        let mut plain = Vec::new();
        for (name, value) in node.attrs() {
            let list = if is_declaration(name) { &mut declared } else { &mut plain };
            list.push((name.to_owned(), value.to_owned()));
        }
        let mut need = |prefix: Option<&str>| {
            let name = prefix.map_or("xmlns".to_owned(), |p| format!("xmlns:{p}"));
            let outside = top.parent().and_then(|p| p.namespace_of(prefix));
            if prefix != Some("xml")
                && let Some(uri) = node.namespace_of(prefix)
                && outside == Some(uri)
                && !declared_inside(node, top, &name)
            {
                missing.insert(name, uri.to_owned());
            }
        };
        need(node.prefix());
        for (name, _) in &plain {
            if let Some((prefix, _)) = name.split_once(':') {
                need(Some(prefix));
            }
        }
        declared.append(&mut plain);
        declared.shrink_to_fit();
        let children = node
            .contents()
            .map(|(kind, text, child)| match kind {
                Kind::Element => RawNode::Element(Self::copy_inner(child, top, missing)),
                Kind::Text => RawNode::Text(text.to_owned()),
                Kind::CData => RawNode::CData(text.to_owned()),
                Kind::Comment => RawNode::Comment(text.to_owned()),
            })
            .collect();
        Self { name: node.qualified_name().to_owned(), attrs: declared, children }
    }

    /// The value that the element stands for, read as in a status file.
    ///
    /// Errors: those of `T`, with lines counted inside of the element.
    pub fn read_as<T: Element>(&self) -> Result<T> {
        let mut w = Writer::new(WriteMode::default());
        w.element(&self.name, self);
        let text = w.finish();
        let document = Document::parse(&text)?.with_mode(ReadMode { live: true, status: true });
        T::parse(document.root())
    }

    /// The element `name` of a value, printed as into a status file.
    pub fn of_value<T: Element>(name: &str, value: &T) -> Result<Self> {
        let mut w = Writer::new(WriteMode { live: true, secure: true, status: true, ..WriteMode::default() });
        w.element(name, value);
        let text = w.finish();
        Ok(Self::copy(Document::parse(&text)?.root()).without_blanks())
    }

    /// Without the blanks between elements, which printing puts in anyway.
    fn without_blanks(mut self) -> Self {
        if self.elements().next().is_some() {
            self.children.retain(|child| !matches!(child, RawNode::Text(text) if text.trim().is_empty()));
        }
        for child in &mut self.children {
            if let RawNode::Element(element) = child {
                *element = std::mem::take(element).without_blanks();
            }
        }
        self
    }

    /// The value of an attribute.
    pub fn attr(&self, name: &str) -> Option<&str> {
        self.attrs.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The child elements in order.
    pub fn elements(&self) -> impl Iterator<Item = &RawElement> {
        self.children.iter().filter_map(|c| match c {
            RawNode::Element(e) => Some(e),
            _ => None,
        })
    }

    /// The URI of the element's own namespace, where it declares it itself.
    pub fn declared_namespace(&self) -> Option<&str> {
        match self.name.split_once(':') {
            Some((prefix, _)) => {
                self.attrs.iter().find(|(n, _)| n.strip_prefix("xmlns:") == Some(prefix)).map(|(_, v)| v.as_str())
            }
            None => self.attr("xmlns"),
        }
    }

    /// Prints the element in the form libxml2 gives it, at the writer's place.
    pub fn write_libxml(&self, w: &mut Writer) {
        w.verbatim(|out, level| self.print(out, level, true));
    }

    fn print(&self, out: &mut String, level: usize, indent: bool) {
        out.push('<');
        out.push_str(&self.name);
        let (declared, plain): (Vec<_>, Vec<_>) = self.attrs.iter().partition(|(n, _)| is_declaration(n));
        for (name, value) in declared.into_iter().chain(plain) {
            out.push(' ');
            out.push_str(name);
            out.push_str("=\"");
            push_libxml_attribute(out, value);
            out.push('"');
        }
        if self.children.is_empty() {
            out.push_str("/>");
            return;
        }
        out.push('>');
        let indent = indent && !self.children.iter().any(|c| matches!(c, RawNode::Text(_) | RawNode::CData(_)));
        for child in &self.children {
            if indent {
                new_line(out, level + 1);
            }
            match child {
                RawNode::Element(element) => element.print(out, level + 1, indent),
                RawNode::Text(text) => push_libxml_text(out, text),
                RawNode::CData(text) => {
                    out.push_str("<![CDATA[");
                    out.push_str(text);
                    out.push_str("]]>");
                }
                RawNode::Comment(text) => {
                    out.push_str("<!--");
                    out.push_str(text);
                    out.push_str("-->");
                }
            }
        }
        if indent {
            new_line(out, level);
        }
        out.push_str("</");
        out.push_str(&self.name);
        out.push('>');
    }
}

fn new_line(out: &mut String, level: usize) {
    out.push('\n');
    for _ in 0..level {
        out.push_str("  ");
    }
}

fn is_declaration(name: &str) -> bool {
    name == "xmlns" || name.starts_with("xmlns:")
}

/// Whether `name` is declared between `node` and `top`, both included.
fn declared_inside(node: Node<'_>, top: Node<'_>, name: &str) -> bool {
    let levels = |n: Node<'_>| std::iter::successors(Some(n), Node::parent).count();
    let inside = levels(node).saturating_sub(levels(top)) + 1;
    std::iter::successors(Some(node), Node::parent).take(inside).any(|n| n.attr(name).is_some())
}

impl Element for RawElement {
    fn parse(node: Node<'_>) -> Result<Self> {
        Ok(Self::copy(node))
    }

    /// Prints in libvirt's style; text beside elements is joined in front.
    fn format(&self, w: &mut Writer) {
        for (name, value) in &self.attrs {
            w.attr_str(name, value);
        }
        let mut text = String::new();
        for child in &self.children {
            if let RawNode::Text(t) | RawNode::CData(t) = child {
                text.push_str(t);
            }
        }
        let mut elements = self.elements().peekable();
        if elements.peek().is_none() && !text.is_empty() {
            w.text_str(&text);
        }
        for element in elements {
            w.element(&element.name, element);
        }
    }
}
