//! Changing memory, virtual CPUs, limits and places.

use oxivirt_conf::domain::tuning::{bandwidth, blkio, memory, numa};
use oxivirt_conf::domain::{DomainDefinition, LifecycleAction};
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
use oxivirt_core::{Error, Result};

use super::places;
use super::tuning::{self, Controller};
use super::{IMPACT, Own, affected, affected_one, argument, check_flags, edit, exclusive, owner};
use crate::QemuConnection;
use crate::guests::{IOTHREAD_PARAMS, Pinned, SCHEDULER, card_at, scheduler, set_vcpu_stored, set_vcpus_stored};

#[implements]
impl DomainConfig for QemuConnection {
    fn domain_set_memory(&self, call: &Call, dom: &Domain, memory: u64) -> Result<()> {
        self.domain_set_memory_flags(call, dom, memory, DomainMemoryFlags::LIVE)
    }

    fn domain_set_max_memory(&self, call: &Call, dom: &Domain, memory: u64) -> Result<()> {
        self.domain_set_memory_flags(call, dom, memory, DomainMemoryFlags::MAXIMUM)
    }

    fn domain_set_memory_flags(&self, call: &Call, dom: &Domain, memory: u64, flags: DomainMemoryFlags) -> Result<()> {
        use DomainMemoryFlags as F;
        check_flags(flags.0, (F::LIVE | F::CONFIG | F::MAXIMUM).0, "domain_set_memory_flags")?;
        if memory == 0 {
            return Err(Error::invalid_arg("memory in virDomainSetMemory must not be zero")).own();
        }
        let job = self.guests.modify(self.uuid(dom)?, &owner(call)).own()?;
        let which = affected(&job.snapshot(), flags.0 & IMPACT)?;
        let maximum = flags.contains(F::MAXIMUM);
        if maximum && which.live() {
            return Err(Error::operation_invalid("cannot resize the maximum memory on an active domain")).own();
        }
        let change = |definition: &mut DomainDefinition| {
            if maximum {
                definition.memory = KiB(memory);
                definition.current_memory.0 = definition.current_memory.0.min(memory);
            } else if memory > definition.memory.0 {
                return Err(Error::invalid_arg("cannot set memory higher than max memory"));
            } else {
                definition.current_memory = KiB(memory);
            }
            Ok(())
        };
        if which.config() {
            // Refused before the running guest is touched.
            change(&mut job.snapshot().inactive_definition().as_ref().clone()).own()?;
        }
        if which.live() {
            self.guests.set_memory(&job, memory).own()?;
        }
        if which.config() {
            self.guests.edit_stored(&job, &change).own()?;
        }
        Ok(())
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
        let Ok(period) = u32::try_from(period) else {
            let text = "period in virDomainSetMemoryStatsPeriod must be zero or greater".to_owned();
            return Err(argument("virDomainSetMemoryStatsPeriod", "period", text));
        };
        let job = self.guests.modify(self.uuid(dom)?, &owner(call)).own()?;
        let which = affected(&job.snapshot(), flags.0)?;
        self.guests.set_stats_period(&job, which, period).own()
    }

    fn domain_set_vcpus(&self, call: &Call, dom: &Domain, nvcpus: u32) -> Result<()> {
        self.domain_set_vcpus_flags(call, dom, nvcpus, DomainVcpuFlags::LIVE)
    }

