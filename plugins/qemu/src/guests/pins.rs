//! Keeping virtual CPUs, the emulator and I/O threads on some CPUs of the host.

use oxivirt_conf::domain::{CpuSet, DomainDefinition, EmulatorPin, IoThreadPin, VcpuPin};
use oxivirt_conf::object::Affected;
use oxivirt_core::types::{TypedParam, TypedValue};
use oxivirt_core::{Error, Result};

use super::{Guests, cpus, iothreads};
use crate::lifecycle::Notice;
use crate::state::Job;

/// What is kept somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pinned {
    /// A virtual CPU.
    Vcpu(u32),
    /// All that is neither a virtual CPU nor an I/O thread.
    Emulator,
    /// An I/O thread.
    IoThread(u32),
}

impl Guests {
    /// Keeps something on some CPUs, now and at the next start as `affected` says.
    ///
    /// Errors: `INVALID_ARG` no CPU, or a thread that the guest does not have.
    pub(crate) fn pin(&self, job: &Job, affected: Affected, what: Pinned, set: &CpuSet) -> Result<()> {
        let snapshot = job.snapshot();
        if affected.live() {
            check(snapshot.definition(), what, "live")?;
        }
        if affected.config() {
            check(snapshot.inactive_definition(), what, "persistent")?;
        }
        if set.is_empty() {
            return Err(Error::invalid_arg("Empty cpu list for pinning"));
        }
        if affected.live() {
            let run = job.private().require_run()?;
            let vcpus = &snapshot.status.vcpus;
            if let Some(groups) = run.around.groups() {
                groups.pin(what, set)?;
            }
            match what {
                Pinned::Vcpu(number) => {
                    // One that is not plugged in has its place when it comes.
                    if let Some(vcpu) = vcpus.iter().find(|vcpu| vcpu.index == number) {
                        cpus::pin(vcpu.thread, set)?;
                    }
                }
                Pinned::Emulator => {
                    let io = iothreads::threads(run.monitor()?)?;
                    let others = |id: &i32| {
                        !vcpus.iter().any(|vcpu| vcpu.thread == *id) && !io.iter().any(|thread| thread.thread == *id)
                    };
                    for id in cpus::threads(run.process.pid())?.into_iter().filter(others) {
                        cpus::pin(id, set)?;
                    }
                }
                Pinned::IoThread(number) => {
                    let io = iothreads::threads(run.monitor()?)?;
                    let thread = io.iter().find(|thread| thread.number == number);
                    let missing = || Error::invalid_arg(format!("iothread {number} not found"));
                    cpus::pin(thread.ok_or_else(missing)?.thread, set)?;
                }
            }
            self.edit_live(job, &|definition| {
                put(definition, what, set);
                Ok(())
            })?;
            let name = match what {
                Pinned::Vcpu(number) => format!("cputune.vcpupin{number}"),
                Pinned::Emulator => "cputune.emulatorpin".to_owned(),
                Pinned::IoThread(number) => format!("cputune.iothreadpin{number}"),
            };
            let param = TypedParam::new(name, TypedValue::String(&set.to_string()));
            self.tell(&job.snapshot(), Notice::Tunable(vec![param]));
        }
        if affected.config() {
            self.edit_stored(job, &|definition| {
                put(definition, what, set);
                Ok(())
            })?;
        }
        Ok(())
    }
}

fn check(definition: &DomainDefinition, what: Pinned, which: &str) -> Result<()> {
    let maximum = definition.vcpu.maximum;
    match what {
        Pinned::Vcpu(number) if number >= maximum => {
            let text = format!("vcpu {number} is out of range of {which} cpu count {maximum}");
            Err(Error::invalid_arg(text))
        }
        Pinned::IoThread(number) if !definition.iothreads.iter().any(|thread| thread.id == number) => {
            Err(Error::invalid_arg(format!("iothread {number} not found")))
        }
        _ => Ok(()),
    }
}

fn put(definition: &mut DomainDefinition, what: Pinned, set: &CpuSet) {
    let tune = definition.cputune.get_or_insert_default();
    let cpuset = set.clone();
    match what {
        Pinned::Vcpu(vcpu) => {
            tune.vcpupin.retain(|pin| pin.vcpu != vcpu);
            tune.vcpupin.push(VcpuPin { vcpu, cpuset });
            tune.vcpupin.sort_by_key(|pin| pin.vcpu);
        }
        Pinned::Emulator => tune.emulatorpin = Some(EmulatorPin { cpuset }),
        Pinned::IoThread(iothread) => {
            tune.iothreadpin.retain(|pin| pin.iothread != iothread);
            tune.iothreadpin.push(IoThreadPin { iothread, cpuset });
            tune.iothreadpin.sort_by_key(|pin| pin.iothread);
        }
    }
}
