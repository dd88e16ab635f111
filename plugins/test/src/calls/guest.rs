//! Keys, signals and a clock of a guest that is not there.

use oxivirt_conf::domain::devices::DiskDevice;
use oxivirt_core::abi::RString;
use oxivirt_core::call::Call;
use oxivirt_core::constants::{
    DomainInterfaceAddressesSource, DomainSetTimeFlags, DomainSetUserPasswordFlags, KeycodeSet,
};
use oxivirt_core::interface::{DomainGuest, implements};
use oxivirt_core::types::{Counted, Domain, DomainTime, FileSystemInfo, GuestInterface, List, limit};
use oxivirt_core::{Error, ErrorCode, Result};

use crate::TestConnection;
use crate::addresses;
use crate::error::{Own, check_flags};
use crate::keys;
use crate::state::FILE_SYSTEMS;

/// The highest number of a signal that guests know.
const LAST_SIGNAL: u32 = 64;

#[implements]
impl DomainGuest for TestConnection {
    #[quick]
    fn domain_send_key(
        &self,
        _call: &Call,
        dom: &Domain,
        codeset: KeycodeSet,
        _holdtime: u32,
        keycodes: &List<u32, { limit::KEYCODES }>,
        flags: u32,
    ) -> Result<()> {
        check_flags(flags, 0, "domain_send_key")?;
        self.state().read_active(dom)?;
        keycodes.iter().try_for_each(|code| keys::check(codeset, *code))
    }

    #[quick]
    fn domain_inject_nmi(&self, _call: &Call, dom: &Domain, flags: u32) -> Result<()> {
        check_flags(flags, 0, "domain_inject_nmi")?;
        self.state().read_active(dom).map(drop)
    }

    #[quick]
    fn domain_send_process_signal(
        &self,
        _call: &Call,
        dom: &Domain,
        pid_value: i64,
        signum: u32,
        flags: u32,
    ) -> Result<()> {
        check_flags(flags, 0, "domain_send_process_signal")?;
        self.state().read(dom)?;
        if pid_value != 1 {
            return Err(Error::invalid_arg("only sending a signal to pid 1 is supported")).own();
        }
        if signum > LAST_SIGNAL {
            return Err(Error::invalid_arg(format!("signum value {signum} is out of range"))).own();
        }
        Ok(())
    }

    #[quick]
    fn domain_get_hostname(&self, _call: &Call, dom: &Domain, flags: u32) -> Result<String> {
        check_flags(flags, 0, "domain_get_hostname")?;
        let snapshot = self.state().read_active(dom)?;
        Ok(format!("{}host", snapshot.definition().name))
    }

    #[quick]
    fn domain_get_time(&self, _call: &Call, dom: &Domain, flags: u32) -> Result<DomainTime> {
        check_flags(flags, 0, "domain_get_time")?;
        let snapshot = self.state().read(dom)?;
        if !snapshot.is_active() {
            return Err(Error::operation_invalid("domain is not running")).own();
        }
        Ok(snapshot.status.time.clone())
    }

    fn domain_set_time(
        &self,
        call: &Call,
        dom: &Domain,
        seconds: i64,
        nseconds: u32,
        flags: DomainSetTimeFlags,
    ) -> Result<()> {
        // There is no clock of the host's to synchronise with: what was sent is set.
        check_flags(flags.0, DomainSetTimeFlags::SYNC.0, "domain_set_time")?;
        self.state().change_active(call, dom)?.update(|snapshot| {
            snapshot.status.time = DomainTime { seconds, nseconds };
            Ok(())
        })
    }

    #[quick]
    fn domain_fstrim(
        &self,
        _call: &Call,
        dom: &Domain,
        mount_point: Option<&str>,
        _minimum: u64,
        flags: u32,
    ) -> Result<()> {
        check_flags(flags, 0, "domain_fstrim")?;
        self.state().read_active(dom)?;
        mount_point.map_or(Ok(0), file_system).map(drop)
    }

