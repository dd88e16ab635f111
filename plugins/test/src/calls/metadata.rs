//! Title, description and foreign metadata.

use oxivirt_conf::domain::MetadataChange;
use oxivirt_core::call::Call;
use oxivirt_core::constants::{DomainMetadataType, DomainModificationImpact};
use oxivirt_core::event::Event;
use oxivirt_core::interface::{DomainMetadata, implements};
use oxivirt_core::types::Domain;
use oxivirt_core::{Error, ErrorDomain, Result};

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
        let change = MetadataChange { kind: r#type, text: metadata, key, uri };
        change.check(wrong)?;
        let job = self.state().change(call, dom)?;
        let affected = affected(&job.snapshot(), flags.0)?;
        edit(affected, &job, |definition| in_domain(change.apply(definition, wrong))).own()?;
        self.state().emit_event(Event::metadata_change(&reference(&job.snapshot()), r#type.0, change.namespace()));
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
        let definition = affected_one(&snapshot, flags.0, "domain_get_metadata")?.of(&snapshot);
        in_domain(definition.metadata_text(r#type, uri))
    }
}

fn wrong(name: &str, text: &str) -> Error {
    argument(ErrorDomain::DOMAIN, "virDomainSetMetadata".to_owned(), name, text.to_owned())
}

fn in_domain<T>(result: Result<T>) -> Result<T> {
    result.map_err(|error| error.in_domain(ErrorDomain::DOMAIN))
}
