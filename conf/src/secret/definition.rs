//! `<secret>`.

use oxivirt_core::Result;
use uuid::Uuid;

use crate::xml::{Document, Element, Node, WriteMode, Writer, YesNo};
use crate::xml_enum;

xml_enum! {
    /// What a secret is for; the numbers of the public API are in this order.
    pub enum UsageType {
        None = "none", Volume = "volume", Ceph = "ceph", Iscsi = "iscsi", Tls = "tls", Vtpm = "vtpm",
    }
}

/// What a secret is for, and the name by which it is found for that purpose.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SecretUsage {
    /// The passphrase of an encrypted volume: the path of the volume.
    Volume(String),
    /// The key of a Ceph user.
    Ceph(String),
    /// The password of an iSCSI target.
    Iscsi(String),
    /// The password of a TLS key.
    Tls(String),
    /// The passphrase of a virtual TPM's state.
    Vtpm(String),
}

/// A secret without its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretDefinition {
    /// Never changes; random where the document has none.
    pub uuid: Uuid,
    /// The value is kept in memory only.
    pub ephemeral: bool,
    /// The value is never given to a client.
    pub private: bool,
    /// A text for people.
    pub description: Option<String>,
    /// `None`: found by uuid only.
    pub usage: Option<SecretUsage>,
}

impl SecretUsage {
    /// The purpose.
    pub const fn kind(&self) -> UsageType {
        match self {
            Self::Volume(_) => UsageType::Volume,
            Self::Ceph(_) => UsageType::Ceph,
            Self::Iscsi(_) => UsageType::Iscsi,
            Self::Tls(_) => UsageType::Tls,
            Self::Vtpm(_) => UsageType::Vtpm,
        }
    }

    /// The name, unique among the secrets of one purpose; never empty.
    pub fn id(&self) -> &str {
        match self {
            Self::Volume(id) | Self::Ceph(id) | Self::Iscsi(id) | Self::Tls(id) | Self::Vtpm(id) => id,
        }
    }
}

impl UsageType {
    /// The number in the public API: 0 for none to 5 for a virtual TPM.
    pub const fn number(self) -> i32 {
        self as i32
    }

    /// The purpose of a number in the public API.
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.number() == number)
    }

    /// The element that holds the name.
    const fn element(self) -> &'static str {
        match self {
            Self::Volume => "volume",
            Self::Iscsi => "target",
            Self::None | Self::Ceph | Self::Tls | Self::Vtpm => "name",
        }
    }
}

impl SecretDefinition {
    /// Reads a document.
    ///
    /// Errors: `XML_DETAIL` for text that is no XML, `XML_ERROR` for another
    /// outermost element, a malformed uuid or choice, an unknown usage, a
    /// usage without its name.
    pub fn parse(xml: &str) -> Result<Self> {
        let document = Document::parse(xml)?;
        let root = document.root();
        if root.qualified_name() != "secret" {
            return Err(root.error(format_args!("expecting root element of 'secret', not '{}'", root.name())));
        }
        Self::parse_element(root)
    }

    fn parse_element(node: Node<'_>) -> Result<Self> {
        let choice = |name: &str| -> Result<bool> {
            match node.attr(name) {
                None | Some("") => Ok(false),
                Some(_) => Ok(node.require::<YesNo>(name)?.is_yes()),
            }
        };
        let uuid = node.child("uuid").filter(|uuid| !uuid.text().is_empty());
        Ok(Self {
            uuid: uuid.map(|uuid| uuid.text_value()).transpose()?.unwrap_or_else(Uuid::new_v4),
            ephemeral: choice("ephemeral")?,
            private: choice("private")?,
            description: node.child_text("description").filter(|text| !text.is_empty()).map(Into::into),
            usage: node.child("usage").map(parse_usage).transpose()?.flatten(),
        })
    }