    fn domain_set_vcpus_flags(&self, call: &Call, dom: &Domain, nvcpus: u32, flags: DomainVcpuFlags) -> Result<()> {
        use DomainVcpuFlags as F;
        let known = F::LIVE | F::CONFIG | F::MAXIMUM | F::GUEST | F::HOTPLUGGABLE;
        check_flags(flags.0, known.0, "domain_set_vcpus_flags")?;
        let function = "virDomainSetVcpusFlags";
        if nvcpus == 0 {
            return Err(argument(function, "nvcpus", format!("nvcpus in {function} must not be zero")));
        }
        if flags.contains(F::GUEST | F::CONFIG) {
            return Err(exclusive("VIR_DOMAIN_VCPU_GUEST", "VIR_DOMAIN_AFFECT_CONFIG"));
        }
        if flags.contains(F::GUEST | F::MAXIMUM) {
            return Err(exclusive("VIR_DOMAIN_VCPU_GUEST", "VIR_DOMAIN_VCPU_MAXIMUM"));
        }
        if flags.contains(F::MAXIMUM) && !flags.contains(F::CONFIG) {
            let text = "Flag 'VIR_DOMAIN_AFFECT_CONFIG' is required by flag 'VIR_DOMAIN_VCPU_MAXIMUM'".to_owned();
            return Err(argument(function, "flags", text));
        }
        if flags.contains(F::GUEST) {
            return self.guests.agent_of(self.uuid(dom)?, &owner(call)).own()?.use_cpus(nvcpus).own();
        }
        let job = self.guests.modify(self.uuid(dom)?, &owner(call)).own()?;
        let snapshot = job.snapshot();
        let which = affected(&snapshot, flags.0 & IMPACT)?;
        let maximum = flags.contains(F::MAXIMUM);
        let stored = snapshot.inactive_definition();
        if maximum && stored.cpu.as_ref().is_some_and(|cpu| cpu.topology.is_some()) {
            return Err(Error::invalid_arg("CPU topology doesn't match the desired vcpu count")).own();
        }
        if which.config() && !maximum && nvcpus > stored.vcpu.maximum {
            return Err(Error::invalid_arg(format!(
                "requested vcpus is greater than max allowable vcpus for the persistent domain: {nvcpus} > {}",
                stored.vcpu.maximum
            )))
            .own();
        }
        if which.live() && !maximum {
            self.guests.set_vcpus_live(&job, nvcpus).own()?;
        }
        if which.config() {
            let hotpluggable = flags.contains(F::HOTPLUGGABLE);
            self.guests
                .edit_stored(&job, &|definition| {
                    match maximum {
                        true => places::set_maximum(definition, nvcpus),
                        false => set_vcpus_stored(definition, nvcpus, hotpluggable),
                    }
                    Ok(())
                })
                .own()?;
        }
        Ok(())
    }

    fn domain_set_vcpu(
        &self,
        call: &Call,
        dom: &Domain,
        cpumap: &str,
        state: i32,
        flags: DomainModificationImpact,
    ) -> Result<()> {
        check_flags(flags.0, IMPACT, "domain_set_vcpu")?;
        let on = match state {
            0 => false,
            1 => true,
            other => return Err(Error::invalid_arg(format!("unsupported state value '{other}'"))).own(),
        };
        let set = places::parse(cpumap)?;
        let job = self.guests.modify(self.uuid(dom)?, &owner(call)).own()?;
        let snapshot = job.snapshot();
        let which = affected(&snapshot, flags.0)?;
        if which.config() {
            set_vcpu_stored(&mut snapshot.inactive_definition().as_ref().clone(), &set, on).own()?;
        }
        if which.live() {
            self.guests.set_vcpu_live(&job, &set, on).own()?;
        }
        if which.config() {
            self.guests.edit_stored(&job, &|definition| set_vcpu_stored(definition, &set, on)).own()?;
        }
        Ok(())
    }

    fn domain_pin_vcpu(&self, call: &Call, dom: &Domain, vcpu: u32, cpumap: &Bytes<{ limit::CPUMAP }>) -> Result<()> {
        self.domain_pin_vcpu_flags(call, dom, vcpu, cpumap, DomainModificationImpact::LIVE)
    }

    fn domain_pin_vcpu_flags(
        &self,
        call: &Call,
        dom: &Domain,
        vcpu: u32,
        cpumap: &Bytes<{ limit::CPUMAP }>,
        flags: DomainModificationImpact,
    ) -> Result<()> {
        self.keep(call, dom, Pinned::Vcpu(vcpu), cpumap, flags, "domain_pin_vcpu_flags")
    }

    fn domain_pin_emulator(
        &self,
        call: &Call,
        dom: &Domain,
        cpumap: &Bytes<{ limit::CPUMAP }>,
        flags: DomainModificationImpact,
    ) -> Result<()> {
        self.keep(call, dom, Pinned::Emulator, cpumap, flags, "domain_pin_emulator")
    }

