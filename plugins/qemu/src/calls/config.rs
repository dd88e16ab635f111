//! Changing memory and virtual CPUs.

use oxivirt_conf::object::JobKind;
use oxivirt_conf::xml::KiB;
use oxivirt_core::call::Call;
use oxivirt_core::constants::{DomainMemoryFlags, DomainVcpuFlags};
use oxivirt_core::interface::{DomainConfig, implements};
use oxivirt_core::types::Domain;
use oxivirt_core::{Error, Result};

use super::{Own, affected, check_flags, owner};
use crate::QemuConnection;

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
        let object = self.find(dom)?;
        let which = affected(&object.snapshot(), flags.0 & 3)?;
        let maximum = flags.contains(F::MAXIMUM);
        if maximum && which.live() {
            return Err(Error::operation_invalid("cannot resize the maximum memory on an active domain")).own();
        }
        if which.live() {
            self.guests.set_memory(object.uuid(), memory, &owner(call)).own()?;
        }
        if which.config() {
            let job = self.guests.job(&object, JobKind::Modify, &owner(call)).own()?;
            self.guests
                .edit_stored(&job, &|definition| {
                    if maximum {
                        definition.memory = KiB(memory);
                        definition.current_memory.0 = definition.current_memory.0.min(memory);
                    } else if memory > definition.memory.0 {
                        return Err(Error::invalid_arg("cannot set memory higher than max memory"));
                    } else {
                        definition.current_memory = KiB(memory);
                    }
                    Ok(())
                })
                .own()?;
        }
        Ok(())
    }

    fn domain_set_vcpus(&self, call: &Call, dom: &Domain, nvcpus: u32) -> Result<()> {
        self.domain_set_vcpus_flags(call, dom, nvcpus, DomainVcpuFlags::LIVE)
    }

    fn domain_set_vcpus_flags(&self, call: &Call, dom: &Domain, nvcpus: u32, flags: DomainVcpuFlags) -> Result<()> {
        use DomainVcpuFlags as F;
        check_flags(flags.0, (F::LIVE | F::CONFIG | F::MAXIMUM).0, "domain_set_vcpus_flags")?;
        if nvcpus == 0 {
            return Err(Error::invalid_arg("nvcpus in virDomainSetVcpusFlags must not be zero")).own();
        }
        let object = self.find(dom)?;
        let which = affected(&object.snapshot(), flags.0 & 3)?;
        if which.live() {
            return Err(Error::config_unsupported(
                "plugging CPUs into a running guest is not supported by this driver yet",
            ))
            .own();
        }
        let job = self.guests.job(&object, JobKind::Modify, &owner(call)).own()?;
        let maximum = flags.contains(F::MAXIMUM);
        self.guests
            .edit_stored(&job, &|definition| {
                let topology = definition.cpu.as_ref().is_some_and(|c| c.topology.is_some());
                if maximum {
                    if topology {
                        return Err(Error::invalid_arg("CPU topology doesn't match the desired vcpu count"));
                    }
                    definition.vcpu.maximum = nvcpus;
                    definition.vcpu.current = definition.vcpu.current.min(nvcpus);
                } else if nvcpus > definition.vcpu.maximum {
                    return Err(Error::invalid_arg(format!(
                        "requested vcpus is greater than max allowable vcpus for the persistent domain: {nvcpus} > {}",
                        definition.vcpu.maximum
                    )));
                } else {
                    definition.vcpu.current = nvcpus;
                }
                Ok(())
            })
            .own()
    }
}
