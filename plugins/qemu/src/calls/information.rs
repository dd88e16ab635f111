//! What is known about a guest: always the newest snapshot, never a wait for
//! a job or a monitor.

use oxivirt_conf::domain::{CpuMapList, DomainDefinition, FormatFlags};
use oxivirt_core::abi::RString;
use oxivirt_core::call::Call;
use oxivirt_core::constants::{DomainMessageFlags, DomainModificationImpact, DomainVcpuFlags, DomainXmlFlags};
use oxivirt_core::interface::{DomainInformation, implements};
use oxivirt_core::types::{
    ControlInfo, CpuMaps, Domain, DomainInfo, DomainState, List, SecurityLabel, VcpuInfo, Vcpus, limit,
};
use oxivirt_core::{Error, ErrorCode, Result};

use super::{Own, affected_one, check_flags, host_cpus, owner};
use crate::guests::show_channels;
use crate::marks::taint_text;
use crate::process::cpu_time;
use crate::{QemuConnection, migratable};

#[implements]
impl DomainInformation for QemuConnection {
    #[quick]
    fn domain_get_xml_desc(&self, call: &Call, dom: &Domain, flags: DomainXmlFlags) -> Result<String> {
        use DomainXmlFlags as F;
        check_flags(flags.0, (F::SECURE | F::INACTIVE | F::UPDATE_CPU | F::MIGRATABLE).0, "domain_get_xml_desc")?;
        if call.is_read_only() && flags.intersects(F::SECURE | F::MIGRATABLE) {
            return Err(Error::new(ErrorCode::OPERATION_DENIED, "virDomainGetXMLDesc with secure flag")).own();
        }
        let snapshot = self.read(dom)?;
        let (definition, print) = match snapshot.is_active() && !flags.contains(F::INACTIVE) {
            true => (snapshot.definition(), FormatFlags::NONE),
            false => (snapshot.inactive_definition(), FormatFlags::INACTIVE),
        };
        let wanted = [(F::SECURE, FormatFlags::SECURE), (F::MIGRATABLE, FormatFlags::MIGRATABLE)];
        let print =
            wanted.iter().filter(|(flag, _)| flags.contains(*flag)).fold(print, |print, (_, more)| print | *more);
        // What the balloon last said is newer than the definition.
        let balloon = match snapshot.is_active() && !flags.contains(F::INACTIVE) {
            true => snapshot.status.balloon_kib.filter(|kib| *kib != definition.current_memory.0),
            false => None,
        };
        let channels = snapshot.is_active() && !flags.contains(F::INACTIVE) && !definition.devices.channels.is_empty();
        if balloon.is_none() && !flags.contains(F::MIGRATABLE) && !channels {
            return definition.format(print).own();
        }
        let mut definition = DomainDefinition::clone(definition);
        if let Some(kib) = balloon {
            definition.current_memory.0 = kib;
        }
        if channels {
            show_channels(&mut definition, &snapshot.status.open_channels);
        }
        if flags.contains(F::MIGRATABLE) {
            migratable::reduce(&mut definition);
        }
        definition.format(print).own()
    }

    #[quick]
    fn domain_get_info(&self, _call: &Call, dom: &Domain) -> Result<DomainInfo> {
        let snapshot = self.read(dom)?;
        let definition = snapshot.definition();
        let (state, _) = snapshot.status.state.numbers();
        let memory = match snapshot.is_active() {
            true => snapshot.status.balloon_kib.unwrap_or(definition.current_memory.0),
            false => definition.current_memory.0,
        };
        Ok(DomainInfo {
            state: u8::try_from(state).unwrap_or(0),
            max_mem: definition.memory.0,
            memory,
            nr_virt_cpu: u16::try_from(definition.vcpu.current).unwrap_or(u16::MAX),
            cpu_time: snapshot.status.pid.and_then(cpu_time::of_process).unwrap_or(0),
        })
    }

    #[quick]
    fn domain_get_max_memory(&self, _call: &Call, dom: &Domain) -> Result<u64> {
        Ok(self.read(dom)?.definition().memory.0)
    }

