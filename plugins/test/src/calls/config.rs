//! Memory, virtual CPUs, limits and places.

use std::sync::Arc;

use oxivirt_conf::domain::devices::{BalloonModel, BalloonStats};
use oxivirt_conf::domain::{CpuMapList, CpuSet, EmulatorPin, IoThread, LifecycleAction, VcpuPin};
use oxivirt_conf::object::Affected;
use oxivirt_conf::xml::KiB;
use oxivirt_core::call::Call;
use oxivirt_core::constants::{
    DomainLifecycle, DomainLifecycleAction, DomainMemoryFlags, DomainModificationImpact, DomainVcpuFlags,
};
use oxivirt_core::interface::{DomainConfig, implements};
use oxivirt_core::types::{
    Bytes, Counted, Domain, IothreadInfo, List, STRING_OKAY, SchedulerType, TypedParam, answer_params, check_params,
    limit,
};
use oxivirt_core::{Error, ErrorDomain, Result};

use super::tuning::{bandwidth, blkio, iothreads, memory, numa, scheduler};
use super::{IMPACT, affected, affected_one, affected_single, cpu_set, edit, interface};
use crate::TestConnection;
use crate::error::{Own, argument, check_flags};
use crate::node::MAX_VCPUS;

#[implements]
impl DomainConfig for TestConnection {
    fn domain_set_max_memory(&self, call: &Call, dom: &Domain, memory: u64) -> Result<()> {
        self.domain_set_memory_flags(call, dom, memory, DomainMemoryFlags::MAXIMUM)
    }

    fn domain_set_memory(&self, call: &Call, dom: &Domain, memory: u64) -> Result<()> {
        self.domain_set_memory_flags(call, dom, memory, DomainMemoryFlags::LIVE)
    }

    fn domain_set_memory_flags(&self, call: &Call, dom: &Domain, memory: u64, flags: DomainMemoryFlags) -> Result<()> {
        use DomainMemoryFlags as F;
        check_flags(flags.0, (F::LIVE | F::CONFIG | F::MAXIMUM).0, "domain_set_memory_flags")?;
        not_zero(memory, "domain_set_memory_flags", "memory")?;
        let job = self.state().change(call, dom)?;
        let snapshot = job.snapshot();
        let which = affected_one(&snapshot, flags.0, "domain_set_memory_flags")?;
        if flags.contains(F::MAXIMUM) {
            if which == Affected::Live {
                return Err(Error::operation_invalid("cannot resize the maximum memory on an active domain")).own();
            }
            return edit(which, &job, |definition| {
                definition.memory = KiB(memory);
                definition.current_memory = KiB(definition.current_memory.0.min(memory));
                Ok(())
            });
        }
        edit(which, &job, |definition| {
            if memory > definition.memory.0 {
                return Err(Error::invalid_arg("cannot set memory higher than max memory"));
            }
            definition.current_memory = KiB(memory);
            Ok(())
        })
        .own()
    }

    fn domain_set_memory_stats_period(
        &self,
        call: &Call,
        dom: &Domain,
        period: i32,
        flags: DomainMemoryFlags,
    ) -> Result<()> {
        use DomainMemoryFlags as F;
        check_flags(flags.0, (F::LIVE | F::CONFIG).0, "domain_set_memory_stats_period")?;
        let period =
            u32::try_from(period).map_err(|_| Error::invalid_arg(format!("period {period} is below 0"))).own()?;
        let job = self.state().change(call, dom)?;
        edit(affected_single(&job.snapshot(), flags.0)?, &job, |definition| {
            let balloon = definition.devices.memballoons.first_mut();
            let balloon = balloon.filter(|balloon| balloon.model != BalloonModel::None).ok_or_else(|| {
                Error::internal("No memory balloon device configured, can not set the collection period")
            })?;
            balloon.stats = Some(BalloonStats { period });
            Ok(())
        })
        .own()
    }

    fn domain_set_vcpus(&self, call: &Call, dom: &Domain, nvcpus: u32) -> Result<()> {
        self.domain_set_vcpus_flags(call, dom, nvcpus, DomainVcpuFlags::LIVE)
    }

