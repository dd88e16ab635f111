//! From state to state.

use std::sync::Arc;

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::object::{Definition, JobKind};
use oxivirt_core::call::Call;
use oxivirt_core::constants::{
    DefinedDetail, DomainCreateFlags, DomainDefineFlags, DomainDestroyFlags, DomainEventType, DomainRebootFlags,
    DomainShutdownFlags, DomainStateCode, DomainUndefineFlags, PausedReason, ResumedDetail, RunningReason,
    ShutoffReason, StoppedDetail, SuspendedDetail, UndefinedDetail,
};
use oxivirt_core::interface::{DomainLifecycle, implements};
use oxivirt_core::types::Domain;
use oxivirt_core::{Error, ErrorDomain, Result};

use crate::TestConnection;
use crate::definition::{self, running, starts_again};
use crate::error::{Own, check_flags};
use crate::state::{Job, Nothing, Snapshot, Start, State, Status, begin, owner, reference};

#[implements]
impl DomainLifecycle for TestConnection {
    fn domain_create(&self, call: &Call, dom: &Domain) -> Result<()> {
        self.domain_create_with_flags(call, dom, DomainCreateFlags::EMPTY).map(drop)
    }

    fn domain_create_xml(&self, call: &Call, xml_desc: &str, flags: DomainCreateFlags) -> Result<Domain> {
        check_flags(flags.0, DomainCreateFlags::START_VALIDATE.0, "domain_create_xml")?;
        let definition = definition::parse(xml_desc, flags.contains(DomainCreateFlags::START_VALIDATE))?;
        self.state().run(call, Arc::new(definition), Start::BOOTED)
    }

    fn domain_define_xml(&self, call: &Call, xml: &str) -> Result<Domain> {
        self.domain_define_xml_flags(call, xml, DomainDefineFlags::EMPTY)
    }

    fn domain_define_xml_flags(&self, call: &Call, xml: &str, flags: DomainDefineFlags) -> Result<Domain> {
        check_flags(flags.0, DomainDefineFlags::VALIDATE.0, "domain_define_xml_flags")?;
        let definition = definition::parse(xml, flags.contains(DomainDefineFlags::VALIDATE))?;
        self.state().define(call, Arc::new(definition))
    }

    fn domain_create_with_flags(&self, call: &Call, dom: &Domain, flags: DomainCreateFlags) -> Result<Domain> {
        check_flags(flags.0, 0, "domain_create_with_flags")?;
        let job = self.state().change(call, dom)?;
        let snapshot = job.snapshot();
        if snapshot.status.state != DomainStateCode::SHUTOFF {
            let name = snapshot.definition().name();
            return Err(Error::internal(format!("Domain '{name}' is already running"))).own();
        }
        self.state().start(&job, Arc::clone(snapshot.inactive_definition()), Start::BOOTED)
    }

    fn domain_create_xml_with_files(&self, call: &Call, xml_desc: &str, flags: DomainCreateFlags) -> Result<Domain> {
        // There is no first process that could inherit them.
        self.domain_create_xml(call, xml_desc, flags)
    }

    fn domain_create_with_files(&self, call: &Call, dom: &Domain, flags: DomainCreateFlags) -> Result<Domain> {
        self.domain_create_with_flags(call, dom, flags)
    }

    fn domain_destroy(&self, call: &Call, dom: &Domain) -> Result<()> {
        self.domain_destroy_flags(call, dom, DomainDestroyFlags::DEFAULT)
    }

    fn domain_destroy_flags(&self, call: &Call, dom: &Domain, flags: DomainDestroyFlags) -> Result<()> {
        check_flags(flags.0, DomainDestroyFlags::GRACEFUL.0, "domain_destroy_flags")?;
        let job = self.state().change_active(call, dom)?;
        self.state().stop(&job, ShutoffReason::DESTROYED, StoppedDetail::DESTROYED)
    }

    fn domain_shutdown(&self, call: &Call, dom: &Domain) -> Result<()> {
        self.domain_shutdown_flags(call, dom, DomainShutdownFlags::DEFAULT)
    }

    fn domain_shutdown_flags(&self, call: &Call, dom: &Domain, flags: DomainShutdownFlags) -> Result<()> {
        check_flags(flags.0, 0, "domain_shutdown_flags")?;
        let job = self.state().change(call, dom)?;
        let snapshot = job.snapshot();
        if snapshot.status.state == DomainStateCode::SHUTOFF {
            return Err(Error::internal(format!("domain '{}' not running", snapshot.definition().name()))).own();
        }
        self.state().end_or_restart(&job, starts_again(snapshot.definition().on_poweroff))
    }

