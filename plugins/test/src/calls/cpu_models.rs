//! Names of CPU models.

use oxivirt_conf::cpu::model_names;
use oxivirt_core::abi::RString;
use oxivirt_core::call::Call;
use oxivirt_core::interface::{CpuModels, implements};
use oxivirt_core::types::{Counted, List, limit};
use oxivirt_core::{Error, Result};

use crate::TestConnection;
use crate::error::{Own, check_flags};

#[implements]
impl CpuModels for TestConnection {
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
