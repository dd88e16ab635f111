//! From text to tree.
//!
//! What a client sends may be made to do harm, so whatever is read here is
//! bounded: the text, the numbers of elements and attributes, the depth, and
//! the attributes that the search for a namespace passes by. Within these
//! limits a document takes memory in proportion to its text.
//!
//! Against libxml2, which stock libvirt reads with:
//! - the text is UTF-8, whatever encoding it declares, as there; an encoding
//!   that nobody knows is not refused. Other encodings, UTF-16 with its mark
//!   among them, are;
//! - entities may not be declared. The five predefined ones and references to
//!   characters are all there are. A document type without declarations is
//!   ignored, and nothing is ever fetched;
//! - elements nest as deeply, but have fewer attributes.

use std::borrow::Cow;

use oxivirt_core::{Error, ErrorCode, Result};
use quick_xml::Reader;
use quick_xml::events::Event;

use super::tree::{Attribute, Document, Kind, NONE, NodeData, ReadMode};

/// Largest document in bytes.
pub const MAX_SIZE: usize = 16 << 20;
/// Deepest nesting of elements, that of libxml2.
pub const MAX_DEPTH: usize = 257;
/// Most elements, texts and comments of a document together.
pub const MAX_NODES: usize = 1 << 18;
/// Most attributes of one element.
pub const MAX_ATTRIBUTES: usize = 512;
/// Most attributes of an element and those around it together.
const MAX_OPEN_ATTRIBUTES: usize = 1024;

impl<'a> Document<'a> {
    /// Reads a document.
    ///
    /// Errors: `XML_DETAIL` with the line for text that is not well formed,
    /// is too large or too deep, holds characters that XML forbids, or uses
    /// entities other than the five predefined ones.
    pub fn parse(source: &'a str) -> Result<Self> {
        let source = source.strip_prefix('\u{feff}').unwrap_or(source);
        check_text(source)?;
        Builder::new(source).run()
    }

    /// Reads a document from bytes, which must be UTF-8.
    pub fn parse_bytes(bytes: &'a [u8]) -> Result<Self> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::parse(text),
            Err(_) if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") => {
                Err(detail(1, "the text is UTF-16, only UTF-8 is read"))
            }
            Err(error) => {
                let at = error.valid_up_to();
                let line = 1 + bytes.iter().take(at).filter(|b| **b == b'\n').count();
                Err(detail(line, "the text is not valid UTF-8"))
            }
        }
    }
}

fn detail(line: usize, what: impl std::fmt::Display) -> Error {
    Error::new(ErrorCode::XML_DETAIL, clipped(format!("at line {line}: {what}")))
}