    fn domain_pin_iothread(
        &self,
        call: &Call,
        dom: &Domain,
        iothreads_id: u32,
        cpumap: &Bytes<{ limit::CPUMAP }>,
        flags: DomainModificationImpact,
    ) -> Result<()> {
        self.keep(call, dom, Pinned::IoThread(iothreads_id), cpumap, flags, "domain_pin_iothread")
    }

    #[quick]
    fn domain_get_scheduler_type(&self, _call: &Call, dom: &Domain) -> Result<SchedulerType> {
        self.is_scheduled(dom)?;
        Ok(SchedulerType { r#type: "posix".into(), nparams: SCHEDULER.len() as i32 })
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

    #[quick]
    fn domain_get_scheduler_parameters_flags(
        &self,
        _call: &Call,
        dom: &Domain,
        nparams: i32,
        flags: DomainModificationImpact,
    ) -> Result<List<TypedParam, { limit::TUNING_PARAMETERS }>> {
        let name = "domain_get_scheduler_parameters_flags";
        let params = self.params(dom, flags.0, name, Some(Controller::Cpu), scheduler)?;
        Ok(answer_params(params, nparams, flags.0).own()?.items)
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
        call: &Call,
        dom: &Domain,
        params: &List<TypedParam, { limit::TUNING_PARAMETERS }>,
        flags: DomainModificationImpact,
    ) -> Result<()> {
        check_params(params, SCHEDULER)?;
        self.tune(call, dom, flags.0, "domain_set_scheduler_parameters_flags", Controller::Cpu, |definition| {
            tuning::set_scheduler(definition, params)
        })
    }

    fn domain_set_memory_parameters(
        &self,
        call: &Call,
        dom: &Domain,
        params: &List<TypedParam, { limit::TUNING_PARAMETERS }>,
        flags: DomainModificationImpact,
    ) -> Result<()> {
        check_params(params, memory::KNOWN)?;
        self.tune(call, dom, flags.0, "domain_set_memory_parameters", Controller::Memory, |definition| {
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
        if nparams == 0 {
            return self.count(dom, memory::KNOWN);
        }
        let params =
            self.params(dom, flags.0, "domain_get_memory_parameters", Some(Controller::Memory), memory::get)?;
        answer_params(params, nparams, flags.0).own()
    }

    fn domain_set_blkio_parameters(
        &self,
        call: &Call,
        dom: &Domain,
        params: &List<TypedParam, { limit::TUNING_PARAMETERS }>,
        flags: DomainModificationImpact,
    ) -> Result<()> {
        check_params(params, blkio::KNOWN)?;
        self.tune(call, dom, flags.0, "domain_set_blkio_parameters", Controller::Blkio, |definition| {
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
        if nparams == 0 {
            return self.count(dom, blkio::KNOWN);
        }
        let params = self.params(dom, flags.0, "domain_get_blkio_parameters", Some(Controller::Blkio), blkio::get)?;
        answer_params(params, nparams, flags.0).own()
    }

    fn domain_set_numa_parameters(
        &self,
        call: &Call,
        dom: &Domain,
        params: &List<TypedParam, { limit::TUNING_PARAMETERS }>,
        flags: DomainModificationImpact,
    ) -> Result<()> {
        numa::check(params)?;
        self.tune(call, dom, flags.0, "domain_set_numa_parameters", Controller::CpuSet, |definition| {
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
        let params = self.params(dom, flags.0, "domain_get_numa_parameters", None, numa::get)?;
        answer_params(params, nparams, flags.0).own()
    }

    fn domain_set_interface_parameters(
        &self,
        call: &Call,
        dom: &Domain,
        device: &str,
        params: &List<TypedParam, { limit::TUNING_PARAMETERS }>,
        flags: DomainModificationImpact,
    ) -> Result<()> {
        check_params(params, bandwidth::KNOWN)?;
        check_flags(flags.0, IMPACT, "domain_set_interface_parameters")?;
        let job = self.guests.modify(self.uuid(dom)?, &owner(call)).own()?;
        let which = affected(&job.snapshot(), flags.0)?;
        self.guests.limit_card(&job, which, device, params).own()
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
        let name = "domain_get_interface_parameters";
        check_flags(flags.0, IMPACT | STRING_OKAY, name)?;
        let snapshot = self.read(dom)?;
        let definition = affected_one(&snapshot, flags.0, name)?.of(&snapshot);
        if nparams == 0 {
            // Only the number of values is asked for, which is that of every card.
            return answer_params(bandwidth::get(&Default::default()), 0, flags.0).own();
        }
        let card = definition.devices.interfaces.get(card_at(definition, device)?);
        answer_params(card.map(|card| bandwidth::get(&card.connected())).unwrap_or_default(), nparams, flags.0).own()
    }

    fn domain_get_iothread_info(
        &self,
        call: &Call,
        dom: &Domain,
        flags: DomainModificationImpact,
    ) -> Result<Counted<List<IothreadInfo, { limit::LIST }>>> {
        check_flags(flags.0, IMPACT, "domain_get_iothread_info")?;
        let job = self.guests.query(self.uuid(dom)?, &owner(call)).own()?;
        let snapshot = job.snapshot();
        let which = affected_one(&snapshot, flags.0, "domain_get_iothread_info")?;
        let threads = match which.live() {
            true => self.guests.iothread_places(&job).own()?,
            false => places::of_iothreads(which.of(&snapshot)),
        };
        Counted::answer(true, threads.into_iter().map(places::describe).collect::<Result<_>>().own()?)
    }

    fn domain_add_iothread(
        &self,
        call: &Call,
        dom: &Domain,
        iothread_id: u32,
        flags: DomainModificationImpact,
    ) -> Result<()> {
        let (job, which) = self.thread_job(call, dom, iothread_id, flags, "domain_add_iothread")?;
        self.guests.add_iothread(&job, which, iothread_id).own()
    }

    fn domain_del_iothread(
        &self,
        call: &Call,
        dom: &Domain,
        iothread_id: u32,
        flags: DomainModificationImpact,
    ) -> Result<()> {
        let (job, which) = self.thread_job(call, dom, iothread_id, flags, "domain_del_iothread")?;
        self.guests.remove_iothread(&job, which, iothread_id).own()
    }

    fn domain_set_iothread_params(
        &self,
        call: &Call,
        dom: &Domain,
        iothread_id: u32,
        params: &List<TypedParam, { limit::PARAMETERS }>,
        flags: DomainModificationImpact,
    ) -> Result<()> {
        check_params(params, IOTHREAD_PARAMS)?;
        let (job, which) = self.thread_job(call, dom, iothread_id, flags, "domain_set_iothread_params")?;
        self.guests.tune_iothread(&job, which, iothread_id, params).own()
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
        let wanted = tuning::action(r#type, action)?;
        let job = self.guests.modify(self.uuid(dom)?, &owner(call)).own()?;
        let which = affected(&job.snapshot(), flags.0)?;
        edit(which, &self.guests, &job, |definition| {
            let place: &mut LifecycleAction = match r#type {
                DomainLifecycle::POWEROFF => &mut definition.on_poweroff,
                DomainLifecycle::REBOOT => &mut definition.on_reboot,
                _ => &mut definition.on_crash,
            };
            *place = wanted;
            Ok(())
        })
        .own()
    }

    fn domain_get_launch_security_info(
        &self,
        call: &Call,
        dom: &Domain,
        flags: u32,
    ) -> Result<List<TypedParam, { limit::PARAMETERS }>> {
        check_flags(flags, STRING_OKAY, "domain_get_launch_security_info")?;
        let job = self.guests.query(self.uuid(dom)?, &owner(call)).own()?;
        List::new(self.guests.launch_security(&job).own()?)
    }

    fn domain_set_launch_security_state(
        &self,
        call: &Call,
        dom: &Domain,
        params: &List<TypedParam, { limit::PARAMETERS }>,
        flags: u32,
    ) -> Result<()> {
        check_flags(flags, 0, "domain_set_launch_security_state")?;
        let job = self.guests.modify(self.uuid(dom)?, &owner(call)).own()?;
        self.guests.inject_launch_secret(&job, params).own()
    }
}
