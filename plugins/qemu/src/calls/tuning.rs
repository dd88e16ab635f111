//! Limits that the host keeps through control groups and traffic control.
//!
//! What a definition says for the next start can always be read and changed. A
//! running guest without the groups that are needed has nothing that could be
//! read or changed, and calls say so in the words that clients know.

use oxivirt_conf::domain::{DomainDefinition, LifecycleAction};
use oxivirt_core::call::Call;
use oxivirt_core::constants::{DomainLifecycle, DomainLifecycleAction};
use oxivirt_core::types::{Domain, STRING_OKAY, TypedParam, TypedValue};
use oxivirt_core::{Error, ErrorDomain, Result};
use oxivirt_util::cgroup;

use super::{IMPACT, Own, affected, affected_one, check_flags, owner};
use crate::QemuConnection;
use crate::guests::live_params;

pub(super) use oxivirt_conf::domain::tuning::Known;

/// What the host would need to keep a limit.
#[derive(Debug, Clone, Copy)]
pub(super) enum Controller {
    Cpu,
    CpuSet,
    Memory,
    Blkio,
}

impl Controller {
    /// The kernel's name for it.
    fn kernel(self) -> Option<cgroup::Controller> {
        match self {
            Self::Cpu => Some(cgroup::Controller::Cpu),
            Self::CpuSet => Some(cgroup::Controller::CpuSet),
            Self::Memory => Some(cgroup::Controller::Memory),
            Self::Blkio => Some(cgroup::Controller::Blkio),
        }
    }

    /// The error of a call that needs it for a running guest.
    pub(super) fn missing(self) -> Error {
        match self {
            Self::Cpu => Error::operation_invalid("cgroup CPU controller is not mounted"),
            Self::CpuSet => Error::operation_invalid("cgroup cpuset controller is not mounted"),
            Self::Memory => Error::operation_invalid("cgroup memory controller is not mounted"),
            Self::Blkio => Error::operation_invalid("blkio cgroup isn't mounted"),
        }
        .in_domain(ErrorDomain::QEMU)
    }
}

/// Errors: `INVALID_ARG` a period or quota that the kernel does not take.
pub(super) fn set_scheduler(definition: &mut DomainDefinition, params: &[TypedParam]) -> Result<()> {
    let tune = definition.cputune.get_or_insert_default();
    for param in params {
        let name = param.field();
        match param.value() {
            TypedValue::UnsignedLongLong(value) => {
                if name != "cpu_shares" && value != 0 && !(1_000..=1_000_000).contains(&value) {
                    return Err(Error::invalid_arg(format!("value of '{name}' is out of range [1000, 1000000]")));
                }
                let value = Some(value).filter(|value| *value != 0);
                match name {
                    "cpu_shares" => tune.shares = value,
                    "vcpu_period" => tune.period = value,
                    "emulator_period" => tune.emulator_period = value,
                    "global_period" => tune.global_period = value,
                    _ => tune.iothread_period = value,
                }
            }
            TypedValue::LongLong(value) => {
                if value != 0 && !(1_000..=17_592_186_044_415).contains(&value) && value >= 0 {
                    let text = format!("value of '{name}' is out of range [1000, 17592186044415]");
                    return Err(Error::invalid_arg(text));
                }
                let value = Some(value).filter(|value| *value != 0);
                match name {
                    "vcpu_quota" => tune.quota = value,
                    "emulator_quota" => tune.emulator_quota = value,
                    "global_quota" => tune.global_quota = value,
                    _ => tune.iothread_quota = value,
                }
            }
            _ => {}
        }
    }
    if **tune == Default::default() {
        definition.cputune = None;
    }
    Ok(())
}

/// What follows the end of a guest, in the order of the numbers.
const ACTIONS: [LifecycleAction; 6] = [
    LifecycleAction::Destroy,
    LifecycleAction::Restart,
    LifecycleAction::RenameRestart,
    LifecycleAction::Preserve,
    LifecycleAction::CoredumpDestroy,
    LifecycleAction::CoredumpRestart,
];