    fn domain_fsfreeze(
        &self,
        call: &Call,
        dom: &Domain,
        mountpoints: &List<RString, { limit::MOUNTPOINTS }>,
        flags: u32,
    ) -> Result<i32> {
        check_flags(flags, 0, "domain_fsfreeze")?;
        self.freeze(call, dom, mountpoints, true)
    }

    fn domain_fsthaw(
        &self,
        call: &Call,
        dom: &Domain,
        mountpoints: &List<RString, { limit::MOUNTPOINTS }>,
        flags: u32,
    ) -> Result<i32> {
        check_flags(flags, 0, "domain_fsthaw")?;
        self.freeze(call, dom, mountpoints, false)
    }

    #[quick]
    fn domain_get_fsinfo(
        &self,
        _call: &Call,
        dom: &Domain,
        flags: u32,
    ) -> Result<Counted<List<FileSystemInfo, { limit::FILE_SYSTEMS }>>> {
        check_flags(flags, 0, "domain_get_fsinfo")?;
        let snapshot = self.state().read_active(dom)?;
        // They are on the first disk, each in a partition of its own.
        let disks = &snapshot.definition().devices.disks;
        let Some(disk) = disks.iter().find(|disk| disk.device == DiskDevice::Disk) else {
            return Counted::answer(true, Vec::new());
        };
        let target = disk.target.dev.as_str();
        let describe = |(number, mountpoint): (usize, &&str)| {
            Ok(FileSystemInfo {
                mountpoint: (*mountpoint).into(),
                name: format!("{target}{}", number + 1).into(),
                fstype: "ext4".into(),
                dev_aliases: List::new(vec![target.into()])?,
            })
        };
        Counted::answer(true, FILE_SYSTEMS.iter().enumerate().map(describe).collect::<Result<_>>()?)
    }

    #[quick]
    fn domain_set_user_password(
        &self,
        _call: &Call,
        dom: &Domain,
        _user: Option<&str>,
        _password: Option<&str>,
        flags: DomainSetUserPasswordFlags,
    ) -> Result<()> {
        check_flags(flags.0, DomainSetUserPasswordFlags::ENCRYPTED.0, "domain_set_user_password")?;
        // Nobody can ever log in.
        self.state().read_active(dom).map(drop)
    }

    #[quick]
    fn domain_interface_addresses(
        &self,
        _call: &Call,
        dom: &Domain,
        source: DomainInterfaceAddressesSource,
        flags: u32,
    ) -> Result<List<GuestInterface, { limit::GUEST_INTERFACES }>> {
        check_flags(flags, 0, "domain_interface_addresses")?;
        let snapshot = self.state().read_active(dom)?;
        if source.name().is_none() {
            let text = format!("Unknown IP address data source {}", source.0);
            return Err(Error::new(ErrorCode::ARGUMENT_UNSUPPORTED, text)).own();
        }
        addresses::all(self.state(), &snapshot).own()
    }
}

impl TestConnection {
    /// Freezes or thaws file systems, all if none are named; returns how many were in the other state.
    fn freeze(&self, call: &Call, dom: &Domain, mountpoints: &[RString], frozen: bool) -> Result<i32> {
        let job = self.state().change_active(call, dom)?;
        let wanted = match mountpoints {
            [] => (0..FILE_SYSTEMS.len()).collect(),
            named => named.iter().map(|name| file_system(name)).collect::<Result<Vec<_>>>()?,
        };
        job.update(|snapshot| {
            let mut changed = 0;
            for number in wanted {
                if let Some(state) = snapshot.status.frozen.get_mut(number).filter(|state| **state != frozen) {
                    *state = frozen;
                    changed += 1;
                }
            }
            Ok(changed)
        })
    }
}

/// The number of the file system that is mounted there.
fn file_system(mount_point: &str) -> Result<usize> {
    let missing = || Error::operation_invalid(format!("mount point not found: {mount_point}"));
    FILE_SYSTEMS.iter().position(|known| *known == mount_point).ok_or_else(missing).own()
}
