//! What clients write on a domain: title, description, and each program's
//! element of `<metadata>`, put in, found and taken out by its namespace.

use oxivirt_core::constants::DomainMetadataType as Type;
use oxivirt_core::{Error, ErrorCode, ErrorDomain, Result};

use super::DomainDefinition;
use crate::xml::{Document, RawElement, RawNode, WriteMode, Writer};

/// Declarations in force, the innermost last.
type Scope<'a> = Vec<&'a [(String, String)]>;

/// What a client wants to have written on a domain.
#[derive(Debug, Clone, Copy)]
pub struct MetadataChange<'a> {
    /// Title, description or element.
    pub kind: Type,
    /// What to write; nothing takes out what is there.
    pub text: Option<&'a str>,
    /// The prefix of an element's namespace.
    pub key: Option<&'a str>,
    /// The namespace of an element.
    pub uri: Option<&'a str>,
}

impl<'a> MetadataChange<'a> {
    /// Refuses what is wrong for any domain; `wrong` makes the error from
    /// the name of an argument and what is wrong with it.
    pub fn check(&self, wrong: impl Fn(&str, &str) -> Error) -> Result<()> {
        if self.kind == Type::TITLE && self.text.is_some_and(|title| title.contains('\n')) {
            return Err(wrong("metadata", "metadata title can't contain newlines"));
        }
        Ok(())
    }

    /// Writes it on a definition, or fails and changes nothing.
    ///
    /// Errors: those of `wrong`, as for [`MetadataChange::check`], for an
    /// element without namespace or prefix; `INVALID_ARG` for another type;
    /// those of [`DomainDefinition::set_metadata_element`].
    pub fn apply(&self, definition: &mut DomainDefinition, wrong: impl Fn(&str, &str) -> Error) -> Result<()> {
        let text = || self.text.filter(|text| !text.is_empty()).map(str::to_owned);
        match self.kind {
            Type::DESCRIPTION => definition.description = text(),
            Type::TITLE => definition.title = text(),
            Type::ELEMENT => {
                let uri = self.uri.filter(|uri| !uri.is_empty());
                let uri = uri.ok_or_else(|| wrong("uri", "uri in virDomainSetMetadata must not be NULL"))?;
                if self.text.is_some() && self.key.is_none() {
                    return Err(wrong("key", "key in virDomainSetMetadata must not be NULL"));
                }
                definition.set_metadata_element(uri, self.key.unwrap_or_default(), self.text)?;
            }
            unknown => return Err(unknown_type(unknown)),
        }
        Ok(())
    }

    /// The namespace that changes, if it is an element that does.
    pub fn namespace(&self) -> Option<&'a str> {
        self.uri.filter(|_| self.kind == Type::ELEMENT)
    }
}

impl DomainDefinition {
    /// Title, description, or the element in the namespace `uri`.
    ///
    /// Errors: `NO_DOMAIN_METADATA` when there is none; `INVALID_ARG` for
    /// another type. Neither has an error domain.
    pub fn metadata_text(&self, kind: Type, uri: Option<&str>) -> Result<String> {
        let found = match kind {
            Type::DESCRIPTION => self.description.clone(),
            Type::TITLE => self.title.clone(),
            Type::ELEMENT => self.metadata_element(uri.unwrap_or_default()),
            unknown => return Err(unknown_type(unknown)),
        };
        found.ok_or_else(|| Error::new(ErrorCode::NO_DOMAIN_METADATA, "Requested metadata element is not present"))
    }

    /// The element of `<metadata>` in the namespace `uri`, printed without
    /// that namespace; `None` when there is none.
    pub fn metadata_element(&self, uri: &str) -> Option<String> {
        element(self.metadata.as_deref()?, uri)
    }

    /// Puts an element into `<metadata>` in place of what has the namespace
    /// `uri`, or takes that out when `xml` is absent.
    ///
    /// * `key` – the prefix of the namespace; elements without any get it.
    /// * Errors: `XML_DETAIL` for text that is not one element; `INTERNAL_ERROR`
    ///   for a prefix that is none or means something else in the element.
    pub fn set_metadata_element(&mut self, uri: &str, key: &str, xml: Option<&str>) -> Result<()> {
        set_element(&mut self.metadata, uri, key, xml)
    }
}

