//! From state to state.

use oxivirt_core::call::Call;
use oxivirt_core::constants::{
    DomainCreateFlags, DomainDefineFlags, DomainDestroyFlags, DomainRebootFlags, DomainShutdownFlags,
    DomainUndefineFlags,
};
use oxivirt_core::interface::{DomainLifecycle, implements};
use oxivirt_core::types::Domain;
use oxivirt_core::{Error, ErrorCode, Result};

use super::{Own, check_flags, owner, reference};
use crate::QemuConnection;
use crate::document::Schema;
use crate::guests::{RebootMode, StartOptions, Undefine};
use crate::helpers::swtpm::Fate;

#[implements]
impl DomainLifecycle for QemuConnection {
    fn domain_create(&self, call: &Call, dom: &Domain) -> Result<()> {
        self.domain_create_with_flags(call, dom, DomainCreateFlags::EMPTY).map(drop)
    }

    fn domain_create_with_flags(&self, call: &Call, dom: &Domain, flags: DomainCreateFlags) -> Result<Domain> {
        let options = start_options(flags, "domain_create_with_flags")?;
        let object = self.guests.create(self.uuid(dom)?, options, &owner(call)).own()?;
        Ok(reference(&object.snapshot()))
    }

    fn domain_create_xml(&self, call: &Call, xml_desc: &str, flags: DomainCreateFlags) -> Result<Domain> {
        let options = start_options(flags, "domain_create_xml")?;
        let object = self.guests.create_transient(xml_desc, options, &owner(call)).own()?;
        Ok(reference(&object.snapshot()))
    }

    fn domain_define_xml(&self, call: &Call, xml: &str) -> Result<Domain> {
        self.domain_define_xml_flags(call, xml, DomainDefineFlags::EMPTY)
    }

    fn domain_define_xml_flags(&self, call: &Call, xml: &str, flags: DomainDefineFlags) -> Result<Domain> {
        check_flags(flags.0, DomainDefineFlags::VALIDATE.0, "domain_define_xml_flags")?;
        let object =
            self.guests.define(xml, schema(flags.contains(DomainDefineFlags::VALIDATE)), &owner(call)).own()?;
        Ok(reference(&object.snapshot()))
    }

    fn domain_destroy(&self, call: &Call, dom: &Domain) -> Result<()> {
        self.domain_destroy_flags(call, dom, DomainDestroyFlags::DEFAULT)
    }

    fn domain_destroy_flags(&self, call: &Call, dom: &Domain, flags: DomainDestroyFlags) -> Result<()> {
        check_flags(flags.0, DomainDestroyFlags::GRACEFUL.0, "domain_destroy_flags")?;
        let graceful = flags.contains(DomainDestroyFlags::GRACEFUL);
        self.guests.destroy(self.uuid(dom)?, graceful, &owner(call)).own()
    }

    fn domain_shutdown(&self, call: &Call, dom: &Domain) -> Result<()> {
        self.domain_shutdown_flags(call, dom, DomainShutdownFlags::DEFAULT)
    }

    fn domain_shutdown_flags(&self, call: &Call, dom: &Domain, flags: DomainShutdownFlags) -> Result<()> {
        use DomainShutdownFlags as F;
        check_flags(flags.0, (F::ACPI_POWER_BTN | F::GUEST_AGENT).0, "domain_shutdown_flags")?;
        let mode = mode(flags.contains(F::GUEST_AGENT), flags.contains(F::ACPI_POWER_BTN));
        self.guests.shutdown(self.uuid(dom)?, mode, &owner(call)).own()
    }

    fn domain_reboot(&self, call: &Call, dom: &Domain, flags: DomainRebootFlags) -> Result<()> {
        use DomainRebootFlags as F;
        check_flags(flags.0, (F::ACPI_POWER_BTN | F::GUEST_AGENT).0, "domain_reboot")?;
        let mode = mode(flags.contains(F::GUEST_AGENT), flags.contains(F::ACPI_POWER_BTN));
        self.guests.reboot(self.uuid(dom)?, mode, &owner(call)).own()
    }

    fn domain_reset(&self, call: &Call, dom: &Domain, flags: u32) -> Result<()> {
        check_flags(flags, 0, "domain_reset")?;
        self.guests.reset(self.uuid(dom)?, &owner(call)).own()
    }

    fn domain_suspend(&self, call: &Call, dom: &Domain) -> Result<()> {
        self.guests.suspend(self.uuid(dom)?, &owner(call)).own()
    }

