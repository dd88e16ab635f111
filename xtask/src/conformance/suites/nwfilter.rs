//! Network filters and their bindings.

use std::path::Path;

use oxivirt_conf::nwfilter::NwFilterDefinition;
use oxivirt_conf::nwfilter_binding::NwFilterBinding;

use super::super::Case;
use super::super::files::{Answers, documents};
use super::schema::Schema;

/// Network filters, which must fit the schema before they are read.
pub(super) fn filters(folder: &Path) -> Result<Vec<Case>, String> {
    let schema = Schema::find("nwfilter.rng", "<filter name='a'/>")?;
    documents("nwfilter", folder, Answers::Beside, |_, input| {
        schema.check(input)?;
        Ok(NwFilterDefinition::parse(input)?.format())
    })
}

/// Filters on the cards of guests.
pub(super) fn bindings(folder: &Path) -> Result<Vec<Case>, String> {
    documents("nwfilterbinding", folder, Answers::Same, |_, input| Ok(NwFilterBinding::parse(input)?.format()))
}