/// The element of a `<metadata>` in the namespace `uri`, printed without that
/// namespace; `None` when there is none.
pub(crate) fn element(metadata: &RawElement, uri: &str) -> Option<String> {
    let scope = vec![metadata.attrs.as_slice()];
    let mut element = metadata.elements().find(|element| namespace(element, &scope) == Some(uri))?.clone();
    strip(&mut element, uri);
    let mut w = Writer::new(WriteMode::default());
    element.write_libxml(&mut w);
    let mut text = w.finish();
    text.truncate(text.trim_end_matches('\n').len());
    Some(text)
}

/// As [`DomainDefinition::set_metadata_element`], for any `<metadata>`.
pub(crate) fn set_element(place: &mut Option<Box<RawElement>>, uri: &str, key: &str, xml: Option<&str>) -> Result<()> {
    let element = match xml {
        Some(xml) => Some(foreign(uri, key, xml)?),
        None => None,
    };
    let mut metadata =
        place.take().unwrap_or_else(|| Box::new(RawElement { name: "metadata".to_owned(), ..RawElement::default() }));
    let RawElement { attrs, children, .. } = &mut *metadata;
    children.retain(|child| match child {
        RawNode::Element(element) => namespace(element, &vec![attrs.as_slice()]) != Some(uri),
        _ => true,
    });
    children.extend(element.map(RawNode::Element));
    let filled = metadata.elements().next().is_some();
    *place = filled.then_some(metadata);
    Ok(())
}

fn unknown_type(unknown: Type) -> Error {
    Error::invalid_arg(format!("unknown metadata type '{}'", unknown.0))
}

/// Reads an element and moves what is in no namespace into `uri`.
fn foreign(uri: &str, key: &str, xml: &str) -> Result<RawElement> {
    let refused = |what: &str| Err(Error::internal(what).in_domain(ErrorDomain::XML));
    let mut letters = key.chars();
    let starts = letters.next().is_some_and(|first| first.is_alphabetic() || first == '_');
    if !starts || !letters.all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.')) {
        return refused("failed to validate prefix for a new XML namespace");
    }
    let mut element = RawElement::copy(Document::parse(xml)?.root());
    let declaration = format!("xmlns:{key}");
    if element.attr(&declaration).is_some() {
        return refused("failed to create a new XML namespace");
    }
    prefix(&mut element, key, false);
    let place = element.attrs.iter().take_while(|(name, _)| name == "xmlns" || name.starts_with("xmlns:")).count();
    element.attrs.insert(place, (declaration, uri.to_owned()));
    Ok(element)
}

/// Gives a prefix to every element that is in no namespace.
fn prefix(element: &mut RawElement, key: &str, default_outside: bool) {
    let default = element.attr("xmlns").map_or(default_outside, |uri| !uri.is_empty());
    if !default && !element.name.contains(':') {
        element.name = format!("{key}:{}", element.name);
    }
    for child in &mut element.children {
        if let RawNode::Element(child) = child {
            prefix(child, key, default);
        }
    }
}

/// Takes the namespace `uri` from an element and everything in it.
fn strip(element: &mut RawElement, uri: &str) {
    fn inner(element: &mut RawElement, uri: &str, known: &[String]) {
        let mut prefixes = known.to_vec();
        for (name, value) in &element.attrs {
            let Some(prefix) = name.strip_prefix("xmlns:") else { continue };
            prefixes.retain(|known| known != prefix);
            if value == uri {
                prefixes.push(prefix.to_owned());
            }
        }
        if let Some((prefix, local)) = element.name.split_once(':')
            && prefixes.iter().any(|known| known == prefix)
        {
            let declaration = format!("xmlns:{prefix}");
            element.attrs.retain(|(name, _)| *name != declaration);
            element.name = local.to_owned();
        }
        element.attrs.retain(|(name, value)| name != "xmlns" || value != uri);
        for child in &mut element.children {
            if let RawNode::Element(child) = child {
                inner(child, uri, &prefixes);
            }
        }
    }
    // The prefix may be declared further out, on `<metadata>` itself.
    let own: Vec<String> = element.name.split_once(':').map(|(prefix, _)| prefix.to_owned()).into_iter().collect();
    inner(element, uri, &own);
}

