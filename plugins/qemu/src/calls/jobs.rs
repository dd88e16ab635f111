//! Long work on a guest.

use oxivirt_conf::object::JobKind;
use oxivirt_core::call::Call;
use oxivirt_core::constants::{DomainAbortJobFlags, DomainJobOperation, DomainJobStatsFlags, DomainJobType};
use oxivirt_core::interface::{DomainJobs, implements};
use oxivirt_core::types::{Domain, DomainJobInfo, DomainJobStats, List, TypedParam, TypedValue};
use oxivirt_core::{Error, Result};

use super::{Own, check_flags, not_running};
use crate::QemuConnection;

#[implements]
impl DomainJobs for QemuConnection {
    #[quick]
    fn domain_get_job_info(&self, _call: &Call, dom: &Domain) -> Result<DomainJobInfo> {
        self.job_under_way(dom)
    }

    #[quick]
    fn domain_get_job_stats(&self, _call: &Call, dom: &Domain, flags: DomainJobStatsFlags) -> Result<DomainJobStats> {
        use DomainJobStatsFlags as F;
        check_flags(flags.0, (F::COMPLETED | F::KEEP_COMPLETED).0, "domain_get_job_stats")?;
        if flags.contains(F::COMPLETED) {
            self.find(dom)?;
            // Of a job that ended nothing is kept.
            return Ok(DomainJobStats { r#type: DomainJobType::NONE.0, params: List::new(Vec::new())? });
        }
        let info = self.job_under_way(dom)?;
        let mut params = Vec::new();
        if info.r#type != DomainJobType::NONE.0 {
            params.push(TypedParam::new("operation", TypedValue::Int(DomainJobOperation::DUMP.0)));
            for (name, value) in [
                ("time_elapsed", info.time_elapsed),
                ("data_total", info.data_total),
                ("data_processed", info.data_processed),
                ("data_remaining", info.data_remaining),
                ("memory_total", info.mem_total),
                ("memory_processed", info.mem_processed),
                ("memory_remaining", info.mem_remaining),
            ] {
                params.push(TypedParam::new(name, TypedValue::UnsignedLongLong(value)));
            }
        }
        Ok(DomainJobStats { r#type: info.r#type, params: List::new(params)? })
    }

    fn domain_abort_job(&self, call: &Call, dom: &Domain) -> Result<()> {
        self.domain_abort_job_flags(call, dom, DomainAbortJobFlags(0))
    }

    fn domain_abort_job_flags(&self, _call: &Call, dom: &Domain, flags: DomainAbortJobFlags) -> Result<()> {
        check_flags(flags.0, 0, "domain_abort_job_flags")?;
        let object = self.find(dom)?;
        if !object.snapshot().is_active() {
            return Err(not_running());
        }
        match object.abort_job() {
            true => Ok(()),
            false => Err(Error::operation_invalid("no job is active on the domain")).own(),
        }
    }
}

impl QemuConnection {
    fn job_under_way(&self, dom: &Domain) -> Result<DomainJobInfo> {
        let object = self.find(dom)?;
        let long = object.jobs().into_iter().find(|job| job.kind == JobKind::LongRunning);
        let progress = object.private().run().and_then(|run| run.marks.current());
        let (Some(_), Some(progress)) = (long, progress) else { return Ok(DomainJobInfo::default()) };
        let elapsed = progress.since.map_or(0, |since| since.elapsed().as_millis());
        let remaining = progress.total.saturating_sub(progress.done);
        Ok(DomainJobInfo {
            r#type: DomainJobType::UNBOUNDED.0,
            time_elapsed: u64::try_from(elapsed).unwrap_or(u64::MAX),
            data_total: progress.total,
            data_processed: progress.done,
            data_remaining: remaining,
            mem_total: progress.total,
            mem_processed: progress.done,
            mem_remaining: remaining,
            ..DomainJobInfo::default()
        })
    }
}