    /// Prints the document.
    pub fn format(&self) -> String {
        let mut w = Writer::new(WriteMode::default());
        w.open("secret");
        w.attr("ephemeral", &YesNo::from(self.ephemeral));
        w.attr("private", &YesNo::from(self.private));
        w.leaf("uuid", &self.uuid);
        w.leaf_opt("description", self.description.as_ref());
        if let Some(usage) = &self.usage {
            w.element("usage", usage);
        }
        w.close();
        w.finish()
    }
}

fn parse_usage(node: Node<'_>) -> Result<Option<SecretUsage>> {
    match node.require::<UsageType>("type")? {
        UsageType::None => Ok(None),
        _ => SecretUsage::parse(node).map(Some),
    }
}

impl Element for SecretUsage {
    fn parse(node: Node<'_>) -> Result<Self> {
        let kind: UsageType = node.require("type")?;
        let element = kind.element();
        let id = node.child_text(element).filter(|id| !id.is_empty()).ok_or_else(|| node.missing_child(element))?;
        let id = id.into_owned();
        Ok(match kind {
            UsageType::None => return Err(node.bad_attr("type", kind.as_str(), "a purpose")),
            UsageType::Volume => Self::Volume(id),
            UsageType::Ceph => Self::Ceph(id),
            UsageType::Iscsi => Self::Iscsi(id),
            UsageType::Tls => Self::Tls(id),
            UsageType::Vtpm => Self::Vtpm(id),
        })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("type", &self.kind());
        w.leaf_str(self.kind().element(), self.id());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use oxivirt_core::ErrorCode;

    use super::*;

    const UUID: &str = "<uuid>22e1353d-c27e-4d6d-bf15-465053e6ba0b</uuid>";

    #[test]
    fn every_usage_survives_a_round() {
        for (kind, element) in
            [("volume", "volume"), ("ceph", "name"), ("iscsi", "target"), ("tls", "name"), ("vtpm", "name")]
        {
            let text = format!(
                "<secret ephemeral='yes' private='no'>\n  <uuid>22e1353d-c27e-4d6d-bf15-465053e6ba0b</uuid>\n  \
                 <usage type='{kind}'>\n    <{element}> a&amp;b </{element}>\n  </usage>\n</secret>\n"
            );
            let secret = SecretDefinition::parse(&text).unwrap();
            let usage = secret.usage.as_ref().unwrap();
            assert_eq!((usage.kind().as_str(), usage.id()), (kind, " a&b "));
            assert_eq!(UsageType::from_number(usage.kind().number()), Some(usage.kind()));
            assert_eq!(secret.format(), text);
        }
        assert_eq!(UsageType::from_number(6), None);
    }

    #[test]
    fn what_is_absent_has_a_default() {
        let secret = SecretDefinition::parse("<secret private=''><uuid/><description/><usage type='none'/></secret>");
        let secret = secret.unwrap();
        assert_eq!(
            (secret.ephemeral, secret.private, &secret.description, &secret.usage),
            (false, false, &None, &None)
        );
        assert_ne!(secret.uuid, SecretDefinition::parse("<secret/>").unwrap().uuid);
    }

    #[test]
    fn malformed_documents_are_refused() {
        for inside in [
            "<uuid>z</uuid>",
            "<usage/>",
            "<usage type='foo'/>",
            "<usage type='volume'/>",
            "<usage type='ceph'><name/></usage>",
            "<usage type='iscsi'><name>a</name></usage>",
        ] {
            let error = SecretDefinition::parse(&format!("<secret>{inside}</secret>")).unwrap_err();
            assert_eq!(error.code(), ErrorCode::XML_ERROR, "{inside}");
        }
        for text in ["<secrets/>".to_owned(), format!("<secret private='maybe'>{UUID}</secret>")] {
            assert_eq!(SecretDefinition::parse(&text).unwrap_err().code(), ErrorCode::XML_ERROR, "{text}");
        }
        assert_eq!(SecretDefinition::parse("<secret").unwrap_err().code(), ErrorCode::XML_DETAIL);
    }
}