/// The namespace of an element.
fn namespace<'a>(element: &'a RawElement, scope: &Scope<'a>) -> Option<&'a str> {
    let declaration = match element.name.split_once(':') {
        Some((prefix, _)) => format!("xmlns:{prefix}"),
        None => "xmlns".to_owned(),
    };
    let levels = std::iter::once(element.attrs.as_slice()).chain(scope.iter().rev().copied());
    let mut declared = levels.flat_map(|attrs| attrs.iter().filter(|(name, _)| *name == declaration));
    declared.next().map(|(_, uri)| uri.as_str()).filter(|uri| !uri.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const URI: &str = "http://x";

    fn stored(def: &DomainDefinition) -> String {
        let mut w = Writer::new(WriteMode::default());
        if let Some(metadata) = &def.metadata {
            metadata.write_libxml(&mut w);
        }
        w.finish()
    }

    #[test]
    fn an_element_goes_in_and_comes_out() {
        for (xml, inside) in [
            ("<foo/>", "<k:foo xmlns:k=\"http://x\"/>"),
            ("<foo a=\"1\">\n  <bar/>\n</foo>", "<k:foo xmlns:k=\"http://x\" a=\"1\">"),
            (
                "<foo>text &amp; <b c=\"d'e\">x</b></foo>",
                "<k:foo xmlns:k=\"http://x\">text &amp; <k:b c=\"d'e\">x</k:b></k:foo>",
            ),
            ("<foo><![CDATA[x<y]]></foo>", "<k:foo xmlns:k=\"http://x\"><![CDATA[x<y]]></k:foo>"),
        ] {
            let mut def = DomainDefinition::default();
            def.set_metadata_element(URI, "k", Some(xml)).expect(xml);
            assert!(stored(&def).contains(inside), "{}", stored(&def));
            assert_eq!(def.metadata_element(URI).as_deref(), Some(xml));
            assert_eq!(def.metadata_element("http://y"), None);
            def.set_metadata_element(URI, "k", None).expect("goes");
            assert_eq!(def.metadata, None);
        }
    }

    #[test]
    fn a_second_element_replaces_the_first_and_leaves_others() {
        let mut def = DomainDefinition::default();
        def.set_metadata_element("http://y", "y", Some("<other/>")).expect("goes in");
        def.set_metadata_element(URI, "k", Some("<first/>")).expect("goes in");
        def.set_metadata_element(URI, "q", Some("<second/>")).expect("goes in");
        assert_eq!(
            stored(&def),
            "<metadata>\n  <y:other xmlns:y=\"http://y\"/>\n  <q:second xmlns:q=\"http://x\"/>\n</metadata>\n"
        );
    }

    #[test]
    fn other_namespaces_stay() {
        let mut def = DomainDefinition::default();
        let xml = "<foo xmlns:w=\"http://w\"><w:bar/><in xmlns=\"http://d\"/></foo>";
        def.set_metadata_element(URI, "k", Some(xml)).expect("goes in");
        let text = def.metadata_element(URI).expect("is there");
        assert!(
            text.contains("<w:bar/>") && text.contains("<in xmlns=\"http://d\"/>") && text.starts_with("<foo "),
            "{text}"
        );
    }

    #[test]
    fn what_is_no_element_or_no_prefix_is_refused_and_changes_nothing() {
        let mut def = DomainDefinition::default();
        def.set_metadata_element(URI, "k", Some("<first/>")).expect("goes in");
        for (key, xml) in [
            ("k", "<foo"),
            ("k", "text"),
            ("k", ""),
            ("k", "<a/><b/>"),
            ("1k", "<a/>"),
            ("", "<a/>"),
            ("k", "<a xmlns:k='v'/>"),
        ] {
            assert!(def.set_metadata_element(URI, key, Some(xml)).is_err(), "{key} {xml}");
            assert_eq!(def.metadata_element(URI).as_deref(), Some("<first/>"));
        }
    }
}