/// Refuses what no XML document may hold, before anything is built.
fn check_text(source: &str) -> Result<()> {
    if source.len() > MAX_SIZE {
        return Err(detail(1, format_args!("the document is larger than {MAX_SIZE} bytes")));
    }
    if source.trim().is_empty() {
        return Err(detail(1, "the document is empty"));
    }
    // U+FFFE and U+FFFF are the only others, three bytes that begin with 0xef.
    let suspect = |b: u8| (b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r')) || b == 0xef;
    for (at, _) in source.bytes().enumerate().filter(|(_, b)| suspect(*b)) {
        match source.get(at..).and_then(|rest| rest.chars().next()) {
            Some(c) if !is_character(c) => {
                let what = format!("the character 0x{:02x} is not allowed in XML", u32::from(c));
                return Err(detail(Document::line_at(source, at), what));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether a document may hold the character.
fn is_character(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

/// A message without the megabytes that a name or value may have.
pub(super) fn clipped(mut message: String) -> String {
    if message.len() > LONGEST_MESSAGE {
        message.truncate(message.floor_char_boundary(LONGEST_MESSAGE));
        message.push('…');
    }
    message
}

/// An error whose message is [`clipped`].
pub(crate) fn bounded(error: Error) -> Error {
    match error.detail().len() > LONGEST_MESSAGE {
        true => Error::new(error.code(), clipped(error.detail().to_owned())).in_domain(error.domain()),
        false => error,
    }
}

const LONGEST_MESSAGE: usize = 1024;

/// Room made beforehand; what is larger may well be one long text.
const EXPECTED_NODES: usize = 4096;

struct Builder<'a> {
    doc: Document<'a>,
    current: u32,
    depth: usize,
    /// Attributes of the elements that are open.
    open_attributes: usize,
}

impl<'a> Builder<'a> {
    fn new(source: &'a str) -> Self {
        let doc = Document {
            source,
            nodes: Vec::with_capacity((16 + source.len() / 24).min(EXPECTED_NODES)),
            attrs: Vec::with_capacity((16 + source.len() / 24).min(EXPECTED_NODES)),
            mode: ReadMode::default(),
        };
        Self { doc, current: NONE, depth: 0, open_attributes: 0 }
    }

    fn fail(&self, at: usize, what: impl std::fmt::Display) -> Error {
        detail(Document::line_at(self.doc.source, at), what)
    }

    fn run(mut self) -> Result<Document<'a>> {
        let source = self.doc.source;
        let mut reader = Reader::from_str(source);
        let config = reader.config_mut();
        config.check_comments = true;
        config.check_end_names = true;
        let mut start = 0;
        loop {
            let event = match reader.read_event() {
                Ok(event) => event,
                Err(error) => return Err(self.fail(reader.error_position() as usize, error)),
            };
            let end = reader.buffer_position() as usize;
            match event {
                Event::Start(_) => {
                    self.open(start, source.get(start + 1..end.saturating_sub(1)).unwrap_or_default())?;
                }
                Event::Empty(_) => {
                    self.open(start, source.get(start + 1..end.saturating_sub(2)).unwrap_or_default())?;
                    self.close();
                }
                Event::End(_) => self.close(),
                Event::Text(text) => self.text(start, text.into_inner())?,
                Event::GeneralRef(name) => {
                    let text = self.resolve(start, &name)?;
                    self.append(start, Kind::Text, Cow::Owned(text))?;
                }
                Event::CData(text) => self.append(start, Kind::CData, text.into_inner())?,
                Event::Comment(text) if self.current != NONE => {
                    self.drop_blank();
                    self.push_text(Kind::Comment, start, text.into_inner())?;
                }
                Event::DocType(text) if text.contains('[') => {
                    return Err(self.fail(start, "a document type with declarations is not allowed"));
                }
                Event::Decl(_) if start > 0 => {
                    return Err(self.fail(start, "the XML declaration stands at the start of the document only"));
                }
                Event::Decl(_) | Event::PI(_) | Event::Comment(_) | Event::DocType(_) => {}
                Event::Eof => break,
            }
            start = end;
        }
        if self.current != NONE {
            let node = self.doc.root();
            return Err(self.fail(source.len(), format_args!("element '{}' is not closed", node.qualified_name())));
        }
        if self.doc.nodes.is_empty() {
            return Err(self.fail(source.len(), "there is no element"));
        }
        Ok(self.doc)
    }

    fn open(&mut self, at: usize, tag: &'a str) -> Result<()> {
        if self.current == NONE && !self.doc.nodes.is_empty() {
            return Err(self.fail(at, "extra content after the outermost element"));
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.fail(at, format_args!("elements are nested deeper than {MAX_DEPTH}")));
        }
        self.drop_blank();
        if self.doc.nodes.len() >= MAX_NODES {
            return Err(self.fail(at, format_args!("more than {MAX_NODES} elements")));
        }
        let name_end = tag.find(is_blank).unwrap_or(tag.len());
        let (name, rest) = tag.split_at_checked(name_end).unwrap_or((tag, ""));
        if !is_name(name) {
            return Err(self.fail(at, format_args!("'{name}' is not a valid element name")));
        }
        let first = self.doc.attrs.len() as u32;
        self.attributes(at, rest)?;
        let id = self.push(Kind::Element, at, Cow::Borrowed(name));
        let last = self.doc.attrs.len() as u32;
        self.open_attributes += (last - first) as usize;
        if self.open_attributes > MAX_OPEN_ATTRIBUTES {
            let what = format_args!("more than {MAX_OPEN_ATTRIBUTES} attributes of an element and those around it");
            return Err(self.fail(at, what));
        }
        if let Some(node) = self.doc.nodes.get_mut(id as usize) {
            node.attrs = first..last;
        }
        self.current = id;
        Ok(())
    }

    fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        let Some(node) = self.doc.nodes.get(self.current as usize) else { return };
        self.open_attributes = self.open_attributes.saturating_sub(node.attrs.len());
        self.current = node.parent;
    }

    fn attributes(&mut self, at: usize, text: &'a str) -> Result<()> {
        let first = self.doc.attrs.len();
        let mut rest = text;
        loop {
            let trimmed = rest.trim_start_matches(is_blank);
            if trimmed.is_empty() {
                return Ok(());
            }
            if trimmed.len() == rest.len() {
                return Err(self.fail(at, "a blank is missing between attributes"));
            }
            let Some((name, after)) = trimmed.split_once('=') else {
                return Err(self.fail(at, format_args!("attribute '{}' has no value", trimmed.trim_end())));
            };
            let name = name.trim_end_matches(is_blank);
            if !is_name(name) {
                return Err(self.fail(at, format_args!("'{name}' is not a valid attribute name")));
            }
            let after = after.trim_start_matches(is_blank);
            let quote = match after.chars().next() {
                Some(quote @ ('"' | '\'')) => quote,
                _ => return Err(self.fail(at, format_args!("the value of attribute '{name}' is not quoted"))),
            };
            let Some((value, after)) = after.get(1..).and_then(|v| v.split_once(quote)) else {
                return Err(self.fail(at, format_args!("the value of attribute '{name}' is not closed")));
            };
            if value.contains('<') {
                return Err(self.fail(at, format_args!("'<' is not allowed in the value of attribute '{name}'")));
            }
            let value = self.attribute_value(at, value)?;
            let attrs = self.doc.attrs.get(first..).unwrap_or_default();
            if attrs.iter().any(|a| a.name == name) {
                return Err(self.fail(at, format_args!("attribute '{name}' is given twice")));
            }
            if attrs.len() >= MAX_ATTRIBUTES {
                return Err(self.fail(at, format_args!("more than {MAX_ATTRIBUTES} attributes")));
            }
            self.doc.attrs.push(Attribute { name, value });
            rest = after;
        }
    }

    /// Blanks become spaces and references what they stand for.
    fn attribute_value(&self, at: usize, value: &'a str) -> Result<Cow<'a, str>> {
        if !value.bytes().any(|b| matches!(b, b'&' | b'\n' | b'\t' | b'\r')) {
            return Ok(Cow::Borrowed(value));
        }
        let mut out = String::with_capacity(value.len());
        let mut rest = value;
        while let Some(found) = rest.find(['&', '\n', '\t', '\r']) {
            let (before, tail) = rest.split_at_checked(found).unwrap_or((rest, ""));
            out.push_str(before);
            if let Some(tail) = tail.strip_prefix('&') {
                let Some((name, after)) = tail.split_once(';') else {
                    return Err(self.fail(at, "'&' without ';' in the value of an attribute"));
                };
                out.push_str(&self.resolve(at, name)?);
                rest = after;
            } else {
                out.push(' ');
                rest = tail.strip_prefix("\r\n").or_else(|| tail.get(1..)).unwrap_or_default();
            }
        }
        out.push_str(rest);
        Ok(Cow::Owned(out))
    }

    fn resolve(&self, at: usize, name: &str) -> Result<String> {
        let known = match name {
            "lt" => "<",
            "gt" => ">",
            "amp" => "&",
            "quot" => "\"",
            "apos" => "'",
            _ => {
                let code = match name.strip_prefix('#') {
                    Some(number) => match number.strip_prefix('x') {
                        Some(hex) if hex.bytes().all(|b| b.is_ascii_hexdigit()) => u32::from_str_radix(hex, 16).ok(),
                        None if number.bytes().all(|b| b.is_ascii_digit()) => number.parse().ok(),
                        _ => None,
                    },
                    None => return Err(self.fail(at, format_args!("entity '{name}' is not defined"))),
                };
                return match code.and_then(char::from_u32).filter(|c| is_character(*c)) {
                    Some(c) => Ok(c.to_string()),
                    None => Err(self.fail(at, format_args!("'&{name};' is no character that XML allows"))),
                };
            }
        };
        Ok(known.to_owned())
    }

    fn text(&mut self, at: usize, text: Cow<'a, str>) -> Result<()> {
        if self.current == NONE {
            return match text.trim().is_empty() {
                true => Ok(()),
                false => Err(self.fail(at, "there is text outside of the outermost element")),
            };
        }
        // Line ends are one newline to every reader of XML.
        let text = if text.contains('\r') { Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n")) } else { text };
        let node = self.doc.nodes.get(self.current as usize);
        let first = node.map_or(NONE, |n| n.first);
        let starts_with_text = self.doc.nodes.get(first as usize).is_some_and(|n| n.kind == Kind::Text);
        if first != NONE && !starts_with_text && text.bytes().all(|b| b.is_ascii_whitespace()) {
            let last = node.map_or(NONE, |n| n.last);
            if self.doc.nodes.get(last as usize).is_none_or(|n| n.kind != Kind::Text) {
                return Ok(());
            }
        }
        self.append(at, Kind::Text, text)
    }

    /// Adds text, joined with text that stands directly before it.
    fn append(&mut self, at: usize, kind: Kind, text: Cow<'a, str>) -> Result<()> {
        if self.current == NONE {
            return Err(self.fail(at, "there is text outside of the outermost element"));
        }
        let last = self.doc.nodes.get(self.current as usize).map_or(NONE, |n| n.last);
        match self.doc.nodes.get_mut(last as usize) {
            Some(node) if node.kind == kind && kind == Kind::Text => node.value.to_mut().push_str(&text),
            _ => self.push_text(kind, at, text)?,
        }
        Ok(())
    }

    fn push_text(&mut self, kind: Kind, at: usize, text: Cow<'a, str>) -> Result<()> {
        if self.doc.nodes.len() >= MAX_NODES {
            return Err(self.fail(at, format_args!("more than {MAX_NODES} elements and texts")));
        }
        self.push(kind, at, text);
        Ok(())
    }

    /// Forgets blanks in front of the first child: they only indent.
    fn drop_blank(&mut self) {
        let Some(node) = self.doc.nodes.get_mut(self.current as usize) else { return };
        if node.first == NONE || node.first != node.last || node.first as usize != self.doc.nodes.len() - 1 {
            return;
        }
        let blank = self
            .doc
            .nodes
            .last()
            .is_some_and(|n| n.kind == Kind::Text && n.value.bytes().all(|b| b.is_ascii_whitespace()));
        if blank {
            self.doc.nodes.pop();
            if let Some(node) = self.doc.nodes.get_mut(self.current as usize) {
                (node.first, node.last) = (NONE, NONE);
            }
        }
    }

    fn push(&mut self, kind: Kind, at: usize, value: Cow<'a, str>) -> u32 {
        let id = self.doc.nodes.len() as u32;
        let mut before = NONE;
        if let Some(parent) = self.doc.nodes.get_mut(self.current as usize) {
            before = parent.last;
            parent.last = id;
            if parent.first == NONE {
                parent.first = id;
            }
        }
        if let Some(before) = self.doc.nodes.get_mut(before as usize) {
            before.next = id;
        }
        let parent = self.current;
        self.doc.nodes.push(NodeData {
            kind,
            value,
            attrs: 0..0,
            parent,
            first: NONE,
            last: NONE,
            next: NONE,
            at: at as u32,
        });
        id
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// Whether `name` may name an element or attribute, with at most one prefix.
fn is_name(name: &str) -> bool {
    let start = |c: char| c.is_ascii_alphabetic() || c == '_' || !c.is_ascii();
    let part = |name: &str| {
        name.starts_with(start) && name.chars().all(|c| start(c) || c.is_ascii_digit() || matches!(c, '-' | '.'))
    };
    match name.split_once(':') {
        Some((prefix, local)) => part(prefix) && part(local),
        None => part(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        Document::parse(text).map(|_| ()).expect_err("must be refused").message().to_owned()
    }

    #[test]
    fn text_is_joined_and_entities_resolved() {
        let doc = Document::parse("<a b='1&lt;&#x41;\n2'>x &amp; y<!-- z --><![CDATA[<q>]]></a>").expect("well formed");
        assert_eq!(doc.root().text(), "x & y<q>");
        assert_eq!(doc.root().attr("b"), Some("1<A 2"));
    }

    #[test]
    fn refusals_name_the_line() {
        assert!(refused("<a>\n<b>\n</a>").contains("at line 3"), "{}", refused("<a>\n<b>\n</a>"));
        assert!(refused("<a>\n&nbsp;</a>").contains("at line 2: entity 'nbsp'"));
        assert!(refused("<a>\n\0</a>").contains("at line 2: the character 0x00"));
        assert!(refused("<a x='1' x='2'/>").contains("given twice"));
        assert!(refused("<a x='1'y='2'/>").contains("blank is missing"));
        assert!(refused("<a/><b/>").contains("extra content"));
        assert!(refused("<a>&#0;</a>").contains("no character"));
        assert!(refused("<a>").contains("not closed"));
        assert!(refused("  \n").contains("empty"));
        assert!(refused("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>").contains("document type"));
        assert!(refused(&"<a>".repeat(MAX_DEPTH + 1)).contains("nested deeper"));
        let bytes = Document::parse_bytes(b"<a>\n\xff</a>").map(|_| ()).expect_err("not UTF-8");
        assert_eq!(bytes.code(), ErrorCode::XML_DETAIL);
        assert!(bytes.message().contains("line 2"));
    }

    #[test]
    fn namespaces_resolve_through_any_prefix() {
        let doc = Document::parse("<a xmlns:q='urn:q'><q:b/><b xmlns='urn:d'><c/></b></a>").expect("well formed");
        let mut children = doc.root().children();
        let first = children.next().expect("q:b");
        assert_eq!((first.name(), first.namespace()), ("b", Some("urn:q")));
        let second = children.next().expect("b");
        assert_eq!(second.child("c").and_then(|c| c.namespace()), Some("urn:d"));
        assert_eq!(doc.root().namespace(), None);
    }

    #[test]
    fn errors_name_path_value_and_line() {
        let doc = Document::parse("<domain>\n <memory x='many'/>\n</domain>").expect("well formed");
        let node = doc.root().child("memory").expect("memory");
        let error = node.value::<u32>("x").expect_err("not a number");
        assert_eq!(error.code(), ErrorCode::XML_ERROR);
        assert_eq!(
            error.detail(),
            "line 2: /domain/memory: attribute 'x' has the invalid value 'many', allowed: a number from 0 to 4294967295"
        );
    }
}