    #[quick]
    fn domain_get_max_vcpus(&self, _call: &Call, dom: &Domain) -> Result<i32> {
        let maximum = self.read(dom)?.definition().vcpu.maximum;
        Ok(i32::try_from(maximum).unwrap_or(i32::MAX))
    }

    #[quick]
    fn domain_get_os_type(&self, _call: &Call, dom: &Domain) -> Result<String> {
        let snapshot = self.read(dom)?;
        Ok(snapshot.definition().os.kind.kind.map_or("hvm", |k| k.as_str()).to_owned())
    }

    #[quick]
    fn domain_is_active(&self, _call: &Call, dom: &Domain) -> Result<bool> {
        Ok(self.read(dom)?.is_active())
    }

    #[quick]
    fn domain_is_persistent(&self, _call: &Call, dom: &Domain) -> Result<bool> {
        Ok(self.read(dom)?.is_persistent())
    }

    #[quick]
    fn domain_is_updated(&self, _call: &Call, dom: &Domain) -> Result<bool> {
        Ok(self.read(dom)?.status.updated)
    }

    #[quick]
    fn domain_get_state(&self, _call: &Call, dom: &Domain, flags: u32) -> Result<DomainState> {
        check_flags(flags, 0, "domain_get_state")?;
        let (state, reason) = self.read(dom)?.status.state.numbers();
        Ok(DomainState { state, reason })
    }

    #[quick]
    fn domain_get_control_info(&self, _call: &Call, dom: &Domain, flags: u32) -> Result<ControlInfo> {
        check_flags(flags, 0, "domain_get_control_info")?;
        self.read_active(dom)?;
        let jobs = self.find(dom)?.jobs();
        Ok(match jobs.first() {
            // A job that talks to the monitor, and since when.
            Some(job) => ControlInfo {
                state: 1,
                details: 0,
                state_time: u64::try_from(job.since.elapsed().as_millis()).unwrap_or(u64::MAX),
            },
            None => ControlInfo { state: 0, details: 0, state_time: 0 },
        })
    }

    #[quick]
    fn domain_get_security_label(&self, _call: &Call, dom: &Domain) -> Result<SecurityLabel> {
        self.read(dom)?;
        Ok(SecurityLabel { label: "".into(), enforcing: 0 })
    }

    #[quick]
    fn domain_get_messages(
        &self,
        _call: &Call,
        dom: &Domain,
        flags: DomainMessageFlags,
    ) -> Result<List<RString, { limit::MESSAGES }>> {
        let known = DomainMessageFlags::ALL.iter().fold(0, |known, (flag, _)| known | flag.0);
        check_flags(flags.0, known, "domain_get_messages")?;
        let object = self.find(dom)?;
        let Some(run) = object.private().run() else { return List::new(Vec::new()) };
        let wants = |flag: DomainMessageFlags| flags.0 == 0 || flags.contains(flag);
        let mut messages = Vec::new();
        if wants(DomainMessageFlags::TAINTING) {
            let mut taints = run.marks.taints();
            taints.sort_by_key(|flag| TAINTS.iter().position(|known| known == flag).unwrap_or(TAINTS.len()));
            messages.extend(taints.iter().map(|flag| format!("tainted: {}", taint_text(flag)).into()));
        }
        if wants(DomainMessageFlags::DEPRECATION) {
            let texts = run.marks.deprecations().iter();
            messages.extend(texts.map(|text| format!("deprecated configuration: {text}").into()));
        }
        List::new(messages)
    }

    #[quick]
    fn domain_has_managed_save_image(&self, _call: &Call, dom: &Domain, flags: u32) -> Result<bool> {
        check_flags(flags, 0, "domain_has_managed_save_image")?;
        self.read(dom)?;
        Ok(false)
    }

