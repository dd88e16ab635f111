//! Comparing and combining CPU models.

use oxivirt_macros::interface;

use crate::Result;
use crate::abi::RString;
use crate::call::Call;
use crate::constants::CpuCompareResult;
use crate::types::{Counted, List, limit};

/// Comparing and combining CPU models.
#[interface]
pub trait CpuModels {
    /// How a CPU description compares with the host CPU.
    #[rpc(158, acl = ["connect:read"], high)]
    fn connect_compare_cpu(&self, call: &Call, xml: &str, flags: u32) -> Result<CpuCompareResult>;

    /// The richest CPU that all the given CPUs can offer.
    #[rpc(162, acl = ["connect:read"])]
    fn connect_baseline_cpu(
        &self,
        call: &Call,
        xml_cpus: &List<RString, { limit::CPU_BASELINE }>,
        flags: u32,
    ) -> Result<String>;

    /// Names of the CPU models of an architecture.
    ///
    /// * `need_results` false asks for the number only.
    #[rpc(312, acl = ["connect:read"])]
    fn connect_get_cpu_model_names(
        &self,
        call: &Call,
        arch: &str,
        need_results: bool,
        flags: u32,
    ) -> Result<Counted<List<RString, { limit::CPU_MODELS }>, i32>>;

    /// How a CPU description compares with what a hypervisor can offer.
    #[rpc(393, acl = ["connect:write"], write)]
    fn connect_compare_hypervisor_cpu(
        &self,
        call: &Call,
        emulator: Option<&str>,
        arch: Option<&str>,
        machine: Option<&str>,
        virttype: Option<&str>,
        xml_cpu: &str,
        flags: u32,
    ) -> Result<CpuCompareResult>;

    /// The richest CPU that all the given CPUs and a hypervisor can offer.
    #[rpc(394, acl = ["connect:write"], write)]
    fn connect_baseline_hypervisor_cpu(
        &self,
        call: &Call,
        emulator: Option<&str>,
        arch: Option<&str>,
        machine: Option<&str>,
        virttype: Option<&str>,
        xml_cpus: &List<RString, { limit::CPU_BASELINE }>,
        flags: u32,
    ) -> Result<String>;
}
