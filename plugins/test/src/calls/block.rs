//! Disks: sizes, errors and limits; and memory that can be looked at.

use oxivirt_conf::domain::devices::Disk;
use oxivirt_core::call::Call;
use oxivirt_core::constants::{DomainDiskErrorCode, DomainMemoryPeekFlags, DomainModificationImpact};
use oxivirt_core::interface::{DomainBlock, implements};
use oxivirt_core::types::{
    Bytes, Counted, Domain, DomainBlockInfo, DomainDiskError, List, TypedParam, answer_params, limit,
};
use oxivirt_core::{Error, ErrorDomain, Result};

use super::tuning::iotune;
use crate::TestConnection;
use crate::error::{Own, argument, check_flags};

/// What a guest sees of every disk, and what it takes on the host.
const CAPACITY: u64 = 1_099_506_450_432;
const ALLOCATION: u64 = 1 << 40;

#[implements]
impl DomainBlock for TestConnection {
    #[quick]
    fn domain_memory_peek(
        &self,
        _call: &Call,
        dom: &Domain,
        offset: u64,
        size: u32,
        flags: DomainMemoryPeekFlags,
    ) -> Result<Bytes<{ limit::PEEK }>> {
        use DomainMemoryPeekFlags as F;
        check_flags(flags.0, (F::VIRTUAL | F::PHYSICAL).0, "domain_memory_peek")?;
        if flags.contains(F::VIRTUAL | F::PHYSICAL) {
            let text = "Flags 'VIR_MEMORY_VIRTUAL' and 'VIR_MEMORY_PHYSICAL' are mutually exclusive".to_owned();
            return Err(argument(ErrorDomain::DOMAIN, "virDomainMemoryPeek".to_owned(), "ctl", text));
        }
        if flags.0 == 0 {
            let text = "flags parameter must be VIR_MEMORY_VIRTUAL or VIR_MEMORY_PHYSICAL";
            return Err(Error::invalid_arg(text)).own();
        }
        if size as usize > limit::PEEK {
            return Err(Error::invalid_arg(format!("size {size} is more than {}", limit::PEEK))).own();
        }
        self.state().read_active(dom)?;
        // Each byte holds the end of its own address.
        let bytes = (0..u64::from(size)).map(|at| offset.wrapping_add(at) as u8).collect::<Vec<_>>();
        Ok(bytes.into())
    }

    #[quick]
    fn domain_get_block_info(&self, _call: &Call, dom: &Domain, path: &str, flags: u32) -> Result<DomainBlockInfo> {
        check_flags(flags, 0, "domain_get_block_info")?;
        let snapshot = self.state().read(dom)?;
        let Some(disk) = snapshot.definition().devices.disk(path) else {
            return Err(Error::invalid_arg(format!("invalid path {path} not assigned to domain"))).own();
        };
        if disk.source.is_empty() {
            let text = format!("disk '{path}' does not currently have a source assigned");
            return Err(Error::invalid_arg(text)).own();
        }
        Ok(DomainBlockInfo { allocation: ALLOCATION, capacity: CAPACITY, physical: ALLOCATION })
    }

    fn domain_set_block_io_tune(
        &self,
        call: &Call,
        dom: &Domain,
        disk: &str,
        params: &List<TypedParam, { limit::BLOCK_IO_TUNE }>,
        flags: DomainModificationImpact,
    ) -> Result<()> {
        let name = "domain_set_block_io_tune";
        self.tune(call, dom, flags.0, name, params, iotune::KNOWN, |definition| {
            let at = disk_at(&definition.devices.disks, disk)?;
            if let Some(disk) = definition.devices.disks.get_mut(at) {
                iotune::set(disk.iotune.get_or_insert_default(), params)?;
            }
            Ok(())
        })
    }

    #[quick]
    fn domain_get_block_io_tune(
        &self,
        _call: &Call,
        dom: &Domain,
        disk: Option<&str>,
        nparams: i32,
        flags: DomainModificationImpact,
    ) -> Result<Counted<List<TypedParam, { limit::BLOCK_IO_TUNE }>, i32>> {
        let definition = self.look_at(dom, flags.0, "domain_get_block_io_tune")?;
        let Some(disk) = disk else {
            // Without a disk only the number of parameters can be meant.
            return answer_params(iotune::get(&Default::default()), 0, flags.0).own();
        };
        let disk = definition.devices.disks.get(disk_at(&definition.devices.disks, disk).own()?);
        let tune = disk.and_then(|disk| disk.iotune.as_deref()).cloned().unwrap_or_default();
        answer_params(iotune::get(&tune), nparams, flags.0).own()
    }

    #[quick]
    fn domain_get_disk_errors(
        &self,
        _call: &Call,
        dom: &Domain,
        maxerrors: u32,
        flags: u32,
    ) -> Result<Counted<List<DomainDiskError, { limit::DISK_ERRORS }>, i32>> {
        check_flags(flags, 0, "domain_get_disk_errors")?;
        let snapshot = self.state().read_active(dom)?;
        // Every disk is in trouble, in turn of one kind and the other.
        let kinds = [DomainDiskErrorCode::UNSPEC, DomainDiskErrorCode::NO_SPACE].into_iter().cycle();
        let disks = snapshot.definition().devices.disks.iter().zip(kinds);
        let errors = disks.map(|(disk, kind)| DomainDiskError { disk: disk.target.dev.as_str().into(), error: kind.0 });
        match maxerrors {
            0 => Counted::answer(false, errors.collect()),
            most => Counted::answer(true, errors.take(most as usize).collect()),
        }
    }
}

/// The place of the disk with this target or source.
fn disk_at(disks: &[Disk], name: &str) -> Result<usize> {
    let by_target = disks.iter().position(|disk| disk.target.dev == name);
    let by_path = || disks.iter().position(|disk| name.starts_with('/') && disk.source.path() == Some(name));
    let unknown = || Error::invalid_arg(format!("disk '{name}' was not found in the domain config"));
    by_target.or_else(by_path).ok_or_else(unknown)
}
