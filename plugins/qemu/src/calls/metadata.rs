//! Title, description and foreign metadata.

use oxivirt_conf::object::JobKind;
use oxivirt_core::call::Call;
use oxivirt_core::constants::{DomainMetadataType, DomainModificationImpact};
use oxivirt_core::interface::{DomainMetadata, implements};
use oxivirt_core::types::Domain;
use oxivirt_core::{Error, ErrorCode, Result};

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
        if r#type == DomainMetadataType::TITLE && metadata.is_some_and(|title| title.contains('\n')) {
            return Err(Error::invalid_arg("metadata title can't contain newlines")).own();
        }
        let text = metadata.filter(|text| !text.is_empty()).map(str::to_owned);
        let object = self.find(dom)?;
        let job = self.guests.job(&object, JobKind::Modify, &owner(call)).own()?;
        edit(affected(&job.snapshot(), flags.0)?, &self.guests, &job, |definition| {
            match r#type {
                DomainMetadataType::DESCRIPTION => definition.description.clone_from(&text),
                DomainMetadataType::TITLE => definition.title.clone_from(&text),
                DomainMetadataType::ELEMENT => {
                    let uri = uri.filter(|uri| !uri.is_empty());
                    let uri = uri.ok_or_else(|| Error::invalid_arg("uri in virDomainSetMetadata must not be NULL"))?;
                    if metadata.is_some() && key.is_none() {
                        return Err(Error::invalid_arg("key in virDomainSetMetadata must not be NULL"));
                    }
                    definition.set_metadata_element(uri, key.unwrap_or_default(), metadata)?;
                }
                unknown => return Err(unknown_type(unknown)),
            }
            Ok(())
        })
        .own()?;
        let uri = uri.filter(|_| r#type == DomainMetadataType::ELEMENT);
        self.guests.tell_metadata(&job, r#type.0, uri);
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
        let found = match r#type {
            DomainMetadataType::DESCRIPTION => definition.description.clone(),
            DomainMetadataType::TITLE => definition.title.clone(),
            DomainMetadataType::ELEMENT => definition.metadata_element(uri.unwrap_or_default()),
            unknown => return Err(unknown_type(unknown)).own(),
        };
        found
            .ok_or_else(|| Error::new(ErrorCode::NO_DOMAIN_METADATA, "Requested metadata element is not present"))
            .own()
    }
}

fn unknown_type(unknown: DomainMetadataType) -> Error {
    Error::invalid_arg(format!("unknown metadata type '{}'", unknown.0))
}