    fn domain_set_vcpus_flags(&self, call: &Call, dom: &Domain, nvcpus: u32, flags: DomainVcpuFlags) -> Result<()> {
        use DomainVcpuFlags as F;
        check_flags(flags.0, (F::LIVE | F::CONFIG | F::MAXIMUM).0, "domain_set_vcpus_flags")?;
        not_zero(u64::from(nvcpus), "domain_set_vcpus_flags", "nvcpus")?;
        if flags.contains(F::MAXIMUM) && !flags.contains(F::CONFIG) {
            let text = "Flag 'VIR_DOMAIN_AFFECT_CONFIG' is required by flag 'VIR_DOMAIN_VCPU_MAXIMUM'".to_owned();
            return Err(argument(ErrorDomain::DOMAIN, "virDomainSetVcpusFlags".to_owned(), "flags", text));
        }
        if nvcpus > MAX_VCPUS {
            let text = format!("requested cpu amount exceeds maximum supported amount ({nvcpus} > {MAX_VCPUS})");
            return Err(Error::invalid_arg(text)).own();
        }
        let job = self.state().change(call, dom)?;
        let which = affected(&job.snapshot(), flags.0)?;
        if flags.contains(F::MAXIMUM) {
            // The most of a running domain never changes.
            return edit(Affected::Config, &job, |definition| {
                definition.vcpu.maximum = nvcpus;
                definition.vcpu.current = definition.vcpu.current.min(nvcpus);
                Ok(())
            });
        }
        edit(which, &job, |definition| {
            let maximum = definition.vcpu.maximum;
            if nvcpus > maximum {
                return Err(Error::invalid_arg(format!("requested cpu amount exceeds maximum ({nvcpus} > {maximum})")));
            }
            definition.vcpu.current = nvcpus;
            Ok(())
        })
        .own()
    }

    fn domain_pin_vcpu(&self, call: &Call, dom: &Domain, vcpu: u32, cpumap: &Bytes<{ limit::CPUMAP }>) -> Result<()> {
        self.domain_pin_vcpu_flags(call, dom, vcpu, cpumap, DomainModificationImpact::CURRENT)
    }

    fn domain_pin_vcpu_flags(
        &self,
        call: &Call,
        dom: &Domain,
        vcpu: u32,
        cpumap: &Bytes<{ limit::CPUMAP }>,
        flags: DomainModificationImpact,
    ) -> Result<()> {
        check_flags(flags.0, 0, "domain_pin_vcpu_flags")?;
        let cpuset = cpu_set(cpumap);
        let job = self.state().change(call, dom)?;
        let snapshot = job.snapshot();
        if !snapshot.is_active() {
            return Err(Error::operation_invalid("cannot pin vcpus on an inactive domain")).own();
        }
        if vcpu >= snapshot.definition().vcpu.current {
            return Err(Error::invalid_arg(format!("requested vcpu '{vcpu}' is not present in the domain"))).own();
        }
        edit(Affected::Live, &job, |definition| {
            let pins = &mut definition.cputune.get_or_insert_default().vcpupin;
            pins.retain(|pin| pin.vcpu != vcpu);
            pins.push(VcpuPin { vcpu, cpuset: cpuset.clone() });
            pins.sort_by_key(|pin| pin.vcpu);
            Ok(())
        })
    }

