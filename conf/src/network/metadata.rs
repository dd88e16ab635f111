//! What clients write on a network: title, description, and each program's
//! element of `<metadata>`.

use oxivirt_core::constants::NetworkMetadataType as Type;
use oxivirt_core::{Error, ErrorCode, Result};

use super::NetworkDefinition;
use crate::domain::metadata;

impl NetworkDefinition {
    /// Title, description, or the element in the namespace `uri`, printed
    /// without that namespace.
    ///
    /// Errors: `NO_NETWORK_METADATA` when there is none; `INVALID_ARG` for
    /// another type.
    pub fn metadata_text(&self, kind: Type, uri: Option<&str>) -> Result<String> {
        let found = match kind {
            Type::DESCRIPTION => self.description.clone(),
            Type::TITLE => self.title.clone(),
            Type::ELEMENT => self.metadata.as_deref().and_then(|all| metadata::element(all, uri.unwrap_or_default())),
            unknown => return Err(unknown_type(unknown)),
        };
        found.ok_or_else(|| Error::new(ErrorCode::NO_NETWORK_METADATA, "Requested metadata element is not present"))
    }

    /// Writes title, description, or the element in the namespace `uri`;
    /// without a text what is there goes.
    ///
    /// * `key` – the prefix of an element's namespace.
    /// * Errors: `INVALID_ARG` for an element without namespace or prefix, a
    ///   title of several lines, or another type; `XML_DETAIL` for text that
    ///   is not one element; `INTERNAL_ERROR` for a prefix that is none.
    ///   Nothing is changed then.
    pub fn set_metadata(&mut self, kind: Type, text: Option<&str>, key: Option<&str>, uri: Option<&str>) -> Result<()> {
        let plain = || text.filter(|text| !text.is_empty()).map(str::to_owned);
        match kind {
            Type::DESCRIPTION => self.description = plain(),
            Type::TITLE if text.is_some_and(|title| title.contains('\n')) => {
                return Err(Error::invalid_arg("metadata title can't contain newlines"));
            }
            Type::TITLE => self.title = plain(),
            Type::ELEMENT => {
                let missing = |name| Error::invalid_arg(format!("an element of metadata needs a {name}"));
                let uri = uri.filter(|uri| !uri.is_empty()).ok_or_else(|| missing("namespace"))?;
                if text.is_some() && key.is_none() {
                    return Err(missing("key"));
                }
                metadata::set_element(&mut self.metadata, uri, key.unwrap_or_default(), text)?;
            }
            unknown => return Err(unknown_type(unknown)),
        }
        Ok(())
    }
}

fn unknown_type(unknown: Type) -> Error {
    Error::invalid_arg(format!("unknown metadata type '{}'", unknown.0))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_is_written_is_read_and_goes_again() {
        let mut def = NetworkDefinition::default();
        let write = |def: &mut NetworkDefinition, kind, text| def.set_metadata(kind, text, Some("k"), Some("http://u"));
        for (kind, text) in [(Type::TITLE, "one line"), (Type::DESCRIPTION, "two\nlines"), (Type::ELEMENT, "<a/>")] {
            let read = |def: &NetworkDefinition| def.metadata_text(kind, Some("http://u"));
            assert_eq!(read(&def).unwrap_err().code(), ErrorCode::NO_NETWORK_METADATA);
            write(&mut def, kind, Some(text)).unwrap();
            assert_eq!(read(&def).unwrap(), text);
            write(&mut def, kind, None).unwrap();
            assert!(read(&def).is_err());
        }
        assert_eq!(def, NetworkDefinition::default());
    }

    #[test]
    fn what_means_nothing_is_refused() {
        let mut def = NetworkDefinition::default();
        for (kind, text, key, uri) in [
            (Type::TITLE, Some("two\nlines"), None, None),
            (Type::ELEMENT, Some("<a/>"), None, Some("http://u")),
            (Type::ELEMENT, Some("<a/>"), Some("k"), None),
            (Type::ELEMENT, Some("<a>"), Some("k"), Some("http://u")),
            (Type(9), Some("x"), None, None),
        ] {
            assert!(def.set_metadata(kind, text, key, uri).is_err(), "{kind:?} {text:?}");
        }
        assert_eq!(def, NetworkDefinition::default());
        assert!(def.metadata_text(Type(9), None).is_err());
    }
}
