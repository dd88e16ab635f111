//! Names in certificates, written as the access lists expect them.

use std::fmt::Write;

use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

/// Attributes with a name of their own.
const NAMES: &[(&str, &str)] = &[
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "surName"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "street"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "title"),
    ("2.5.4.13", "description"),
    ("2.5.4.15", "businessCategory"),
    ("2.5.4.17", "postalCode"),
    ("2.5.4.20", "telephoneNumber"),
    ("2.5.4.41", "name"),
    ("2.5.4.42", "givenName"),
    ("2.5.4.43", "initials"),
    ("2.5.4.44", "generationQualifier"),
    ("2.5.4.46", "dnQualifier"),
    ("2.5.4.65", "pseudonym"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.2.840.113549.1.9.1", "EMAIL"),
];

/// The subject of a certificate such as `C=GB,O=Example,CN=client`: in the
/// order in which it stands there, special characters behind a backslash.
///
/// `None` when it cannot be read.
pub(crate) fn subject(certificate: &[u8]) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let mut text = String::new();
    for (at, part) in certificate.subject().iter_rdn().enumerate() {
        for (within, attribute) in part.iter().enumerate() {
            match (at, within) {
                (0, 0) => {}
                (_, 0) => text.push(','),
                _ => text.push('+'),
            }
            let kind = attribute.attr_type().to_id_string();
            let name = NAMES.iter().find(|(id, _)| *id == kind).map(|(_, name)| *name);
            match (name, attribute.as_str()) {
                (Some(name), Ok(value)) => {
                    text.push_str(name);
                    text.push('=');
                    escape(value, &mut text);
                }
                _ => {
                    text.push_str(name.unwrap_or(&kind));
                    text.push_str("=#");
                    for byte in attribute.attr_value().data {
                        let _ = write!(text, "{byte:02x}");
                    }
                }
            }
        }
    }
    Some(text)
}

/// Writes a value so that it cannot be taken for several.
fn escape(value: &str, text: &mut String) {
    let last = value.chars().count().saturating_sub(1);
    for (at, c) in value.chars().enumerate() {
        let special = matches!(c, ',' | '+' | '"' | '\\' | '<' | '>' | ';')
            || (at == 0 && matches!(c, '#' | ' '))
            || (at == last && c == ' ');
        if special {
            text.push('\\');
        }
        text.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_characters_are_escaped() {
        let mut text = String::new();
        escape("Some, where", &mut text);
        assert_eq!(text, "Some\\, where");
        text.clear();
        escape(" #a+b ", &mut text);
        assert_eq!(text, "\\ #a\\+b\\ ");
    }

    #[test]
    fn no_bytes_are_too_odd() {
        assert_eq!(subject(&[]), None);
        assert_eq!(subject(&[0x30, 0x82, 0xff, 0xff, 0]), None);
    }
}