    #[quick]
    fn domain_get_vcpus(&self, _call: &Call, dom: &Domain, maxinfo: i32, maplen: i32) -> Result<Vcpus> {
        let snapshot = self.read(dom)?;
        if !snapshot.is_active() {
            return Err(Error::operation_invalid("cannot retrieve vcpu information for inactive domain")).own();
        }
        let definition = snapshot.definition();
        let mut maps = CpuMapList::new(maxinfo, maplen, definition.vcpu.current, host_cpus()).own()?;
        let pid = snapshot.status.pid.unwrap_or(-1);
        let mut info = Vec::with_capacity(maps.count() as usize);
        for number in 0..maps.count() {
            let thread = snapshot.status.vcpus.iter().find(|v| v.index == number);
            let times = thread.and_then(|v| cpu_time::of_thread(pid, v.thread));
            info.push(VcpuInfo {
                number,
                state: i32::from(times.is_some()),
                cpu_time: times.map_or(0, |t| t.time),
                cpu: times.map_or(-1, |t| t.cpu),
            });
            maps.push(definition.vcpu_pin(number));
        }
        Ok(Vcpus { info: List::new(info)?, cpumaps: maps.into_bytes().into() })
    }

    fn domain_get_vcpus_flags(&self, call: &Call, dom: &Domain, flags: DomainVcpuFlags) -> Result<i32> {
        use DomainVcpuFlags as F;
        check_flags(flags.0, (F::LIVE | F::CONFIG | F::MAXIMUM | F::GUEST).0, "domain_get_vcpus_flags")?;
        if flags.contains(F::GUEST) {
            let cpus = self.guests.agent_of(self.uuid(dom)?, &owner(call)).own()?.cpus().own()?;
            let number = match flags.contains(F::MAXIMUM) {
                true => cpus.len(),
                false => cpus.iter().filter(|cpu| cpu.online).count(),
            };
            return Ok(i32::try_from(number).unwrap_or(i32::MAX));
        }
        let snapshot = self.read(dom)?;
        let definition = affected_one(&snapshot, flags.0 & 3, "domain_get_vcpus_flags")?.of(&snapshot);
        let vcpu = &definition.vcpu;
        let number = if flags.contains(F::MAXIMUM) { vcpu.maximum } else { vcpu.current };
        Ok(i32::try_from(number).unwrap_or(i32::MAX))
    }

    #[quick]
    fn domain_get_vcpu_pin_info(
        &self,
        _call: &Call,
        dom: &Domain,
        ncpumaps: i32,
        maplen: i32,
        flags: DomainModificationImpact,
    ) -> Result<CpuMaps> {
        use DomainModificationImpact as F;
        check_flags(flags.0, (F::LIVE | F::CONFIG).0, "domain_get_vcpu_pin_info")?;
        let snapshot = self.read(dom)?;
        let definition = affected_one(&snapshot, flags.0, "domain_get_vcpu_pin_info")?.of(&snapshot);
        let maps = CpuMapList::new(ncpumaps, maplen, definition.vcpu.maximum, host_cpus()).own()?;
        let num = i32::try_from(maps.count()).unwrap_or(i32::MAX);
        Ok(CpuMaps { cpumaps: maps.of_vcpus(definition).into_bytes().into(), num })
    }

    #[quick]
    fn domain_get_emulator_pin_info(
        &self,
        _call: &Call,
        dom: &Domain,
        maplen: i32,
        flags: DomainModificationImpact,
    ) -> Result<CpuMaps> {
        use DomainModificationImpact as F;
        check_flags(flags.0, (F::LIVE | F::CONFIG).0, "domain_get_emulator_pin_info")?;
        let snapshot = self.read(dom)?;
        let definition = affected_one(&snapshot, flags.0, "domain_get_emulator_pin_info")?.of(&snapshot);
        let mut map = CpuMapList::new(1, maplen, 1, host_cpus()).own()?;
        map.push(definition.emulator_pin().or(definition.vcpu.cpuset.as_ref()));
        Ok(CpuMaps { cpumaps: map.into_bytes().into(), num: 1 })
    }
}

/// What taints a guest, in the order in which it is told.
const TAINTS: [&str; 14] = [
    "custom-argv",
    "custom-monitor",
    "high-privileges",
    "shell-scripts",
    "disk-probing",
    "external-launch",
    "host-cpu",
    "hook-script",
    "cdrom-passthrough",
    "custom-dtb",
    "custom-ga-command",
    "custom-hypervisor-feature",
    "deprecated-config",
    "custom-device",
];