    fn domain_reboot(&self, call: &Call, dom: &Domain, flags: DomainRebootFlags) -> Result<()> {
        let known = DomainRebootFlags::ALL.iter().fold(0, |known, (flag, _)| known | flag.0);
        check_flags(flags.0, known, "domain_reboot")?;
        let job = self.state().change_active(call, dom)?;
        let again = starts_again(job.snapshot().definition().on_reboot);
        self.state().end_or_restart(&job, again)
    }

    fn domain_reset(&self, call: &Call, dom: &Domain, flags: u32) -> Result<()> {
        check_flags(flags, 0, "domain_reset")?;
        // There is no machine whose state would begin anew.
        self.state().change_active(call, dom).map(drop)
    }

    fn domain_suspend(&self, call: &Call, dom: &Domain) -> Result<()> {
        let job = self.state().change(call, dom)?;
        job.update(|snapshot| {
            if snapshot.status.state != DomainStateCode::RUNNING {
                return Err(Error::internal(format!("domain '{}' not running", snapshot.definition().name())));
            }
            snapshot.status.enter(DomainStateCode::PAUSED, PausedReason::USER.0);
            Ok(())
        })
        .own()?;
        self.state().emit(&reference(&job.snapshot()), DomainEventType::SUSPENDED, SuspendedDetail::PAUSED.0);
        Ok(())
    }

    fn domain_resume(&self, call: &Call, dom: &Domain) -> Result<()> {
        let job = self.state().change(call, dom)?;
        job.update(|snapshot| {
            if snapshot.status.state != DomainStateCode::PAUSED {
                return Err(Error::internal(format!("domain '{}' not paused", snapshot.definition().name())));
            }
            snapshot.status.enter(DomainStateCode::RUNNING, RunningReason::UNPAUSED.0);
            Ok(())
        })
        .own()?;
        self.state().emit(&reference(&job.snapshot()), DomainEventType::RESUMED, ResumedDetail::UNPAUSED.0);
        Ok(())
    }

    fn domain_undefine(&self, call: &Call, dom: &Domain) -> Result<()> {
        self.domain_undefine_flags(call, dom, DomainUndefineFlags::EMPTY)
    }

    fn domain_undefine_flags(&self, call: &Call, dom: &Domain, flags: DomainUndefineFlags) -> Result<()> {
        let known = DomainUndefineFlags::MANAGED_SAVE | DomainUndefineFlags::SNAPSHOTS_METADATA;
        check_flags(flags.0, known.0, "domain_undefine_flags")?;
        let job = self.state().change(call, dom)?;
        self.state().undefine(&job, flags)
    }

    fn domain_rename(&self, call: &Call, dom: &Domain, new_name: Option<&str>, flags: u32) -> Result<i32> {
        check_flags(flags, 0, "domain_rename")?;
        let new_name = new_name.unwrap_or_default();
        definition::check_name(new_name)?;
        let job = self.state().change(call, dom)?;
        self.state().rename(&job, new_name)?;
        Ok(0)
    }

    #[quick]
    fn domain_get_autostart(&self, _call: &Call, dom: &Domain) -> Result<bool> {
        Ok(self.state().read(dom)?.status.autostart)
    }

    fn domain_set_autostart(&self, call: &Call, dom: &Domain, autostart: bool) -> Result<()> {
        self.state().change_status(call, dom, |status| status.autostart = autostart)
    }
}

impl State {
    /// Defines a domain or changes the definition of the one that has its uuid.
    fn define(&self, call: &Call, definition: Arc<DomainDefinition>) -> Result<Domain> {
        loop {
            let job = match self.namesake(call, &definition)? {
                Some(job) => job,
                None => {
                    let snapshot = Snapshot::inactive(Arc::clone(&definition), Status::new(DomainStateCode::SHUTOFF));
                    match self.domains.insert_with_job(snapshot, Nothing, JobKind::Modify, &owner(call)) {
                        Ok(job) => {
                            let domain = reference(&job.snapshot());
                            self.emit(&domain, DomainEventType::DEFINED, DefinedDetail::ADDED.0);
                            return Ok(domain);
                        }
                        // Somebody else has defined it since.
                        Err(_) if self.is_namesake(&definition) => continue,
                        Err(error) => return Err(error.in_domain(ErrorDomain::DOMAIN)),
                    }
                }
            };
            let was_defined = job.update(|snapshot| {
                let was_defined = snapshot.is_persistent();
                snapshot.store(Arc::clone(&definition));
                snapshot.status.updated = was_defined && snapshot.is_active();
                Ok(was_defined)
            });
            let detail = if was_defined? { DefinedDetail::UPDATED } else { DefinedDetail::ADDED };
            let domain = reference(&job.snapshot());
            self.emit(&domain, DomainEventType::DEFINED, detail.0);
            return Ok(domain);
        }
    }

