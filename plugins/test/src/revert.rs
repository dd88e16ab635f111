//! Going back to a snapshot.

use std::sync::Arc;

use oxivirt_conf::snapshot::{SnapshotDefinition, SnapshotState};
use oxivirt_core::constants::{
    DomainEventType, DomainSnapshotRevertFlags, DomainStateCode, PausedReason, RunningReason, ShutoffReason,
    StartedDetail, StoppedDetail, SuspendedDetail,
};
use oxivirt_core::{Error, ErrorCode, Result};

use crate::definition::running;
use crate::error::Own;
use crate::state::{Job, State, reference};

impl State {
    /// Makes a domain what it was when a snapshot was made. Readers see it
    /// before or after, and nothing between.
    ///
    /// * `flags` – whether it runs or is paused afterwards, instead of what it did then.
    pub(crate) fn revert(
        &self,
        job: &Job,
        target: &SnapshotDefinition,
        flags: DomainSnapshotRevertFlags,
    ) -> Result<()> {
        use DomainSnapshotRevertFlags as F;
        let before = job.snapshot();
        let online = target.state.is_some_and(SnapshotState::is_online);
        let wanted = flags.intersects(F::RUNNING | F::PAUSED);
        if !before.is_persistent() && !online && !wanted {
            let text = "transient domain needs to request run or pause to revert to inactive snapshot";
            return Err(Error::operation_invalid(text)).own();
        }
        let Some(definition) = target.domain.as_deref() else {
            let text = format!("snapshot '{}' lacks domain '{}' rollback info", target.name, before.definition().name);
            return Err(Error::new(ErrorCode::SNAPSHOT_REVERT_RISKY, text)).own();
        };
        let starts = online || wanted;
        let paused = match wanted {
            true => flags.contains(F::PAUSED),
            false => target.state == Some(SnapshotState::Paused),
        };
        let id = if starts { Some(self.domains.next_id().own()?) } else { None };
        let mut definition = definition.clone();
        // It may have another name since.
        definition.name.clone_from(&before.definition().name);
        job.update(|snapshot| {
            if snapshot.is_active() {
                snapshot.stop();
            }
            if !online && snapshot.is_persistent() {
                snapshot.store(definition.clone());
            }
            let status = &mut snapshot.status;
            match id {
                Some(_) if paused => status.enter(DomainStateCode::PAUSED, PausedReason::FROM_SNAPSHOT.0),
                Some(_) => status.enter(DomainStateCode::RUNNING, RunningReason::FROM_SNAPSHOT.0),
                None => status.enter(DomainStateCode::SHUTOFF, ShutoffReason::FROM_SNAPSHOT.0),
            }
            (status.updated, status.tainted, status.managed_save) = (false, false, false);
            Arc::make_mut(&mut status.snapshots).set_current(Some(&target.name))?;
            if let Some(id) = id {
                snapshot.start(running(&definition, id), Some(id));
            }
            Ok(())
        })
        .own()?;
        if before.is_active() {
            self.emit(&reference(&before), DomainEventType::STOPPED, StoppedDetail::FROM_SNAPSHOT.0);
        }
        let domain = reference(&job.snapshot());
        if starts {
            self.emit(&domain, DomainEventType::STARTED, StartedDetail::FROM_SNAPSHOT.0);
        }
        if starts && paused {
            self.emit(&domain, DomainEventType::SUSPENDED, SuspendedDetail::FROM_SNAPSHOT.0);
        }
        Ok(())
    }
}