    #[quick]
    fn domain_get_scheduler_type(&self, _call: &Call, dom: &Domain) -> Result<SchedulerType> {
        self.state().read(dom)?;
        Ok(SchedulerType { r#type: scheduler::NAME.into(), nparams: scheduler::KNOWN.len() as i32 })
    }

    #[quick]
    fn domain_get_scheduler_parameters(
        &self,
        call: &Call,
        dom: &Domain,
        nparams: i32,
    ) -> Result<List<TypedParam, { limit::TUNING_PARAMETERS }>> {
        self.domain_get_scheduler_parameters_flags(call, dom, nparams, DomainModificationImpact::CURRENT)
    }

    fn domain_set_scheduler_parameters(
        &self,
        call: &Call,
        dom: &Domain,
        params: &List<TypedParam, { limit::TUNING_PARAMETERS }>,
    ) -> Result<()> {
        self.domain_set_scheduler_parameters_flags(call, dom, params, DomainModificationImpact::CURRENT)
    }

    fn domain_set_scheduler_parameters_flags(
        &self,
        _call: &Call,
        dom: &Domain,
        params: &List<TypedParam, { limit::TUNING_PARAMETERS }>,
        flags: DomainModificationImpact,
    ) -> Result<()> {
        check_flags(flags.0, 0, "domain_set_scheduler_parameters_flags")?;
        check_params(params, scheduler::KNOWN)?;
        // Nothing is scheduled, so nothing is remembered.
        self.state().read(dom).map(drop)
    }

    #[quick]
    fn domain_get_scheduler_parameters_flags(
        &self,
        _call: &Call,
        dom: &Domain,
        nparams: i32,
        flags: DomainModificationImpact,
    ) -> Result<List<TypedParam, { limit::TUNING_PARAMETERS }>> {
        check_flags(flags.0, STRING_OKAY, "domain_get_scheduler_parameters_flags")?;
        self.state().read(dom)?;
        Ok(answer_params(scheduler::get(), nparams, flags.0).own()?.items)
    }

    fn domain_set_memory_parameters(
        &self,
        call: &Call,
        dom: &Domain,
        params: &List<TypedParam, { limit::TUNING_PARAMETERS }>,
        flags: DomainModificationImpact,
    ) -> Result<()> {
        self.tune(call, dom, flags.0, "domain_set_memory_parameters", params, memory::KNOWN, |definition| {
            memory::set(definition, params)
        })
    }

    #[quick]
    fn domain_get_memory_parameters(
        &self,
        _call: &Call,
        dom: &Domain,
        nparams: i32,
        flags: DomainModificationImpact,
    ) -> Result<Counted<List<TypedParam, { limit::TUNING_PARAMETERS }>, i32>> {
        let definition = self.look_at(dom, flags.0, "domain_get_memory_parameters")?;
        answer_params(memory::get(&definition), nparams, flags.0).own()
    }

    fn domain_set_blkio_parameters(
        &self,
        call: &Call,
        dom: &Domain,
        params: &List<TypedParam, { limit::TUNING_PARAMETERS }>,
        flags: DomainModificationImpact,
    ) -> Result<()> {
        self.tune(call, dom, flags.0, "domain_set_blkio_parameters", params, blkio::KNOWN, |definition| {
            blkio::set(definition, params)
        })
    }

    #[quick]
    fn domain_get_blkio_parameters(
        &self,
        _call: &Call,
        dom: &Domain,
        nparams: i32,
        flags: DomainModificationImpact,
    ) -> Result<Counted<List<TypedParam, { limit::TUNING_PARAMETERS }>, i32>> {
        let definition = self.look_at(dom, flags.0, "domain_get_blkio_parameters")?;
        answer_params(blkio::get(&definition), nparams, flags.0).own()
    }

    fn domain_set_numa_parameters(
        &self,
        call: &Call,
        dom: &Domain,
        params: &List<TypedParam, { limit::TUNING_PARAMETERS }>,
        flags: DomainModificationImpact,
    ) -> Result<()> {
        check_flags(flags.0, IMPACT, "domain_set_numa_parameters")?;
        numa::check(params)?;
        self.tune(call, dom, flags.0, "domain_set_numa_parameters", params, numa::KNOWN, |definition| {
            numa::set(definition, params)
        })
    }

    #[quick]
    fn domain_get_numa_parameters(
        &self,
        _call: &Call,
        dom: &Domain,
        nparams: i32,
        flags: DomainModificationImpact,
    ) -> Result<Counted<List<TypedParam, { limit::TUNING_PARAMETERS }>, i32>> {
        let definition = self.look_at(dom, flags.0, "domain_get_numa_parameters")?;
        answer_params(numa::get(&definition), nparams, flags.0).own()
    }

    fn domain_set_interface_parameters(
        &self,
        call: &Call,
        dom: &Domain,
        device: &str,
        params: &List<TypedParam, { limit::TUNING_PARAMETERS }>,
        flags: DomainModificationImpact,
    ) -> Result<()> {
        self.tune(call, dom, flags.0, "domain_set_interface_parameters", params, bandwidth::KNOWN, |definition| {
            let at = interface(definition, device)?;
            if let Some(card) = definition.devices.interfaces.get_mut(at) {
                bandwidth::set(card, params);
            }
            Ok(())
        })
    }

    #[quick]
    fn domain_get_interface_parameters(
        &self,
        _call: &Call,
        dom: &Domain,
        device: &str,
        nparams: i32,
        flags: DomainModificationImpact,
    ) -> Result<Counted<List<TypedParam, { limit::TUNING_PARAMETERS }>, i32>> {
        let definition = self.look_at_single(dom, flags.0, "domain_get_interface_parameters")?;
        let card = definition.devices.interfaces.get(interface(&definition, device)?);
        answer_params(card.map(bandwidth::get).unwrap_or_default(), nparams, flags.0).own()
    }

    fn domain_pin_emulator(
        &self,
        call: &Call,
        dom: &Domain,
        cpumap: &Bytes<{ limit::CPUMAP }>,
        flags: DomainModificationImpact,
    ) -> Result<()> {
        let cpuset = cpu_set(cpumap);
        self.change_one(call, dom, flags.0, "domain_pin_emulator", |definition| {
            if cpuset.is_empty() {
                return Err(Error::invalid_arg("Empty cpu list for pinning"));
            }
            definition.cputune.get_or_insert_default().emulatorpin = Some(EmulatorPin { cpuset: cpuset.clone() });
            Ok(())
        })
    }

    #[quick]
    fn domain_get_iothread_info(
        &self,
        _call: &Call,
        dom: &Domain,
        flags: DomainModificationImpact,
    ) -> Result<Counted<List<IothreadInfo, { limit::LIST }>>> {
        let definition = self.look_at(dom, flags.0, "domain_get_iothread_info")?;
        let all = CpuSet::new(0..definition.vcpu.current);
        let describe = |thread: &IoThread| {
            let cpus = iothreads::pin_of(&definition, thread.id).unwrap_or(&all);
            let bytes = cpus.last().map_or(0, |last| last / 8 + 1);
            let mut map = CpuMapList::new(1, i32::try_from(bytes).unwrap_or(i32::MAX), 1, u32::MAX)?;
            map.push(Some(cpus));
            Ok(IothreadInfo { iothread_id: thread.id, cpumap: map.into_bytes().into() })
        };
        Counted::answer(true, definition.iothreads.iter().map(describe).collect::<Result<_>>().own()?)
    }

    fn domain_pin_iothread(
        &self,
        call: &Call,
        dom: &Domain,
        iothreads_id: u32,
        cpumap: &Bytes<{ limit::CPUMAP }>,
        flags: DomainModificationImpact,
    ) -> Result<()> {
        let cpuset = cpu_set(cpumap);
        self.change_one(call, dom, flags.0, "domain_pin_iothread", |definition| {
            if cpuset.is_empty() {
                return Err(Error::invalid_arg("Empty iothread cpumap list for pinning"));
            }
            iothreads::pin(definition, iothreads_id, &cpuset)
        })
    }

    fn domain_add_iothread(
        &self,
        call: &Call,
        dom: &Domain,
        iothread_id: u32,
        flags: DomainModificationImpact,
    ) -> Result<()> {
        check_flags(flags.0, IMPACT, "domain_add_iothread")?;
        check_thread(iothread_id)?;
        self.change_one(call, dom, flags.0, "domain_add_iothread", |definition| iothreads::add(definition, iothread_id))
    }

    fn domain_del_iothread(
        &self,
        call: &Call,
        dom: &Domain,
        iothread_id: u32,
        flags: DomainModificationImpact,
    ) -> Result<()> {
        not_zero(u64::from(iothread_id), "domain_del_iothread", "iothread_id")?;
        self.change_one(call, dom, flags.0, "domain_del_iothread", |definition| {
            iothreads::delete(definition, iothread_id)
        })
    }

    fn domain_set_iothread_params(
        &self,
        call: &Call,
        dom: &Domain,
        iothread_id: u32,
        params: &List<TypedParam, { limit::PARAMETERS }>,
        flags: DomainModificationImpact,
    ) -> Result<()> {
        check_flags(flags.0, DomainModificationImpact::LIVE.0, "domain_set_iothread_params")?;
        check_thread(iothread_id)?;
        let job = self.state().change(call, dom)?;
        let snapshot = job.snapshot();
        let definition = affected_single(&snapshot, flags.0)?.of(&snapshot);
        if !definition.iothreads.iter().any(|thread| thread.id == iothread_id) {
            return Err(Error::invalid_arg(format!("cannot find IOThread '{iothread_id}' in iothreadids"))).own();
        }
        check_params(params, iothreads::KNOWN)?;
        job.update(|snapshot| {
            let polling = Arc::make_mut(&mut snapshot.status.polling).entry(iothread_id).or_default();
            iothreads::set_polling(polling, params);
            Ok(())
        })
    }

    fn domain_set_lifecycle_action(
        &self,
        call: &Call,
        dom: &Domain,
        r#type: DomainLifecycle,
        action: DomainLifecycleAction,
        flags: DomainModificationImpact,
    ) -> Result<()> {
        check_flags(flags.0, IMPACT, "domain_set_lifecycle_action")?;
        let refuse = |text: String| Err(Error::invalid_arg(text).in_domain(ErrorDomain::DOMAIN));
        if r#type.name().is_none() {
            return refuse(format!("invalid lifecycle type '{}'", r#type.0));
        }
        let Some(wanted) = usize::try_from(action.0).ok().and_then(|number| ACTIONS.get(number)) else {
            return refuse(format!("invalid lifecycle action '{}'", action.0));
        };
        let dumps = matches!(wanted, LifecycleAction::CoredumpDestroy | LifecycleAction::CoredumpRestart);
        if dumps && r#type != DomainLifecycle::CRASH {
            let event = if r#type == DomainLifecycle::REBOOT { "reboot" } else { "poweroff" };
            let text = format!("Lifecycle event '{event}' doesn't support '{wanted}' action");
            return Err(Error::config_unsupported(text).in_domain(ErrorDomain::DOMAIN));
        }
        let job = self.state().change(call, dom)?;
        let which = affected(&job.snapshot(), flags.0)?;
        edit(which, &job, |definition| {
            let place = match r#type {
                DomainLifecycle::POWEROFF => &mut definition.on_poweroff,
                DomainLifecycle::REBOOT => &mut definition.on_reboot,
                _ => &mut definition.on_crash,
            };
            *place = *wanted;
            Ok(())
        })
        .own()
    }

    #[quick]
    fn domain_get_launch_security_info(
        &self,
        _call: &Call,
        dom: &Domain,
        flags: u32,
    ) -> Result<List<TypedParam, { limit::PARAMETERS }>> {
        check_flags(flags, STRING_OKAY, "domain_get_launch_security_info")?;
        self.state().read(dom)?;
        // No guest's memory is encrypted.
        List::new(Vec::new())
    }
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

fn check_thread(id: u32) -> Result<()> {
    match id {
        0 => Err(Error::invalid_arg("invalid value of 0 for iothread_id")).own(),
        _ => Ok(()),
    }
}

fn not_zero(value: u64, call: &str, name: &str) -> Result<()> {
    if value != 0 {
        return Ok(());
    }
    let function = oxivirt_core::interface::public_name(call);
    let text = format!("{name} in {function} must not be zero");
    Err(argument(ErrorDomain::DOMAIN, function, name, text))
}
