//! What a document says about the object that it describes.
//!
//! Drivers read the same text later, with a reader that knows far more. So that
//! both surely mean the same object, whatever could be read in two ways is
//! refused here.

use std::collections::HashMap;

use oxivirt_core::constants::SecretUsageType;
use oxivirt_core::types::Uuid;
use oxivirt_core::{Error, Result};
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use super::object::Kind;

/// The parts of a document that tell which object it is.
#[derive(Debug, Default)]
pub(super) struct Parts(HashMap<&'static str, String>);

/// Places of these parts below the root: `element`, `element/element`, each
/// with `@attribute` behind it or standing for its text.
fn places(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Interface => &["@name", "mac@address"],
        Kind::NwFilter => &["@name", "uuid"],
        Kind::NwFilterBinding => &["portdev@name", "link@dev", "filterref@filter"],
        Kind::Secret => &["uuid", "usage@type", "usage/volume", "usage/name", "usage/target"],
        _ => &["name", "uuid"],
    }
}

impl Parts {
    /// Reads a document.
    ///
    /// Errors: `XML_ERROR` for what is not well formed, or says twice which object it is.
    pub(super) fn read(kind: Kind, xml: &str) -> Result<Self> {
        let mut parts = Self::default();
        let mut reader = Reader::from_str(xml);
        reader.config_mut().check_end_names = true;
        let mut open: Vec<String> = Vec::new();
        // The part whose text is being read.
        let mut text: Option<(&'static str, String)> = None;
        let mut roots = 0;
        loop {
            let event = reader.read_event().map_err(|error| Error::xml(error.to_string()))?;
            if text.is_some() && !matches!(event, Event::Text(_) | Event::GeneralRef(_) | Event::End(_)) {
                return Err(Error::xml("the name of an object is plain text"));
            }
            match event {
                Event::Start(start) | Event::Empty(start) if open.is_empty() && roots > 0 => {
                    let name = start.local_name().into_inner();
                    return Err(Error::xml(format!("a second document begins with <{name}>")));
                }
                Event::Start(start) => {
                    roots += usize::from(open.is_empty());
                    open.push(start.local_name().into_inner().to_owned());
                    parts.attributes(kind, &open, &start)?;
                    text = place(kind, &open, "").map(|place| (place, String::new()));
                }
                Event::Empty(start) => {
                    roots += usize::from(open.is_empty());
                    open.push(start.local_name().into_inner().to_owned());
                    parts.attributes(kind, &open, &start)?;
                    if let Some(place) = place(kind, &open, "") {
                        parts.put(place, String::new())?;
                    }
                    open.pop();
                }
                Event::End(_) => {
                    open.pop();
                    if let Some((place, text)) = text.take() {
                        parts.put(place, text)?;
                    }
                }
                Event::Text(more) => {
                    if let Some((_, text)) = &mut text {
                        text.push_str(&more.into_inner());
                    }
                }
                Event::GeneralRef(name) => {
                    if let Some((_, text)) = &mut text {
                        let raw = format!("&{};", name.into_inner());
                        text.push_str(
                            &quick_xml::escape::unescape(&raw).map_err(|error| Error::xml(error.to_string()))?,
                        );
                    }
                }
                Event::DocType(text) if text.contains('[') => {
                    return Err(Error::xml("a document type with declarations is not allowed"));
                }
                Event::Eof if open.is_empty() && roots == 1 => return Ok(parts),
                Event::Eof => return Err(Error::xml("the document ends early")),
                _ => {}
            }
        }
    }

    fn attributes(&mut self, kind: Kind, open: &[String], start: &BytesStart<'_>) -> Result<()> {
        if open.len() > DEPTH_MAX {
            return Ok(());
        }
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| Error::xml(error.to_string()))?;
            if let Some(place) = place(kind, open, attribute.key.local_name().into_inner()) {
                let value = attribute.normalized_value(XmlVersion::Implicit1_0);
                self.put(place, value.map_err(|error| Error::xml(error.to_string()))?.into_owned())?;
            }
        }
        Ok(())
    }

    fn put(&mut self, place: &'static str, value: String) -> Result<()> {
        if value.trim() != value && place != "uuid" || value.contains(|c: char| c.is_control() && place != "uuid") {
            return Err(Error::xml(format!("'{place}' has blanks around it or control characters: '{value}'")));
        }
        match self.0.insert(place, value) {
            None => Ok(()),
            Some(_) => Err(Error::xml(format!("'{place}' is given twice"))),
        }
    }

    /// A part, empty where the document has none.
    pub(super) fn text(&self, place: &str) -> &str {
        self.0.get(place).map_or("", String::as_str)
    }

    /// The uuid, if there is one.
    ///
    /// Errors: `XML_ERROR` for one that is malformed.
    pub(super) fn uuid(&self) -> Result<Option<Uuid>> {
        match self.0.get("uuid") {
            None => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| Error::xml(format!("malformed uuid element '{text}'"))),
        }
    }

    /// What a secret is for.
    pub(super) fn usage(&self) -> (SecretUsageType, &str) {
        match self.text("usage@type") {
            "volume" => (SecretUsageType::VOLUME, self.text("usage/volume")),
            "ceph" => (SecretUsageType::CEPH, self.text("usage/name")),
            "iscsi" => (SecretUsageType::ISCSI, self.text("usage/target")),
            "tls" => (SecretUsageType::TLS, self.text("usage/name")),
            "vtpm" => (SecretUsageType::VTPM, self.text("usage/name")),
            _ => (SecretUsageType::NONE, ""),
        }
    }
}