    /// Starts a domain that need not be defined.
    pub(crate) fn run(&self, call: &Call, definition: Arc<DomainDefinition>, how: Start) -> Result<Domain> {
        loop {
            if let Some(job) = self.namesake(call, &definition)? {
                if job.snapshot().is_active() {
                    let text = format!("domain '{}' is already active", definition.name());
                    return Err(Error::operation_invalid(text).in_domain(ErrorDomain::DOMAIN));
                }
                return self.start(&job, definition, how);
            }
            self.check_free(&definition)?;
            self.script(definition.name(), "start", "before", "-")?;
            let mut status = Status::new(DomainStateCode::RUNNING);
            status.reason = how.reason.0;
            let id = self.domains.next_id().own()?;
            let snapshot = Snapshot::active(running(&definition, id), None, Some(id), status);
            match self.domains.insert_with_job(snapshot, Nothing, JobKind::Modify, &owner(call)) {
                Ok(job) => {
                    let domain = reference(&job.snapshot());
                    self.emit(&domain, DomainEventType::STARTED, how.detail.0);
                    self.script(&domain.name, "start", "after", how.word())?;
                    return Ok(domain);
                }
                // Somebody else has made it since.
                Err(_) if self.is_namesake(&definition) => continue,
                Err(error) => return Err(error.in_domain(ErrorDomain::DOMAIN)),
            }
        }
    }

