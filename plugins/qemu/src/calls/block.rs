//! Disks: sizes, limits, thresholds, errors, contents.

use oxivirt_conf::domain::tuning::iotune;
use oxivirt_conf::object::JobKind;
use oxivirt_core::call::Call;
use oxivirt_core::constants::{DomainBlockResizeFlags, DomainMemoryPeekFlags, DomainModificationImpact};
use oxivirt_core::interface::{DomainBlock, implements};
use oxivirt_core::types::{
    Bytes, Counted, Domain, DomainBlockInfo, DomainDiskError, List, STRING_OKAY, TypedParam, answer_params,
    check_params, limit,
};
use oxivirt_core::{Error, Result};

use super::{IMPACT, Own, affected, affected_one, check_flags, exclusive, not_running, owner};
use crate::QemuConnection;

#[implements]
impl DomainBlock for QemuConnection {
    fn domain_block_peek(
        &self,
        _call: &Call,
        dom: &Domain,
        path: &str,
        offset: u64,
        size: u32,
        flags: u32,
    ) -> Result<Bytes<{ limit::PEEK }>> {
        check_flags(flags, 0, "domain_block_peek")?;
        small_enough(size)?;
        let snapshot = self.read(dom)?;
        Ok(self.guests.peek_disk(snapshot.definition(), path, offset, size).own()?.into())
    }

    fn domain_memory_peek(
        &self,
        call: &Call,
        dom: &Domain,
        offset: u64,
        size: u32,
        flags: DomainMemoryPeekFlags,
    ) -> Result<Bytes<{ limit::PEEK }>> {
        use DomainMemoryPeekFlags as F;
        check_flags(flags.0, (F::VIRTUAL | F::PHYSICAL).0, "domain_memory_peek")?;
        if flags.contains(F::VIRTUAL | F::PHYSICAL) {
            return Err(exclusive("VIR_MEMORY_VIRTUAL", "VIR_MEMORY_PHYSICAL"));
        }
        if flags.0 == 0 {
            return Err(Error::invalid_arg("flags parameter must be VIR_MEMORY_VIRTUAL or VIR_MEMORY_PHYSICAL")).own();
        }
        small_enough(size)?;
        let job = self.guests.query(self.uuid(dom)?, &owner(call)).own()?;
        let physical = flags.contains(F::PHYSICAL);
        Ok(self.guests.peek_memory(&job, offset, size, physical).own()?.into())
    }

    fn domain_get_block_info(&self, call: &Call, dom: &Domain, path: &str, flags: u32) -> Result<DomainBlockInfo> {
        check_flags(flags, 0, "domain_get_block_info")?;
        let object = self.find(dom)?;
        let job = match object.snapshot().is_active() {
            true => Some(self.guests.job(&object, JobKind::Query, &owner(call)).own()?),
            false => None,
        };
        let snapshot = object.snapshot();
        self.guests.block_info(job.as_ref().filter(|_| snapshot.is_active()), snapshot.definition(), path).own()
    }

    fn domain_block_resize(
        &self,
        call: &Call,
        dom: &Domain,
        disk: &str,
        size: u64,
        flags: DomainBlockResizeFlags,
    ) -> Result<()> {
        use DomainBlockResizeFlags as F;
        check_flags(flags.0, (F::BYTES | F::CAPACITY).0, "domain_block_resize")?;
        if disk.is_empty() {
            return Err(Error::invalid_arg("empty path")).own();
        }
        let bytes = match flags.contains(F::BYTES) {
            true => size,
            false => {
                let large = || {
                    Error::new(oxivirt_core::ErrorCode::OVERFLOW, format!("size must be less than {}", u64::MAX / 1024))
                };
                size.checked_mul(1024).ok_or_else(large).own()?
            }
        };
        let job = self.guests.modify(self.uuid(dom)?, &owner(call)).own()?;
        let whole = flags.contains(F::CAPACITY);
        self.guests.resize_disk(&job, disk, (!whole).then_some(bytes)).own()
    }

    fn domain_set_block_io_tune(
        &self,
        call: &Call,
        dom: &Domain,
        disk: &str,
        params: &List<TypedParam, { limit::BLOCK_IO_TUNE }>,
        flags: DomainModificationImpact,
    ) -> Result<()> {
        check_flags(flags.0, IMPACT, "domain_set_block_io_tune")?;
        check_params(params, iotune::KNOWN)?;
        let job = self.guests.modify(self.uuid(dom)?, &owner(call)).own()?;
        let which = affected(&job.snapshot(), flags.0)?;
        self.guests.set_block_io_tune(&job, which, disk, params).own()
    }