    fn domain_resume(&self, call: &Call, dom: &Domain) -> Result<()> {
        self.guests.resume(self.uuid(dom)?, &owner(call)).own()
    }

    fn domain_undefine(&self, call: &Call, dom: &Domain) -> Result<()> {
        self.domain_undefine_flags(call, dom, DomainUndefineFlags::EMPTY)
    }

    fn domain_undefine_flags(&self, call: &Call, dom: &Domain, flags: DomainUndefineFlags) -> Result<()> {
        use DomainUndefineFlags as F;
        let known = F::MANAGED_SAVE
            | F::SNAPSHOTS_METADATA
            | F::NVRAM
            | F::KEEP_NVRAM
            | F::CHECKPOINTS_METADATA
            | F::TPM
            | F::KEEP_TPM;
        check_flags(flags.0, known.0, "domain_undefine_flags")?;
        if flags.contains(F::NVRAM | F::KEEP_NVRAM) {
            return Err(Error::new(ErrorCode::INVALID_ARG, "cannot both keep and delete nvram")).own();
        }
        let along = Undefine {
            managed_save: flags.contains(F::MANAGED_SAVE),
            nvram: flags.contains(F::NVRAM),
            keep_nvram: flags.contains(F::KEEP_NVRAM),
            tpm: match (flags.contains(F::TPM), flags.contains(F::KEEP_TPM)) {
                (true, true) => {
                    return Err(Error::new(ErrorCode::INVALID_ARG, "cannot both keep and delete TPM")).own();
                }
                (true, false) => Fate::Removed,
                (false, true) => Fate::Kept,
                (false, false) => Fate::AsDefined,
            },
        };
        self.guests.undefine(self.uuid(dom)?, along, &owner(call)).own()
    }

    fn domain_rename(&self, call: &Call, dom: &Domain, new_name: Option<&str>, flags: u32) -> Result<i32> {
        check_flags(flags, 0, "domain_rename")?;
        self.guests.rename(self.uuid(dom)?, new_name.unwrap_or_default(), &owner(call)).own()?;
        Ok(0)
    }

    fn domain_pm_wakeup(&self, call: &Call, dom: &Domain, flags: u32) -> Result<()> {
        check_flags(flags, 0, "domain_pm_wakeup")?;
        self.guests.wakeup(self.uuid(dom)?, &owner(call)).own()
    }

    fn domain_pm_suspend_for_duration(
        &self,
        call: &Call,
        dom: &Domain,
        target: u32,
        duration: u64,
        flags: u32,
    ) -> Result<()> {
        check_flags(flags, 0, "domain_pm_suspend_for_duration")?;
        if duration != 0 {
            return Err(Error::new(ErrorCode::ARGUMENT_UNSUPPORTED, "Duration not supported. Use 0 for now")).own();
        }
        if target > 2 {
            let text = format!("Unknown suspend target: {target}");
            return Err(Error::new(ErrorCode::ARGUMENT_UNSUPPORTED, text)).own();
        }
        self.guests.agent_suspend(self.uuid(dom)?, target, &owner(call)).own()
    }

    #[quick]
    fn domain_get_autostart(&self, _call: &Call, dom: &Domain) -> Result<bool> {
        Ok(self.read(dom)?.status.autostart)
    }

    fn domain_set_autostart(&self, call: &Call, dom: &Domain, autostart: bool) -> Result<()> {
        self.guests.set_autostart(self.uuid(dom)?, autostart, &owner(call)).own()
    }
}

/// Which ways of asking the guest are allowed.
fn mode(agent: bool, acpi: bool) -> RebootMode {
    match (agent, acpi) {
        (true, false) => RebootMode::Agent,
        (true, true) => RebootMode::Any,
        _ => RebootMode::Acpi,
    }
}

fn schema(check: bool) -> Schema {
    if check { Schema::Check } else { Schema::Ignore }
}

fn start_options(flags: DomainCreateFlags, call: &str) -> Result<StartOptions> {
    use DomainCreateFlags as F;
    let known =
        F::START_PAUSED | F::START_BYPASS_CACHE | F::START_FORCE_BOOT | F::START_VALIDATE | F::START_RESET_NVRAM;
    check_flags(flags.0, known.0, call)?;
    Ok(StartOptions {
        paused: flags.contains(F::START_PAUSED),
        reset_nvram: flags.contains(F::START_RESET_NVRAM),
        schema: schema(flags.contains(F::START_VALIDATE)),
    })
}