    /// The domain with the name and the uuid of `definition`, ready to be changed.
    fn namesake(&self, call: &Call, definition: &DomainDefinition) -> Result<Option<Job>> {
        while let Some(object) = self.domains.by_uuid(definition.uuid()) {
            if object.snapshot().definition().name() != definition.name() {
                return Ok(None);
            }
            match begin(&object, call) {
                Ok(job) => return Ok(Some(job)),
                Err(_) if object.is_removed() => continue,
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Refuses a name or uuid that is taken before an id is spent on it.
    fn check_free(&self, definition: &DomainDefinition) -> Result<()> {
        let text = if let Some(other) = self.domains.by_uuid(definition.uuid()) {
            let other = other.snapshot();
            format!("domain '{}' is already defined with uuid {}", other.definition().name(), definition.uuid())
        } else if let Some(other) = self.domains.by_name(definition.name()) {
            format!("domain '{}' already exists with uuid {}", definition.name(), other.uuid())
        } else {
            return Ok(());
        };
        Err(Error::operation_failed(text).in_domain(ErrorDomain::DOMAIN))
    }

    fn is_namesake(&self, definition: &DomainDefinition) -> bool {
        let other = self.domains.by_uuid(definition.uuid());
        other.is_some_and(|object| object.snapshot().definition().name() == definition.name())
    }

    /// Makes a domain that does not run run, under a new id.
    fn start(&self, job: &Job, definition: Arc<DomainDefinition>, how: Start) -> Result<Domain> {
        self.script(definition.name(), "start", "before", "-")?;
        let id = self.domains.next_id().own()?;
        job.update(|snapshot| {
            snapshot.start(running(&definition, id), Some(id));
            let status = &mut snapshot.status;
            (status.updated, status.tainted, status.managed_save) = (false, false, false);
            status.frozen = Default::default();
            status.enter(DomainStateCode::RUNNING, how.reason.0);
            Ok(())
        })
        .own()?;
        let domain = reference(&job.snapshot());
        self.emit(&domain, DomainEventType::STARTED, how.detail.0);
        self.script(&domain.name, "start", "after", how.word())?;
        Ok(domain)
    }

    /// Makes a running domain not run; one that is not defined goes.
    pub(crate) fn stop(&self, job: &Job, reason: ShutoffReason, detail: StoppedDetail) -> Result<()> {
        self.stop_with(job, reason, detail, |_| {})
    }

    /// As [`State::stop`], with one more change in the same step.
    pub(crate) fn stop_with(
        &self,
        job: &Job,
        reason: ShutoffReason,
        detail: StoppedDetail,
        also: impl FnOnce(&mut Status),
    ) -> Result<()> {
        let before = job.snapshot();
        let word = if reason == ShutoffReason::SHUTDOWN { "shutdown" } else { "destroyed" };
        self.script(before.definition().name(), "stop", "before", word)?;
        if !before.is_persistent() {
            // Before it stops, so that no listing shows it off.
            self.domains.remove(job);
        }
        job.update(|snapshot| {
            snapshot.stop();
            snapshot.status.enter(DomainStateCode::SHUTOFF, reason.0);
            also(&mut snapshot.status);
            Ok(())
        })
        .own()?;
        let last = if before.is_persistent() { job.snapshot() } else { before };
        self.emit(&reference(&last), DomainEventType::STOPPED, detail.0);
        self.script(last.definition().name(), "stop", "after", word)
    }

    /// What the guest's end leads to, as its definition says.
    fn end_or_restart(&self, job: &Job, again: bool) -> Result<()> {
        if !again {
            return self.stop(job, ShutoffReason::SHUTDOWN, StoppedDetail::SHUTDOWN);
        }
        let name = job.snapshot().definition().name().to_owned();
        self.script(&name, "reboot", "before", "-")?;
        job.update(|snapshot| {
            snapshot.status.enter(DomainStateCode::RUNNING, RunningReason::BOOTED.0);
            Ok(())
        })
        .own()?;
        self.script(&name, "reboot", "after", "-")
    }

    /// Calls the operator's event script about a domain.
    fn script(&self, name: &str, event: &str, qualifier: &str, extra: &str) -> Result<()> {
        self.host.run_event_script("domain", name, event, qualifier, extra)
    }

    fn undefine(&self, job: &Job, flags: DomainUndefineFlags) -> Result<()> {
        let snapshot = job.snapshot();
        if !snapshot.is_persistent() {
            return Err(Error::operation_invalid("cannot undefine transient domain")).own();
        }
        if snapshot.status.managed_save && !flags.contains(DomainUndefineFlags::MANAGED_SAVE) {
            let text = "Refusing to undefine while domain managed save image exists";
            return Err(Error::operation_invalid(text)).own();
        }
        let snapshots = snapshot.status.snapshots.len();
        if snapshots > 0 && !snapshot.is_active() && !flags.contains(DomainUndefineFlags::SNAPSHOTS_METADATA) {
            let text = format!("cannot delete inactive domain with {snapshots} snapshots");
            return Err(Error::operation_invalid(text)).own();
        }
        if snapshot.is_active() {
            job.update(|snapshot| {
                snapshot.forget_stored();
                Ok(())
            })
            .own()?;
        } else {
            self.domains.remove(job);
        }
        self.emit(&reference(&snapshot), DomainEventType::UNDEFINED, UndefinedDetail::REMOVED.0);
        Ok(())
    }

    fn rename(&self, job: &Job, new_name: &str) -> Result<()> {
        let snapshot = job.snapshot();
        if snapshot.is_active() {
            return Err(Error::operation_invalid("cannot rename active domain")).own();
        }
        if snapshot.definition().name() == new_name {
            return Err(Error::operation_invalid("Can't rename domain to itself").in_domain(ErrorDomain::DOMAIN));
        }
        let mut renamed = DomainDefinition::clone(snapshot.definition());
        renamed.name = new_name.to_owned();
        self.domains.rename(job, renamed).map_err(|error| error.in_domain(ErrorDomain::DOMAIN))?;
        self.emit(&reference(&snapshot), DomainEventType::UNDEFINED, UndefinedDetail::RENAMED.0);
        self.emit(&reference(&job.snapshot()), DomainEventType::DEFINED, DefinedDetail::RENAMED.0);
        Ok(())
    }

    /// Changes what belongs to a definition; a domain without one has no use for it.
    fn change_status(&self, call: &Call, dom: &Domain, change: impl FnOnce(&mut Status)) -> Result<()> {
        self.change(call, dom)?
            .update(|snapshot| {
                if !snapshot.is_persistent() {
                    return Err(Error::operation_invalid("cannot set autostart for transient domain"));
                }
                change(&mut snapshot.status);
                Ok(())
            })
            .own()
    }
}
