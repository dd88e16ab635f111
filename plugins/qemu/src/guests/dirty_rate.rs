//! How fast a guest changes its memory.

use oxivirt_core::{Error, ErrorCode, Result};
use serde_json::json;

use super::{ANSWER, Guests};
use crate::state::Job;

impl Guests {
    /// Begins to measure; the result stands in the statistics later.
    ///
    /// * `seconds` – how long, 1 to 60; `mode` – QEMU's word.
    pub(crate) fn measure_dirty_rate(&self, job: &Job, seconds: i32, mode: &str) -> Result<()> {
        if !(1..=60).contains(&seconds) {
            let text = format!("seconds={seconds} is invalid, please choose value within [1, 60].");
            return Err(Error::config_unsupported(text));
        }
        let ring = |kvm: &oxivirt_conf::domain::Kvm| kvm.dirty_ring.as_ref().is_some_and(|ring| ring.state.is_on());
        if mode == "dirty-ring" && !job.snapshot().definition().features.kvm.as_ref().is_some_and(ring) {
            let text = "dirty-ring calculation mode requires dirty-ring feature enabled.";
            return Err(Error::new(ErrorCode::OPERATION_UNSUPPORTED, text));
        }
        let run = job.private().require_run()?;
        let arguments = json!({"calc-time": seconds, "mode": mode});
        run.monitor()?.execute("calc-dirty-rate", arguments, ANSWER).map(drop)
    }
}