    fn domain_get_block_io_tune(
        &self,
        call: &Call,
        dom: &Domain,
        disk: Option<&str>,
        nparams: i32,
        flags: DomainModificationImpact,
    ) -> Result<Counted<List<TypedParam, { limit::BLOCK_IO_TUNE }>, i32>> {
        check_flags(flags.0, IMPACT | STRING_OKAY, "domain_get_block_io_tune")?;
        let Some(disk) = disk else {
            // Without a disk only the number of parameters can be meant.
            self.find(dom)?;
            return answer_params(iotune::get(&Default::default()), 0, flags.0).own();
        };
        let job = self.guests.query(self.uuid(dom)?, &owner(call)).own()?;
        let snapshot = job.snapshot();
        let which = affected_one(&snapshot, flags.0, "domain_get_block_io_tune")?;
        let tune = match which.live() {
            true => self.guests.block_io_tune(&job, disk).own()?,
            false => {
                let missing = || Error::invalid_arg(format!("disk '{disk}' was not found in the domain config"));
                let found = which.of(&snapshot).devices.disk(disk).ok_or_else(missing).own()?;
                found.iotune.as_deref().cloned().unwrap_or_default()
            }
        };
        answer_params(iotune::get(&tune), nparams, flags.0).own()
    }

    fn domain_get_disk_errors(
        &self,
        call: &Call,
        dom: &Domain,
        maxerrors: u32,
        flags: u32,
    ) -> Result<Counted<List<DomainDiskError, { limit::DISK_ERRORS }>, i32>> {
        check_flags(flags, 0, "domain_get_disk_errors")?;
        let job = self.guests.query(self.uuid(dom)?, &owner(call)).own()?;
        let snapshot = job.snapshot();
        if !snapshot.is_active() {
            return Err(not_running());
        }
        if maxerrors == 0 {
            // The most there can be.
            let count = i32::try_from(snapshot.definition().devices.disks.len()).unwrap_or(i32::MAX);
            return Ok(Counted { items: List::new(Vec::new())?, count });
        }
        let errors = self.guests.disk_errors(&job).own()?;
        let errors = errors.into_iter().map(|(disk, error)| DomainDiskError { disk: disk.into(), error });
        Counted::answer(true, errors.take(maxerrors as usize).collect())
    }

    fn domain_set_block_threshold(
        &self,
        call: &Call,
        dom: &Domain,
        dev: &str,
        threshold: u64,
        flags: u32,
    ) -> Result<()> {
        check_flags(flags, 0, "domain_set_block_threshold")?;
        let job = self.guests.modify(self.uuid(dom)?, &owner(call)).own()?;
        self.guests.set_threshold(&job, dev, threshold).own()
    }

    fn domain_set_throttle_group(
        &self,
        call: &Call,
        dom: &Domain,
        group: &str,
        params: &List<TypedParam, { limit::BLOCK_IO_TUNE }>,
        flags: DomainModificationImpact,
    ) -> Result<()> {
        check_flags(flags.0, IMPACT, "domain_set_throttle_group")?;
        check_params(params, iotune::KNOWN)?;
        if group.is_empty() {
            return Err(Error::invalid_arg("a throttle group needs a name")).own();
        }
        let job = self.guests.modify(self.uuid(dom)?, &owner(call)).own()?;
        let which = affected(&job.snapshot(), flags.0)?;
        self.guests.set_throttle_group(&job, which, group, params).own()
    }

    fn domain_del_throttle_group(
        &self,
        call: &Call,
        dom: &Domain,
        group: Option<&str>,
        flags: DomainModificationImpact,
    ) -> Result<()> {
        check_flags(flags.0, IMPACT, "domain_del_throttle_group")?;
        let job = self.guests.modify(self.uuid(dom)?, &owner(call)).own()?;
        let which = affected(&job.snapshot(), flags.0)?;
        self.guests.remove_throttle_group(&job, which, group.unwrap_or_default()).own()
    }
}

fn small_enough(size: u32) -> Result<()> {
    match size as usize > limit::PEEK {
        true => Err(Error::invalid_arg(format!("size {size} is more than {}", limit::PEEK))).own(),
        false => Ok(()),
    }
}
