//! CPU models.

use oxivirt_conf::cpu::{BaselineOptions, CpuDescription, baseline, model_names};
use oxivirt_core::abi::RString;
use oxivirt_core::call::Call;
use oxivirt_core::interface::{CpuModels, implements};
use oxivirt_core::types::{Counted, List, limit};
use oxivirt_core::{Error, Result};

use crate::TestConnection;
use crate::error::{Own, check_flags};

#[implements]
impl CpuModels for TestConnection {
    /// Of this machine's architecture, as the stock driver has it.
    fn connect_baseline_cpu(
        &self,
        _call: &Call,
        xml_cpus: &List<RString, { limit::CPU_BASELINE }>,
        flags: u32,
    ) -> Result<String> {
        check_flags(flags, EXPAND_FEATURES, "connect_baseline_cpu")?;
        let cpus: Result<Vec<CpuDescription>> = xml_cpus.iter().map(|text| CpuDescription::parse_host(text)).collect();
        let expand_features = flags & EXPAND_FEATURES != 0;
        let options = BaselineOptions { models: None, migratable: false, expand_features };
        let host = oxivirt_util::host::Host::this();
        baseline(host.arch(), &cpus.own()?, &options).map(|cpu| cpu.document()).own()
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
}

const EXPAND_FEATURES: u32 = 1;
