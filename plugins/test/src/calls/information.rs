//! What is known about a domain: always the newest snapshot, never a wait.

use oxivirt_conf::domain::{CpuMapList, FormatFlags};
use oxivirt_core::abi::RString;
use oxivirt_core::call::Call;
use oxivirt_core::constants::{DomainMessageFlags, DomainModificationImpact, DomainVcpuFlags, DomainXmlFlags};
use oxivirt_core::interface::{DomainInformation, implements};
use oxivirt_core::types::{
    ControlInfo, CpuMaps, Domain, DomainInfo, DomainState, List, SecurityLabel, VcpuInfo, Vcpus, limit,
};
use oxivirt_core::{Error, ErrorCode, ErrorDomain, Result};

use super::{affected_one, now};
use crate::TestConnection;
use crate::error::{Own, check_flags};
use crate::node::SECURITY_LABEL;

/// The CPU is running, and so are its guest's threads.
const VCPU_RUNNING: i32 = 1;

#[implements]
impl DomainInformation for TestConnection {
    #[quick]
    fn domain_get_xml_desc(&self, call: &Call, dom: &Domain, flags: DomainXmlFlags) -> Result<String> {
        use DomainXmlFlags as F;
        check_flags(flags.0, (F::SECURE | F::INACTIVE | F::MIGRATABLE).0, "domain_get_xml_desc")?;
        if call.is_read_only() && flags.intersects(F::SECURE | F::MIGRATABLE) {
            return Err(Error::new(ErrorCode::OPERATION_DENIED, "virDomainGetXMLDesc with secure flag")
                .in_domain(ErrorDomain::DOMAIN));
        }
        let snapshot = self.state().read(dom)?;
        let (definition, print) = match snapshot.is_active() && !flags.contains(F::INACTIVE) {
            true => (snapshot.definition(), FormatFlags::NONE),
            false => (snapshot.inactive_definition(), FormatFlags::INACTIVE),
        };
        let wanted = [(F::SECURE, FormatFlags::SECURE), (F::MIGRATABLE, FormatFlags::MIGRATABLE)];
        let print =
            wanted.iter().filter(|(flag, _)| flags.contains(*flag)).fold(print, |print, (_, more)| print | *more);
        definition.format(print).own()
    }

    #[quick]
    fn domain_get_info(&self, _call: &Call, dom: &Domain) -> Result<DomainInfo> {
        let snapshot = self.state().read(dom)?;
        let definition = snapshot.definition();
        Ok(DomainInfo {
            state: u8::try_from(snapshot.status.state.0).unwrap_or(0),
            max_mem: definition.memory.0,
            memory: definition.current_memory.0,
            nr_virt_cpu: u16::try_from(definition.vcpu.current).unwrap_or(u16::MAX),
            cpu_time: u64::try_from(now().as_nanos()).unwrap_or(u64::MAX),
        })
    }

    #[quick]
    fn domain_get_max_memory(&self, _call: &Call, dom: &Domain) -> Result<u64> {
        Ok(self.state().read(dom)?.definition().memory.0)
    }

    #[quick]
    fn domain_get_max_vcpus(&self, _call: &Call, dom: &Domain) -> Result<i32> {
        let maximum = self.state().read_active(dom)?.definition().vcpu.maximum;
        Ok(i32::try_from(maximum).unwrap_or(i32::MAX))
    }

    #[quick]
    fn domain_get_os_type(&self, _call: &Call, dom: &Domain) -> Result<String> {
        self.state().read(dom)?;
        // Whatever it is, this is what it claims to be.
        Ok("linux".to_owned())
    }

    #[quick]
    fn domain_is_active(&self, _call: &Call, dom: &Domain) -> Result<bool> {
        Ok(self.state().read(dom)?.is_active())
    }

    #[quick]
    fn domain_is_persistent(&self, _call: &Call, dom: &Domain) -> Result<bool> {
        Ok(self.state().read(dom)?.is_persistent())
    }

    #[quick]
    fn domain_is_updated(&self, _call: &Call, dom: &Domain) -> Result<bool> {
        Ok(self.state().read(dom)?.status.updated)
    }

    #[quick]
    fn domain_get_state(&self, _call: &Call, dom: &Domain, flags: u32) -> Result<DomainState> {
        check_flags(flags, 0, "domain_get_state")?;
        let snapshot = self.state().read(dom)?;
        Ok(DomainState { state: snapshot.status.state.0, reason: snapshot.status.reason })
    }

