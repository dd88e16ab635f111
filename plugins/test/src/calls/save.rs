//! Saving domains to files and getting them back, and dumps.

use std::sync::Arc;

use oxivirt_conf::domain::{DomainDefinition, FormatFlags};
use oxivirt_conf::object::Definition;
use oxivirt_core::call::Call;
use oxivirt_core::constants::{
    DomainCoreDumpFlags, DomainCoreDumpFormat, DomainSaveImageXmlFlags, DomainSaveRestoreFlags, ShutoffReason,
    StoppedDetail,
};
use oxivirt_core::interface::{DomainSave, implements};
use oxivirt_core::types::Domain;
use oxivirt_core::{Error, ErrorCode, Result};

use crate::TestConnection;
use crate::definition;
use crate::error::{Own, check_flags, exclusive_flags};
use crate::state::Start;
use crate::{error, saved};

#[implements]
impl DomainSave for TestConnection {
    fn domain_core_dump(&self, call: &Call, dom: &Domain, to: &str, flags: DomainCoreDumpFlags) -> Result<()> {
        self.domain_core_dump_with_format(call, dom, to, DomainCoreDumpFormat::RAW, flags)
    }

    fn domain_restore(&self, call: &Call, from: &str) -> Result<()> {
        self.domain_restore_flags(call, from, None, DomainSaveRestoreFlags::EMPTY)
    }

    fn domain_save(&self, call: &Call, dom: &Domain, to: &str) -> Result<()> {
        self.domain_save_flags(call, dom, to, None, DomainSaveRestoreFlags::EMPTY)
    }

    fn domain_managed_save(&self, call: &Call, dom: &Domain, flags: DomainSaveRestoreFlags) -> Result<()> {
        use DomainSaveRestoreFlags as F;
        check_flags(flags.0, (F::BYPASS_CACHE | F::RUNNING | F::PAUSED).0, "domain_managed_save")?;
        check_state_flags(flags, "domain_managed_save")?;
        let job = self.state().change_active(call, dom)?;
        if !job.snapshot().is_persistent() {
            return Err(Error::operation_invalid("cannot do managed save for transient domain")).own();
        }
        self.state().stop_with(&job, ShutoffReason::SAVED, StoppedDetail::SAVED, |status| status.managed_save = true)
    }

    fn domain_managed_save_remove(&self, call: &Call, dom: &Domain, flags: u32) -> Result<()> {
        check_flags(flags, 0, "domain_managed_save_remove")?;
        self.state().change(call, dom)?.update(|snapshot| {
            snapshot.status.managed_save = false;
            Ok(())
        })
    }

    fn domain_save_flags(
        &self,
        call: &Call,
        dom: &Domain,
        to: &str,
        dxml: Option<&str>,
        flags: DomainSaveRestoreFlags,
    ) -> Result<()> {
        check_state_flags(flags, "domain_save_flags")?;
        check_flags(flags.0, 0, "domain_save_flags")?;
        no_other_document(dxml)?;
        let job = self.state().change_active(call, dom)?;
        let snapshot = job.snapshot();
        let document = snapshot.definition().format(FormatFlags::SECURE).own()?;
        saved::write(to, &document, &format!("saving domain '{}' to '{to}'", snapshot.definition().name))?;
        self.state().stop(&job, ShutoffReason::SAVED, StoppedDetail::SAVED)
    }

    fn domain_restore_flags(
        &self,
        call: &Call,
        from: &str,
        dxml: Option<&str>,
        flags: DomainSaveRestoreFlags,
    ) -> Result<()> {
        check_state_flags(flags, "domain_restore_flags")?;
        check_flags(flags.0, 0, "domain_restore_flags")?;
        no_other_document(dxml)?;
        self.state().run(call, Arc::new(load(from)?), Start::RESTORED).map(drop)
    }

    fn domain_save_image_get_xml_desc(
        &self,
        _call: &Call,
        file: &str,
        flags: DomainSaveImageXmlFlags,
    ) -> Result<String> {
        check_flags(flags.0, DomainSaveImageXmlFlags::SECURE.0, "domain_save_image_get_xml_desc")?;
        let definition = load(file)?;
        let secure = flags.contains(DomainSaveImageXmlFlags::SECURE);
        definition.format(if secure { FormatFlags::SECURE } else { FormatFlags::NONE }).own()
    }

    fn domain_save_image_define_xml(
        &self,
        _call: &Call,
        file: &str,
        dxml: &str,
        flags: DomainSaveRestoreFlags,
    ) -> Result<()> {
        use DomainSaveRestoreFlags as F;
        check_flags(flags.0, (F::RUNNING | F::PAUSED).0, "domain_save_image_define_xml")?;
        check_state_flags(flags, "domain_save_image_define_xml")?;
        // Only what is a saved domain already is replaced.
        load(file)?;
        let document = definition::parse(dxml, false)?.format(FormatFlags::SECURE).own()?;
        saved::write(file, &document, &format!("saving a document to '{file}'"))
    }

    fn domain_core_dump_with_format(
        &self,
        call: &Call,
        dom: &Domain,
        to: &str,
        dumpformat: DomainCoreDumpFormat,
        flags: DomainCoreDumpFlags,
    ) -> Result<()> {
        use DomainCoreDumpFlags as F;
        check_flags(flags.0, F::CRASH.0, "domain_core_dump_with_format")?;
        if dumpformat.name().is_none() {
            let text = format!("dumpformat '{}' is not supported", dumpformat.0);
            let function = "virDomainCoreDumpWithFormat".to_owned();
            return Err(error::argument(oxivirt_core::ErrorDomain::DOMAIN, function, "flags", text));
        }
        let job = self.state().change_active(call, dom)?;
        if dumpformat != DomainCoreDumpFormat::RAW {
            let text = "kdump-compressed format is not supported here";
            return Err(Error::new(ErrorCode::OPERATION_UNSUPPORTED, text)).own();
        }
        let name = job.snapshot().definition().name().to_owned();
        saved::write_core(to, &format!("domain '{name}' coredump: failed to open {to}"))?;
        if flags.contains(F::CRASH) {
            self.state().stop(&job, ShutoffReason::CRASHED, StoppedDetail::CRASHED)?;
        }
        Ok(())
    }
}

/// The domain in a file.
fn load(file: &str) -> Result<DomainDefinition> {
    definition::parse(&saved::read(file)?, false)
}

fn check_state_flags(flags: DomainSaveRestoreFlags, call: &str) -> Result<()> {
    use DomainSaveRestoreFlags as F;
    match flags.contains(F::RUNNING | F::PAUSED) {
        true => Err(exclusive_flags(call, "VIR_DOMAIN_SAVE_RUNNING", "VIR_DOMAIN_SAVE_PAUSED")),
        false => Ok(()),
    }
}

fn no_other_document(dxml: Option<&str>) -> Result<()> {
    match dxml {
        Some(_) => Err(Error::new(ErrorCode::ARGUMENT_UNSUPPORTED, "xml modification unsupported")).own(),
        None => Ok(()),
    }
}
