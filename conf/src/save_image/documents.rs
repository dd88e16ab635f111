//! Both documents: type, parse, format, replace.

use oxivirt_core::{Error, Result};

use crate::domain::{DomainDefinition, DomainHooks, FormatFlags, ParseFlags};
use crate::snapshot::AbiCheck;
use crate::xml::{Document, RawElement, WriteMode, Writer};

/// What a saved guest was, beside its memory.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SavedDocuments {
    /// The guest as it ran.
    pub domain: DomainDefinition,
    /// The driver's notes.
    pub cookie: Option<Box<RawElement>>,
}

/// Both documents as they stand in an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedText {
    /// Each with a zero byte behind it.
    pub bytes: Vec<u8>,
    /// Where the second one begins; 0 when there is none.
    pub cookie_at: usize,
}

impl SavedDocuments {
    /// Reads both documents.
    ///
    /// * `bytes` – as long as the header says; what is behind a zero byte is not part of a document, since
    ///   some daemons leave room for a longer one.
    /// * `cookie_at` – where the header says that the second one begins, 0 when there is none.
    /// * Checks are left out: the guest ran. Errors: `OPERATION_FAILED` the places contradict each other, or
    ///   the bytes are no text; those of [`DomainDefinition::parse`].
    pub fn parse(bytes: &[u8], cookie_at: usize, hooks: &dyn DomainHooks) -> Result<Self> {
        let damaged = || Error::operation_failed("the image is damaged: the place of its documents is wrong");
        let (domain, cookie) = match cookie_at {
            0 => (bytes, None),
            at => {
                let (domain, cookie) = bytes.split_at_checked(at).ok_or_else(damaged)?;
                (domain, Some(text(cookie)?))
            }
        };
        let flags = ParseFlags::INACTIVE | ParseFlags::SKIP_VALIDATE;
        let domain = DomainDefinition::parse(text(domain)?, flags, hooks)?;
        let cookie = match cookie {
            None => None,
            Some(text) => {
                let document = Document::parse(text)?;
                let root = document.root();
                if root.name() != "cookie" {
                    return Err(root.error(format_args!("unexpected element '{}', wanted 'cookie'", root.name())));
                }
                Some(Box::new(RawElement::copy(root)))
            }
        };
        Ok(Self { domain, cookie })
    }

    /// Prints both documents for an image, passwords and all.
    ///
    /// Errors: those of [`DomainDefinition::format`].
    pub fn format(&self) -> Result<SavedText> {
        let flags = FormatFlags::SECURE | FormatFlags::INACTIVE | FormatFlags::MIGRATABLE;
        let mut bytes = self.domain.format(flags)?.into_bytes();
        bytes.push(0);
        let mut cookie_at = 0;
        if let Some(cookie) = &self.cookie {
            cookie_at = bytes.len();
            let mut w = Writer::new(WriteMode::default());
            w.element("cookie", &**cookie);
            bytes.extend_from_slice(w.finish().as_bytes());
            bytes.push(0);
        }
        Ok(SavedText { bytes, cookie_at })
    }

    /// Puts another definition in the place of the saved one, as a user may do before the guest goes on.
    ///
    /// * `abi` – refuses what the guest would notice, given the saved definition and the new one.
    /// * Errors: those of [`DomainDefinition::parse`] and of `abi`; nothing is changed then.
    pub fn replace(&mut self, xml: &str, hooks: &dyn DomainHooks, abi: AbiCheck<'_>) -> Result<()> {
        let domain = DomainDefinition::parse(xml, ParseFlags::INACTIVE, hooks)?;
        abi(&self.domain, &domain)?;
        self.domain = domain;
        Ok(())
    }
}

/// The text in front of the first zero byte.
fn text(bytes: &[u8]) -> Result<&str> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    std::str::from_utf8(bytes.get(..end).unwrap_or_default())
        .map_err(|error| Error::operation_failed(format!("the image is damaged: its document is no text: {error}")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use oxivirt_core::ErrorCode;

    use super::*;
    use crate::domain::NoHooks;

    const DOMAIN: &str = "<domain type='test'><name>n</name><uuid>00000000-0000-0000-0000-000000000001</uuid>\
        <memory>1</memory><os><type>hvm</type></os></domain>";
    const COOKIE: &str = "<cookie>\n  <slirpHelper/>\n</cookie>\n";

    fn saved() -> SavedDocuments {
        let image = format!("{DOMAIN}\0{COOKIE}\0");
        SavedDocuments::parse(image.as_bytes(), DOMAIN.len() + 1, &NoHooks).unwrap()
    }

    #[test]
    fn both_documents_survive() {
        let saved = saved();
        let text = saved.format().unwrap();
        assert!(text.bytes[text.cookie_at..].starts_with(b"<cookie>") && text.bytes.ends_with(b"</cookie>\n\0"));
        assert_eq!(text.bytes[text.cookie_at - 1], 0);
        let again = SavedDocuments::parse(&text.bytes, text.cookie_at, &NoHooks).unwrap();
        assert_eq!(again.format().unwrap(), text);
        let alone = SavedDocuments { cookie: None, ..saved };
        let text = alone.format().unwrap();
        assert_eq!(text.cookie_at, 0);
        assert_eq!(SavedDocuments::parse(&text.bytes, 0, &NoHooks).unwrap(), alone);
    }

    #[test]
    fn room_behind_a_document_is_no_part_of_it() {
        let image = format!("{DOMAIN}\0\0\0\0");
        assert_eq!(SavedDocuments::parse(image.as_bytes(), 0, &NoHooks).unwrap().domain.name, "n");
    }

    #[test]
    fn damaged_images_are_refused() {
        let image = format!("{DOMAIN}\0{COOKIE}\0");
        let refused = |bytes: &[u8], at| SavedDocuments::parse(bytes, at, &NoHooks).unwrap_err().code();
        assert_eq!(refused(image.as_bytes(), 10_000), ErrorCode::OPERATION_FAILED);
        assert_eq!(refused(b"<domain\xff>\0", 0), ErrorCode::OPERATION_FAILED);
        assert_eq!(refused(image.as_bytes(), 5), ErrorCode::XML_DETAIL);
        assert_eq!(refused(image.as_bytes(), image.len()), ErrorCode::XML_DETAIL);
        assert_eq!(refused(format!("{DOMAIN}\0<biscuit/>").as_bytes(), DOMAIN.len() + 1), ErrorCode::XML_ERROR);
        assert_eq!(refused(b"", 0), ErrorCode::XML_DETAIL);
    }

    #[test]
    fn a_replacement_has_to_pass_the_check() {
        let mut image = saved();
        let strict = |old: &DomainDefinition, new: &DomainDefinition| match old.memory == new.memory {
            true => Ok(()),
            false => Err(Error::config_unsupported("the guest would notice")),
        };
        let larger = DOMAIN.replace("<memory>1<", "<memory>2<");
        let error = image.replace(&larger, &NoHooks, &strict).unwrap_err();
        assert_eq!((error.code(), &image), (ErrorCode::CONFIG_UNSUPPORTED, &saved()));
        image.replace(&DOMAIN.replace("<os>", "<title>t</title><os>"), &NoHooks, &strict).unwrap();
        assert_eq!(image.domain.title.as_deref(), Some("t"));
        assert!(image.replace("<domain", &NoHooks, &strict).is_err());
    }
}
