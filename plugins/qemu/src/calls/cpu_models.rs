//! Comparing and combining CPU models.

use oxivirt_conf::cpu::{
    BaselineOptions, CpuComparison, CpuDescription, HostCpu, baseline, compare, drop_unmigratable, expand_features,
    model_names,
};
use oxivirt_core::abi::RString;
use oxivirt_core::call::Call;
use oxivirt_core::constants::CpuCompareResult;
use oxivirt_core::interface::{CpuModels, implements};
use oxivirt_core::types::{Counted, List, limit};
use oxivirt_core::{Error, ErrorCode, Result};

use super::{Own, check_flags};
use crate::QemuConnection;
use crate::capabilities::{Accel, document};
use crate::document::check_schema;
use crate::domain_capabilities::{self, Resolved};

#[implements]
impl CpuModels for QemuConnection {
    fn connect_compare_cpu(&self, _call: &Call, xml: &str, flags: u32) -> Result<CpuCompareResult> {
        check_flags(flags, FAIL_INCOMPATIBLE | VALIDATE, "connect_compare_cpu")?;
        let cpu = read(xml, flags).own()?;
        let host = document::host_cpu().own()?;
        if host.model.is_none() {
            return answer(CpuComparison::Incompatible("cannot get host CPU capabilities".to_owned()), flags).own();
        }
        compare(&CpuDescription::of_host(&host), &cpu).and_then(|result| answer(result, flags)).own()
    }

    fn connect_baseline_cpu(
        &self,
        _call: &Call,
        xml_cpus: &List<RString, { limit::CPU_BASELINE }>,
        flags: u32,
    ) -> Result<String> {
        check_flags(flags, EXPAND_FEATURES | MIGRATABLE, "connect_baseline_cpu")?;
        let cpus: Result<Vec<_>> = xml_cpus.iter().map(|text| CpuDescription::parse_host(text)).collect();
        let cpus = cpus.own()?;
        let options = BaselineOptions {
            models: None,
            migratable: flags & MIGRATABLE != 0,
            expand_features: flags & EXPAND_FEATURES != 0,
        };
        baseline(crate::document::host_arch(), &cpus, &options).map(|cpu| cpu.document()).own()
    }

    #[quick]
    fn connect_get_cpu_model_names(
        &self,
        _call: &Call,
        arch: &str,
        need_results: bool,
        flags: u32,
    ) -> Result<Counted<List<RString, { limit::CPU_MODELS }>, i32>> {
        check_flags(flags, 0, "connect_get_cpu_model_names")?;
        let Some(names) = model_names(arch) else {
            return Err(Error::invalid_arg(format!("cannot find architecture {arch}"))).own();
        };
        Counted::answer(need_results, names.iter().map(|name| RString::from(*name)).collect())
    }

    fn connect_compare_hypervisor_cpu(
        &self,
        _call: &Call,
        emulator: Option<&str>,
        arch: Option<&str>,
        machine: Option<&str>,
        virttype: Option<&str>,
        xml_cpu: &str,
        flags: u32,
    ) -> Result<CpuCompareResult> {
        check_flags(flags, FAIL_INCOMPATIBLE | VALIDATE, "connect_compare_hypervisor_cpu")?;
        let cpu = read(xml_cpu, flags).own()?;
        let found = self.kind_of_guest(emulator, arch, machine, virttype).own()?;
        let host = offered(&found).own()?;
        compare(&host, &cpu).and_then(|result| answer(result, flags)).own()
    }

    fn connect_baseline_hypervisor_cpu(
        &self,
        _call: &Call,
        emulator: Option<&str>,
        arch: Option<&str>,
        machine: Option<&str>,
        virttype: Option<&str>,
        xml_cpus: &List<RString, { limit::CPU_BASELINE }>,
        flags: u32,
    ) -> Result<String> {
        check_flags(flags, EXPAND_FEATURES | MIGRATABLE, "connect_baseline_hypervisor_cpu")?;
        let cpus = described(xml_cpus).own()?;
        let found = self.kind_of_guest(emulator, arch, machine, virttype).own()?;
        let subject = found.subject();
        if !matches!(subject.emulator.arch.as_str(), "x86_64" | "i686" | "ppc64" | "ppc64le") {
            return Err(Error::no_support(format!(
                "computing baseline hypervisor CPU for architecture {}",
                subject.emulator.arch
            )))
            .own();
        }
        let models = subject.emulator.accel(subject.accel).map(|caps| caps.cpu_models.as_slice()).unwrap_or_default();
        let options = BaselineOptions {
            models: Some(models.iter().map(|model| model.name.clone()).collect()),
            migratable: false,
            expand_features: false,
        };
        let mut cpu = baseline(&subject.emulator.arch, &cpus, &options).own()?;
        if flags & EXPAND_FEATURES != 0 {
            expand_features(&subject.emulator.arch, &mut cpu).own()?;
        }
        if flags & MIGRATABLE != 0 {
            drop_unmigratable(&mut cpu);
        }
        Ok(cpu.document())
    }
}

impl QemuConnection {
    fn kind_of_guest(
        &self,
        emulator: Option<&str>,
        arch: Option<&str>,
        machine: Option<&str>,
        virttype: Option<&str>,
    ) -> Result<Resolved> {
        let accel = match virttype {
            None => None,
            Some("qemu") => Some(Accel::Tcg),
            Some("kvm") => Some(Accel::Kvm),
            Some("hvf") => Some(Accel::Hvf),
            Some(other) => return Err(Error::invalid_arg(format!("unknown virttype: {other}"))),
        };
        domain_capabilities::resolve(&self.guests.catalog, emulator, arch, machine, accel)
    }
}

/// What a guest of this kind can have at most.
fn offered(found: &Resolved) -> Result<CpuDescription> {
    let subject = found.subject();
    let arch = &subject.emulator.arch;
    if !matches!(arch.as_str(), "x86_64" | "i686") {
        return Err(Error::no_support(format!("comparing hypervisor CPU for architecture {arch}")));
    }
    let host = domain_capabilities::host_model(subject.emulator, subject.accel, subject.machine)
        .ok_or_else(|| Error::operation_failed("QEMU does not tell the host's CPU"))?;
    Ok(CpuDescription::of_host(&HostCpu {
        arch: Some(arch.clone()),
        model: host.model.map(|model| model.name),
        vendor: host.vendor,
        features: host.features,
        ..HostCpu::default()
    }))
}

fn read(xml: &str, flags: u32) -> Result<CpuDescription> {
    if flags & VALIDATE != 0 {
        check_schema("cpu.rng", xml)?;
    }
    CpuDescription::parse(xml)
}

fn described(documents: &[RString]) -> Result<Vec<CpuDescription>> {
    documents.iter().map(|text| CpuDescription::parse(text)).collect()
}

fn answer(result: CpuComparison, flags: u32) -> Result<CpuCompareResult> {
    match result {
        CpuComparison::Identical => Ok(CpuCompareResult::IDENTICAL),
        CpuComparison::Superset => Ok(CpuCompareResult::SUPERSET),
        CpuComparison::Incompatible(why) if flags & FAIL_INCOMPATIBLE != 0 => {
            Err(Error::new(ErrorCode::CPU_INCOMPATIBLE, why))
        }
        CpuComparison::Incompatible(_) => Ok(CpuCompareResult::INCOMPATIBLE),
    }
}

const FAIL_INCOMPATIBLE: u32 = 1;
const VALIDATE: u32 = 2;
const EXPAND_FEATURES: u32 = 1;
const MIGRATABLE: u32 = 2;