    #[quick]
    fn domain_get_control_info(&self, _call: &Call, dom: &Domain, flags: u32) -> Result<ControlInfo> {
        check_flags(flags, 0, "domain_get_control_info")?;
        self.state().read_active(dom)?;
        Ok(ControlInfo { state: 0, details: 0, state_time: 0 })
    }

    #[quick]
    fn domain_get_security_label(&self, _call: &Call, dom: &Domain) -> Result<SecurityLabel> {
        let active = self.state().read(dom)?.is_active();
        let label = if active { SECURITY_LABEL } else { "" };
        Ok(SecurityLabel { label: label.into(), enforcing: i32::from(active) })
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
        let snapshot = self.state().read(dom)?;
        let wanted = flags.0 == 0 || flags.contains(DomainMessageFlags::TAINTING);
        let told = wanted && snapshot.is_active() && snapshot.status.tainted;
        List::new(
            told.then(|| "tainted: network configuration using opaque shell scripts".into()).into_iter().collect(),
        )
    }

    #[quick]
    fn domain_has_managed_save_image(&self, _call: &Call, dom: &Domain, flags: u32) -> Result<bool> {
        check_flags(flags, 0, "domain_has_managed_save_image")?;
        Ok(self.state().read(dom)?.status.managed_save)
    }

    #[quick]
    fn domain_get_vcpus(&self, _call: &Call, dom: &Domain, maxinfo: i32, maplen: i32) -> Result<Vcpus> {
        let snapshot = self.state().read(dom)?;
        if !snapshot.is_active() {
            return Err(Error::operation_invalid("cannot list vcpus for an inactive domain")).own();
        }
        let definition = snapshot.definition();
        let host_cpus = self.state().node.host_cpus();
        let mut maps = CpuMapList::new(maxinfo, maplen, definition.vcpu.current, host_cpus).own()?;
        // Tenths of microseconds: the guest has been at work since 1970.
        let cpu_time = u64::try_from(now().as_micros() / 10).unwrap_or(u64::MAX);
        let mut info = Vec::with_capacity(maps.count() as usize);
        for number in 0..maps.count() {
            let pin = definition.vcpu_pin(number);
            let last = match pin {
                Some(pin) => pin.iter().take_while(|cpu| *cpu < host_cpus).last(),
                None => host_cpus.checked_sub(1),
            };
            let cpu = last.and_then(|cpu| i32::try_from(cpu).ok()).unwrap_or(-1);
            info.push(VcpuInfo { number, state: VCPU_RUNNING, cpu_time, cpu });
            maps.push(pin);
        }
        Ok(Vcpus { info: List::new(info)?, cpumaps: maps.into_bytes().into() })
    }

    #[quick]
    fn domain_get_vcpus_flags(&self, _call: &Call, dom: &Domain, flags: DomainVcpuFlags) -> Result<i32> {
        use DomainVcpuFlags as F;
        check_flags(flags.0, (F::LIVE | F::CONFIG | F::MAXIMUM).0, "domain_get_vcpus_flags")?;
        let snapshot = self.state().read(dom)?;
        let definition = affected_one(&snapshot, flags.0, "domain_get_vcpus_flags")?.of(&snapshot);
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
        // There are always as many as there may be.
        let maximum = DomainVcpuFlags::MAXIMUM.0;
        check_flags(flags.0, (F::LIVE | F::CONFIG).0 | maximum, "domain_get_vcpu_pin_info")?;
        let snapshot = self.state().read(dom)?;
        let impact = flags.0 & !maximum;
        let definition = affected_one(&snapshot, impact, "domain_get_vcpu_pin_info")?.of(&snapshot);
        let maps = CpuMapList::new(ncpumaps, maplen, definition.vcpu.current, self.state().node.host_cpus()).own()?;
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
        let snapshot = self.state().read(dom)?;
        let definition = affected_one(&snapshot, flags.0, "domain_get_emulator_pin_info")?.of(&snapshot);
        let mut map = CpuMapList::new(1, maplen, 1, self.state().node.host_cpus()).own()?;
        map.push(definition.emulator_pin());
        Ok(CpuMaps { cpumaps: map.into_bytes().into(), num: 1 })
    }
}