/// The action with a number, if it may follow that end.
pub(super) fn action(end: DomainLifecycle, number: DomainLifecycleAction) -> Result<LifecycleAction> {
    let refuse = |text: String| Err(Error::invalid_arg(text).in_domain(ErrorDomain::DOMAIN));
    if end.name().is_none() {
        return refuse(format!("invalid lifecycle type '{}'", end.0));
    }
    let Some(wanted) = usize::try_from(number.0).ok().and_then(|number| ACTIONS.get(number)) else {
        return refuse(format!("invalid lifecycle action '{}'", number.0));
    };
    if end != DomainLifecycle::CRASH && *wanted == LifecycleAction::Preserve {
        let text = "qemu driver doesn't support the 'preserve' action for 'on_reboot'/'on_poweroff'";
        return Err(Error::config_unsupported(text).in_domain(ErrorDomain::QEMU));
    }
    if *wanted == LifecycleAction::RenameRestart {
        let text = "qemu driver doesn't support the 'rename-restart' action for 'on_reboot'/'on_poweroff'/'on_crash'";
        return Err(Error::config_unsupported(text).in_domain(ErrorDomain::QEMU));
    }
    let dumps = matches!(wanted, LifecycleAction::CoredumpDestroy | LifecycleAction::CoredumpRestart);
    if dumps && end != DomainLifecycle::CRASH {
        let event = if end == DomainLifecycle::REBOOT { "reboot" } else { "poweroff" };
        let text = format!("Lifecycle event '{event}' doesn't support '{wanted}' action");
        return Err(Error::config_unsupported(text).in_domain(ErrorDomain::DOMAIN));
    }
    Ok(*wanted)
}

impl QemuConnection {
    /// What a definition says as parameters.
    ///
    /// * `controller` – without which a running guest has nothing to say.
    pub(super) fn params(
        &self,
        dom: &Domain,
        flags: u32,
        name: &str,
        controller: Option<Controller>,
        get: impl Fn(&DomainDefinition) -> Vec<TypedParam>,
    ) -> Result<Vec<TypedParam>> {
        check_flags(flags, IMPACT | STRING_OKAY, name)?;
        let object = self.find(dom)?;
        let snapshot = object.snapshot();
        let which = affected_one(&snapshot, flags, name)?;
        let said = get(which.of(&snapshot));
        match controller {
            // The scheduler is only known where it can be asked, whatever is meant.
            Some(controller) if which.live() || matches!(controller, Controller::Cpu) && snapshot.is_active() => {
                let run = object.private().run();
                let groups =
                    run.as_ref().and_then(|run| Some((run.controlled(controller.kernel()?)?, controller.kernel()?)));
                let (groups, kernel) = groups.ok_or_else(|| controller.missing())?;
                match which.live() {
                    true => live_params(&snapshot, groups, kernel, said).own(),
                    false => Ok(said),
                }
            }
            _ => Ok(said),
        }
    }

    /// Whether a guest can be scheduled: one that is off by what is stored, one that runs by its groups.
    pub(super) fn is_scheduled(&self, dom: &Domain) -> Result<()> {
        let object = self.find(dom)?;
        let run = object.private().run();
        match !object.snapshot().is_active() || run.is_some_and(|run| run.controlled(cgroup::Controller::Cpu).is_some())
        {
            true => Ok(()),
            false => Err(Controller::Cpu.missing()),
        }
    }

    /// Changes what a definition says, and what the kernel does if it is the one of a running guest.
    pub(super) fn tune(
        &self,
        call: &Call,
        dom: &Domain,
        flags: u32,
        name: &str,
        controller: Controller,
        change: impl Fn(&mut DomainDefinition) -> Result<()>,
    ) -> Result<()> {
        check_flags(flags, IMPACT, name)?;
        let job = self.guests.modify(self.uuid(dom)?, &owner(call)).own()?;
        let snapshot = job.snapshot();
        let which = affected(&snapshot, flags)?;
        if which.live() || matches!(controller, Controller::Cpu) && snapshot.is_active() {
            let run = job.private().run();
            let kernel = controller.kernel().ok_or_else(|| controller.missing())?;
            let groups = run.as_ref().and_then(|run| run.controlled(kernel));
            let groups = groups.ok_or_else(|| controller.missing())?;
            if which.live() {
                self.guests.tune_live(&job, groups, kernel, &change).own()?;
            }
        }
        match which.config() {
            true => self.guests.edit_stored(&job, &change).own(),
            false => Ok(()),
        }
    }
}
