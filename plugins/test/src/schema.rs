//! Documents held against the published schemas.

use std::path::Path;

use oxivirt_conf::xml::Document;
use oxivirt_core::{Error, ErrorCode, ErrorDomain, Result};
use oxivirt_util::schema;

use crate::error::Own;

/// Holds a document against a schema, which runs a program.
///
/// * `name` – of the schema's file, such as `domain.rng`.
/// * `domain` – whose error it is when the text is no document at all.
/// * Errors: `XML_INVALID_SCHEMA` with what does not fit; `ARGUMENT_UNSUPPORTED`
///   where schema or program are not installed.
pub(crate) fn check(xml: &str, name: &str, domain: ErrorDomain) -> Result<()> {
    // Whatever is no document at all is refused in our own words.
    Document::parse(xml).map_err(|error| error.in_domain(domain))?;
    let schema = Path::new(schema::FOLDER).join(name);
    match schema::validate(&schema, xml) {
        Ok(None) => Ok(()),
        Ok(Some(complaints)) => {
            let text = format!("Unable to validate doc against {}\n{complaints}", schema.display());
            Err(Error::new(ErrorCode::XML_INVALID_SCHEMA, text).in_domain(ErrorDomain::XML))
        }
        Err(error) => {
            let text = format!("documents cannot be held against the schema here: {error}");
            Err(Error::new(ErrorCode::ARGUMENT_UNSUPPORTED, text)).own()
        }
    }
}
