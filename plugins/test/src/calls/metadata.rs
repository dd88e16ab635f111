//! Title, description and foreign metadata.

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_core::call::Call;
use oxivirt_core::constants::{DomainMetadataType, DomainModificationImpact};
use oxivirt_core::event::Event;
use oxivirt_core::interface::{DomainMetadata, implements};
use oxivirt_core::types::Domain;
use oxivirt_core::{Error, ErrorCode, ErrorDomain, Result};

use super::{affected, affected_one, edit};
use crate::TestConnection;
use crate::error::{Own, argument, check_flags};
use crate::state::reference;

const IMPACT: u32 = DomainModificationImpact::LIVE.0 | DomainModificationImpact::CONFIG.0;

#[implements]
impl DomainMetadata for TestConnection {
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
            return Err(wrong("metadata", "metadata title can't contain newlines"));
        }
        let text = metadata.filter(|text| !text.is_empty()).map(str::to_owned);
        let job = self.state().change(call, dom)?;
        edit(affected(&job.snapshot(), flags.0)?, &job, |definition| {
            match r#type {
                DomainMetadataType::DESCRIPTION => definition.description.clone_from(&text),
                DomainMetadataType::TITLE => definition.title.clone_from(&text),
                DomainMetadataType::ELEMENT => {
                    let uri = uri.filter(|uri| !uri.is_empty());
                    let uri = uri.ok_or_else(|| wrong("uri", "uri in virDomainSetMetadata must not be NULL"))?;
                    if metadata.is_some() && key.is_none() {
                        return Err(wrong("key", "key in virDomainSetMetadata must not be NULL"));
                    }
                    definition
                        .set_metadata_element(uri, key.unwrap_or_default(), metadata)
                        .map_err(|error| error.in_domain(ErrorDomain::DOMAIN))?;
                }
                unknown => return Err(unknown_type(unknown)),
            }
            Ok(())
        })
        .own()?;
        let uri = uri.filter(|_| r#type == DomainMetadataType::ELEMENT);
        self.state().emit_event(Event::metadata_change(&reference(&job.snapshot()), r#type.0, uri));
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
        let snapshot = self.state().read(dom)?;
        let definition: &DomainDefinition = affected_one(&snapshot, flags.0, "domain_get_metadata")?.of(&snapshot);
        let found = match r#type {
            DomainMetadataType::DESCRIPTION => definition.description.clone(),
            DomainMetadataType::TITLE => definition.title.clone(),
            DomainMetadataType::ELEMENT => definition.metadata_element(uri.unwrap_or_default()),
            unknown => return Err(unknown_type(unknown)),
        };
        found.ok_or_else(|| {
            Error::new(ErrorCode::NO_DOMAIN_METADATA, "Requested metadata element is not present")
                .in_domain(ErrorDomain::DOMAIN)
        })
    }
}

fn wrong(name: &str, text: &str) -> Error {
    argument(ErrorDomain::DOMAIN, "virDomainSetMetadata".to_owned(), name, text.to_owned())
}

fn unknown_type(unknown: DomainMetadataType) -> Error {
    Error::invalid_arg(format!("unknown metadata type '{}'", unknown.0)).in_domain(ErrorDomain::DOMAIN)
}
