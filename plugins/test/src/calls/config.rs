//! Memory and virtual CPUs.

use oxivirt_conf::domain::devices::BalloonStats;
use oxivirt_conf::domain::{CpuSet, VcpuPin};
use oxivirt_conf::object::Affected;
use oxivirt_conf::xml::KiB;
use oxivirt_core::call::Call;
use oxivirt_core::constants::{DomainMemoryFlags, DomainModificationImpact, DomainVcpuFlags};
use oxivirt_core::interface::{DomainConfig, implements};
use oxivirt_core::types::{Bytes, Domain, limit};
use oxivirt_core::{Error, ErrorDomain, Result};

use super::{affected, affected_one, edit};
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
        edit(affected_one(&job.snapshot(), flags.0, "domain_set_memory_stats_period")?, &job, |definition| {
            let balloon = definition.devices.memballoons.first_mut().ok_or_else(|| {
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
        let cpus = cpumap
            .iter()
            .enumerate()
            .flat_map(|(at, byte)| (0..8).filter(move |bit| byte >> bit & 1 == 1).map(move |bit| at as u32 * 8 + bit));
        let cpuset = CpuSet::new(cpus);
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
}

fn not_zero(value: u64, call: &str, name: &str) -> Result<()> {
    if value != 0 {
        return Ok(());
    }
    let function = oxivirt_core::interface::public_name(call);
    let text = format!("{name} in {function} must not be zero");
    Err(argument(ErrorDomain::DOMAIN, function, name, text))
}
