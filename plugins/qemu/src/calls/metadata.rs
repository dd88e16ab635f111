//! Title, description and foreign metadata.

use oxivirt_conf::domain::MetadataChange;
use oxivirt_conf::object::JobKind;
use oxivirt_core::call::Call;
use oxivirt_core::constants::{DomainMetadataType, DomainModificationImpact};
use oxivirt_core::interface::{DomainMetadata, implements};
use oxivirt_core::types::Domain;
use oxivirt_core::{Error, Result};

use super::{Own, affected, affected_one, check_flags, edit, owner};
use crate::QemuConnection;

const IMPACT: u32 = DomainModificationImpact::LIVE.0 | DomainModificationImpact::CONFIG.0;

#[implements]
impl DomainMetadata for QemuConnection {
    fn domain_set_metadata(
        &self,
        call: &Call,
        dom: &Domain,
        r#type: DomainMetadataType,
        metadata: Option<&str>,
        key: Option<&str>,
        uri: Option<&str>,
        flags: DomainModificationImpact,
    ) -> Result<()> {
        check_flags(flags.0, IMPACT, "domain_set_metadata")?;
        let change = MetadataChange { kind: r#type, text: metadata, key, uri };
        change.check(wrong).own()?;
        let object = self.find(dom)?;
        let job = self.guests.job(&object, JobKind::Modify, &owner(call)).own()?;
        let affected = affected(&job.snapshot(), flags.0)?;
        edit(affected, &self.guests, &job, |definition| change.apply(definition, wrong)).own()?;
        self.guests.tell_metadata(&job, r#type.0, change.namespace());
        Ok(())
    }

    #[quick]
    fn domain_get_metadata(
        &self,
        _call: &Call,
        dom: &Domain,
        r#type: DomainMetadataType,
        uri: Option<&str>,
        flags: DomainModificationImpact,
    ) -> Result<String> {
        check_flags(flags.0, IMPACT, "domain_get_metadata")?;
        let snapshot = self.read(dom)?;
        let definition = affected_one(&snapshot, flags.0, "domain_get_metadata")?.of(&snapshot);
        definition.metadata_text(r#type, uri).own()
    }
}

fn wrong(_argument: &str, text: &str) -> Error {
    Error::invalid_arg(text)
}
