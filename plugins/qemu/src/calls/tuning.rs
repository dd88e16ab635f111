//! Limits that the host keeps through control groups and traffic control.
//!
//! This driver puts no guest into a control group. What a definition says for
//! the next start can be read and changed; a running guest has nothing that
//! could be read or changed, and calls say so in the words that clients know.

use oxivirt_conf::domain::{DomainDefinition, LifecycleAction};
use oxivirt_core::call::Call;
use oxivirt_core::constants::{DomainLifecycle, DomainLifecycleAction};
use oxivirt_core::types::{Domain, STRING_OKAY, TypedKind, TypedParam, TypedValue};
use oxivirt_core::{Error, ErrorCode, ErrorDomain, Result};

use super::{IMPACT, Own, affected, affected_one, check_flags, owner};
use crate::QemuConnection;
use crate::guests::card_at;

pub(super) use oxivirt_conf::domain::tuning::Known;

/// What the host would need to keep a limit.
#[derive(Debug, Clone, Copy)]
pub(super) enum Controller<'n> {
    Cpu,
    CpuSet,
    Memory,
    Blkio,
    /// Traffic control on the device of a card.
    Traffic(&'n str),
}

impl Controller<'_> {
    /// The error of a call that needs it for a running guest.
    pub(super) fn missing(self) -> Error {
        match self {
            Self::Cpu => Error::operation_invalid("cgroup CPU controller is not mounted"),
            Self::CpuSet => Error::operation_invalid("cgroup cpuset controller is not mounted"),
            Self::Memory => Error::operation_invalid("cgroup memory controller is not mounted"),
            Self::Blkio => Error::operation_invalid("blkio cgroup isn't mounted"),
            Self::Traffic(device) => Error::new(
                ErrorCode::OPERATION_UNSUPPORTED,
                format!("limits of the traffic of '{device}' cannot be set on this host"),
            ),
        }
        .in_domain(ErrorDomain::QEMU)
    }
}

/// Names and kinds of how a guest is scheduled.
pub(super) const SCHEDULER: Known = &[
    ("cpu_shares", TypedKind::UnsignedLongLong),
    ("vcpu_period", TypedKind::UnsignedLongLong),
    ("vcpu_quota", TypedKind::LongLong),
    ("emulator_period", TypedKind::UnsignedLongLong),
    ("emulator_quota", TypedKind::LongLong),
    ("global_period", TypedKind::UnsignedLongLong),
    ("global_quota", TypedKind::LongLong),
    ("iothread_period", TypedKind::UnsignedLongLong),
    ("iothread_quota", TypedKind::LongLong),
];

/// How a definition has the guest scheduled; 0 where nothing is said.
pub(super) fn scheduler(definition: &DomainDefinition) -> Vec<TypedParam> {
    let tune = definition.cputune.as_deref().cloned().unwrap_or_default();
    let long = |value: Option<u64>| TypedValue::UnsignedLongLong(value.unwrap_or(0));
    let signed = |value: Option<i64>| TypedValue::LongLong(value.unwrap_or(0));
    vec![
        TypedParam::new("cpu_shares", long(tune.shares)),
        TypedParam::new("vcpu_period", long(tune.period)),
        TypedParam::new("vcpu_quota", signed(tune.quota)),
        TypedParam::new("emulator_period", long(tune.emulator_period)),
        TypedParam::new("emulator_quota", signed(tune.emulator_quota)),
        TypedParam::new("global_period", long(tune.global_period)),
        TypedParam::new("global_quota", signed(tune.global_quota)),
        TypedParam::new("iothread_period", long(tune.iothread_period)),
        TypedParam::new("iothread_quota", signed(tune.iothread_quota)),
    ]
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
        controller: Option<Controller<'_>>,
        get: impl Fn(&DomainDefinition) -> Vec<TypedParam>,
    ) -> Result<Vec<TypedParam>> {
        check_flags(flags, IMPACT | STRING_OKAY, name)?;
        let snapshot = self.read(dom)?;
        let which = affected_one(&snapshot, flags, name)?;
        match controller {
            // The scheduler is only known where it can be asked, whatever is meant.
            Some(Controller::Cpu) if snapshot.is_active() => Err(Controller::Cpu.missing()),
            Some(controller) if which.live() => Err(controller.missing()),
            _ => Ok(get(which.of(&snapshot))),
        }
    }

    /// Changes what a definition says for the next start.
    pub(super) fn tune(
        &self,
        call: &Call,
        dom: &Domain,
        flags: u32,
        name: &str,
        controller: Controller<'_>,
        change: impl Fn(&mut DomainDefinition) -> Result<()>,
    ) -> Result<()> {
        check_flags(flags, IMPACT, name)?;
        let job = self.guests.modify(self.uuid(dom)?, &owner(call)).own()?;
        let snapshot = job.snapshot();
        let which = affected(&snapshot, flags)?;
        if let Controller::Traffic(device) = controller {
            card_at(which.of(&snapshot), device)?;
        }
        if which.live() || matches!(controller, Controller::Cpu) && snapshot.is_active() {
            return Err(controller.missing());
        }
        self.guests.edit_stored(&job, &change).own()
    }
}