/// Elements around a part, the root among them.
const DEPTH_MAX: usize = 3;

/// The place that open elements and an attribute are, if it is wanted.
fn place(kind: Kind, open: &[String], attribute: &str) -> Option<&'static str> {
    if open.len() > DEPTH_MAX {
        return None;
    }
    let mut here = open.get(1..)?.join("/");
    if !attribute.is_empty() {
        here = format!("{here}@{attribute}");
    }
    places(kind).iter().copied().find(|place| *place == here)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_where_they_belong() {
        let xml = "<?xml version='1.0'?>\n<!-- <name>no</name> -->\n<domain type='test' xmlns:x='u'>\n\
                   <name>a&amp;b&#x43;</name><os><name>no</name></os><x:extra><name>no</name></x:extra>\
                   <uuid>\n 4DEA22B3-1D52-d8f3-2516782e98ab-23fa </uuid></domain>";
        let parts = Parts::read(Kind::Domain, xml).expect("well formed");
        assert_eq!(parts.text("name"), "a&bC");
        assert_eq!(uuid(&parts), "4dea22b3-1d52-d8f3-2516-782e98ab23fa");
        let parts = Parts::read(Kind::Domain, "<domain/>").expect("well formed");
        assert_eq!((parts.text("name"), parts.uuid().expect("none")), ("", None));
        let xml = "<interface type='bridge' name='br0'><mac address='52:54:00:aa:bb:cc'/>\
                   <bridge><interface name='eth0'><mac address='no'/></interface></bridge></interface>";
        let parts = Parts::read(Kind::Interface, xml).expect("well formed");
        assert_eq!((parts.text("@name"), parts.text("mac@address")), ("br0", "52:54:00:aa:bb:cc"));
        let xml = "<secret><usage type='iscsi'><target>disk</target></usage></secret>";
        let parts = Parts::read(Kind::Secret, xml).expect("well formed");
        assert_eq!(parts.usage(), (SecretUsageType::ISCSI, "disk"));
    }

    fn uuid(parts: &Parts) -> String {
        parts.uuid().expect("well formed").expect("there").to_string()
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for xml in [
            "",
            "text",
            "<domain><name>a</name>",
            "<domain><name>a</name></network>",
            "<domain><name>a</name><name>b</name></domain>",
            "<domain><name>a</name><x:name>b</x:name></domain>",
            "<domain><name/><name>b</name></domain>",
            "<domain><name> a</name></domain>",
            "<domain><name>a\n</name></domain>",
            "<domain><name>a<!-- --></name></domain>",
            "<domain><name>a<b/></name></domain>",
            "<domain><name><![CDATA[a]]></name></domain>",
            "<domain><name>&unknown;</name></domain>",
            "<!DOCTYPE a [ <!ENTITY x 'y'> ]><domain><name>&x;</name></domain>",
            "<domain><name>a</name></domain><domain><name>b</name></domain>",
        ] {
            assert!(Parts::read(Kind::Domain, xml).is_err(), "{xml}");
        }
        let bad = Parts::read(Kind::Domain, "<domain><uuid>4dea</uuid></domain>").expect("well formed");
        assert!(bad.uuid().is_err());
        for xml in ["<interface name='a' name='b'/>", "<interface name='a' x:name='b'/>", "<interface name=' a'/>"] {
            assert!(Parts::read(Kind::Interface, xml).is_err(), "{xml}");
        }
    }
}
