//! `<encryption>`.

use oxivirt_core::Result;

use super::{Cipher, IvGen};
use crate::domain::SecretRef;
use crate::storage_pool::unsupported;
use crate::xml::{Element, Node, Value, Writer};
use crate::xml_enum;

xml_enum! {
    /// Format of encrypted storage.
    pub enum EncryptionFormat { Default = "default", Qcow = "qcow", Luks = "luks", Luks2 = "luks2", LuksAny = "luks-any" }
}

xml_enum! {
    /// Who decrypts.
    pub enum EncryptionEngine { Qemu = "qemu", Librbd = "librbd" }
}

/// `<encryption format='luks' engine='qemu'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Encryption {
    /// The format.
    pub format: EncryptionFormat,
    /// Who decrypts; the driver's choice when absent.
    pub engine: Option<EncryptionEngine>,
    /// What opens it; each of the type `passphrase`.
    pub secrets: Vec<SecretRef>,
    /// How a new `luks` image is made; no other format has it.
    pub cipher: Option<Box<Cipher>>,
    /// The initial vectors of a new `luks` image; only beside a cipher.
    pub ivgen: Option<Box<IvGen>>,
}

/// The only type of secret there is.
const PASSPHRASE: &str = "passphrase";

fn secret(node: Node<'_>) -> Result<SecretRef> {
    match node.attr("type") {
        None => Err(node.missing_attr("type")),
        Some(PASSPHRASE) => SecretRef::parse(node),
        Some(other) => Err(unsupported(
            node,
            format_args!("unknown volume encryption secret type '{other}', allowed: {PASSPHRASE}"),
        )),
    }
}

impl Element for Encryption {
    fn parse(node: Node<'_>) -> Result<Self> {
        let word = node.attr("format").ok_or_else(|| node.missing_attr("format"))?;
        let format = EncryptionFormat::from_word(word).ok_or_else(|| {
            let allowed = EncryptionFormat::allowed();
            unsupported(node, format_args!("unknown volume encryption format '{word}', allowed: {allowed}"))
        })?;
        let mut found = Self { format, engine: node.value("engine")?, ..Self::default() };
        let mut secrets = Vec::with_capacity(node.children_named("secret").count());
        for child in node.children_named("secret") {
            secrets.push(secret(child)?);
        }
        found.secrets = secrets;
        if format == EncryptionFormat::Luks {
            found.cipher = node.child_element("cipher")?;
            let ivgen = node.child("ivgen");
            if let (Some(ivgen), None) = (ivgen, &found.cipher) {
                return Err(ivgen.error("<ivgen> needs a <cipher> beside it"));
            }
            found.ivgen = ivgen.map(Element::parse).transpose()?;
        }
        Ok(found)
    }

    fn format(&self, w: &mut Writer) {
        w.attr("format", &self.format);
        w.attr_opt("engine", self.engine.as_ref());
        w.force_children();
        w.elements("secret", &self.secrets);
        if let Some(cipher) = &self.cipher {
            w.element("cipher", &**cipher);
            if let Some(ivgen) = &self.ivgen {
                w.element("ivgen", &**ivgen);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use oxivirt_core::ErrorCode;

    use super::*;
    use crate::xml::{Document, WriteMode};

    fn round(xml: &str) -> Result<String> {
        let document = Document::parse(xml)?;
        let found = Encryption::parse(document.root())?;
        let mut w = Writer::new(WriteMode::default());
        w.element("encryption", &found);
        Ok(w.finish())
    }

    const SECRET: &str = "<secret type='passphrase' usage='u'/>";

    #[test]
    fn luks_keeps_cipher_and_ivgen() {
        let xml = "<encryption format='luks' engine='librbd'>\n  <secret type='passphrase' uuid='f52a81b2-424e-490c-823d-6bd4235bc572'/>\n  <cipher name='serpent' size='256' mode='cbc' hash='sha256'/>\n  <ivgen name='plain64' hash='sha256'/>\n</encryption>\n";
        assert_eq!(round(xml).unwrap(), xml);
    }

    #[test]
    fn other_formats_have_no_cipher() {
        for format in ["default", "qcow", "luks2", "luks-any"] {
            let xml = format!("<encryption format='{format}'>{SECRET}<cipher/><ivgen/></encryption>");
            assert_eq!(round(&xml).unwrap(), format!("<encryption format='{format}'>\n  {SECRET}\n</encryption>\n"));
        }
    }

    #[test]
    fn no_secret_is_printed_open() {
        assert_eq!(round("<encryption format='qcow'/>").unwrap(), "<encryption format='qcow'>\n</encryption>\n");
    }

    #[test]
    fn what_means_nothing_is_refused() {
        let cases = [
            ("<encryption/>", ErrorCode::XML_ERROR, "format"),
            ("<encryption format='x'/>", ErrorCode::CONFIG_UNSUPPORTED, "'x'"),
            ("<encryption format='luks' engine='x'/>", ErrorCode::XML_ERROR, "engine"),
            ("<encryption format='luks'><secret usage='u'/></encryption>", ErrorCode::XML_ERROR, "type"),
            (
                "<encryption format='luks'><secret type='x' usage='u'/></encryption>",
                ErrorCode::CONFIG_UNSUPPORTED,
                "'x'",
            ),
            ("<encryption format='luks'><secret type='passphrase'/></encryption>", ErrorCode::XML_ERROR, "uuid"),
            (
                "<encryption format='luks'><secret type='passphrase' uuid='x'/></encryption>",
                ErrorCode::XML_ERROR,
                "uuid",
            ),
            ("<encryption format='luks'><ivgen name='a'/></encryption>", ErrorCode::XML_ERROR, "cipher"),
            ("<encryption format='luks'><cipher name='a'/></encryption>", ErrorCode::XML_ERROR, "size"),
            ("<encryption format='luks'><cipher size='1'/></encryption>", ErrorCode::XML_ERROR, "name"),
            ("<encryption format='luks'><cipher name='a' size='x'/></encryption>", ErrorCode::XML_ERROR, "'x'"),
            (
                "<encryption format='luks'><cipher name='a' size='1'/><ivgen/></encryption>",
                ErrorCode::XML_ERROR,
                "name",
            ),
        ];
        for (xml, code, part) in cases {
            let error = round(xml).unwrap_err();
            assert_eq!(error.code(), code, "{xml}: {error}");
            assert!(error.to_string().contains(part), "{xml}: {error}");
        }
    }
}
