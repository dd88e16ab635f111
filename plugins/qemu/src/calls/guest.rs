//! Talking to the guest's system, keyboard and interrupt lines.

use oxivirt_core::abi::RString;
use oxivirt_core::call::Call;
use oxivirt_core::constants::{
    DomainAuthorizedSshKeysSetFlags, DomainGuestInfoTypes, DomainInterfaceAddressesSource, DomainSetTimeFlags,
    DomainSetUserPasswordFlags, KeycodeSet,
};
use oxivirt_core::interface::{DomainGuest, implements};
use oxivirt_core::types::{
    Counted, Domain, DomainTime, FileSystemInfo, GuestInterface, IpAddress, List, TypedParam, TypedValue, limit,
};
use oxivirt_core::{Error, ErrorCode, Result};

use super::places;
use super::{Own, check_flags, owner};
use crate::QemuConnection;
use crate::guests::{GuestCard, Kinds, Seat, leased_addresses, seen_addresses};

#[implements]
impl DomainGuest for QemuConnection {
    fn domain_send_key(
        &self,
        call: &Call,
        dom: &Domain,
        codeset: KeycodeSet,
        holdtime: u32,
        keycodes: &List<u32, { limit::KEYCODES }>,
        flags: u32,
    ) -> Result<()> {
        check_flags(flags, 0, "domain_send_key")?;
        let keys = crate::keycodes::to_qemu(codeset, keycodes).own()?;
        self.guests.send_key(self.uuid(dom)?, &keys, holdtime, &owner(call)).own()
    }

    fn domain_inject_nmi(&self, call: &Call, dom: &Domain, flags: u32) -> Result<()> {
        check_flags(flags, 0, "domain_inject_nmi")?;
        self.guests.inject_nmi(self.uuid(dom)?, &owner(call)).own()
    }

    fn domain_get_hostname(&self, call: &Call, dom: &Domain, flags: u32) -> Result<String> {
        check_flags(flags, HOSTNAME_LEASE | HOSTNAME_AGENT, "domain_get_hostname")?;
        if flags == HOSTNAME_LEASE | HOSTNAME_AGENT {
            return Err(super::exclusive("VIR_DOMAIN_GET_HOSTNAME_LEASE", "VIR_DOMAIN_GET_HOSTNAME_AGENT"));
        }
        if flags == HOSTNAME_LEASE {
            let snapshot = self.read_active(dom)?;
            let name = &snapshot.definition().name;
            // No guest of this driver is on a network that gives leases.
            let text = format!("no hostname found for domain {name}");
            return Err(Error::new(ErrorCode::NO_HOSTNAME, text)).own();
        }
        self.seat(call, dom)?.host_name().own()
    }

    fn domain_get_time(&self, call: &Call, dom: &Domain, flags: u32) -> Result<DomainTime> {
        check_flags(flags, 0, "domain_get_time")?;
        let (seconds, nseconds) = self.seat(call, dom)?.time().own()?;
        Ok(DomainTime { seconds, nseconds })
    }

    fn domain_set_time(
        &self,
        call: &Call,
        dom: &Domain,
        seconds: i64,
        nseconds: u32,
        flags: DomainSetTimeFlags,
    ) -> Result<()> {
        check_flags(flags.0, DomainSetTimeFlags::SYNC.0, "domain_set_time")?;
        let sync = flags.contains(DomainSetTimeFlags::SYNC);
        self.seat(call, dom)?.set_time((!sync).then_some((seconds, nseconds))).own()
    }

    fn domain_fstrim(
        &self,
        call: &Call,
        dom: &Domain,
        mount_point: Option<&str>,
        minimum: u64,
        flags: u32,
    ) -> Result<()> {
        check_flags(flags, 0, "domain_fstrim")?;
        if mount_point.is_some() {
            let text = "Specifying mount point is not supported for now";
            return Err(Error::new(ErrorCode::ARGUMENT_UNSUPPORTED, text)).own();
        }
        self.seat(call, dom)?.trim(minimum).own()
    }

    fn domain_fsfreeze(
        &self,
        call: &Call,
        dom: &Domain,
        mountpoints: &List<RString, { limit::MOUNTPOINTS }>,
        flags: u32,
    ) -> Result<i32> {
        check_flags(flags, 0, "domain_fsfreeze")?;
        let names: Vec<&str> = mountpoints.iter().map(RString::as_str).collect();
        self.seat(call, dom)?.freeze(&names).own()
    }

    fn domain_fsthaw(
        &self,
        call: &Call,
        dom: &Domain,
        mountpoints: &List<RString, { limit::MOUNTPOINTS }>,
        flags: u32,
    ) -> Result<i32> {
        check_flags(flags, 0, "domain_fsthaw")?;
        if !mountpoints.is_empty() {
            let text = "specifying mountpoints is not supported";
            return Err(Error::new(ErrorCode::ARGUMENT_UNSUPPORTED, text)).own();
        }
        self.seat(call, dom)?.thaw().own()
    }

    fn domain_get_fsinfo(
        &self,
        call: &Call,
        dom: &Domain,
        flags: u32,
    ) -> Result<Counted<List<FileSystemInfo, { limit::FILE_SYSTEMS }>>> {
        check_flags(flags, 0, "domain_get_fsinfo")?;
        let seat = self.seat(call, dom)?;
        let found = seat.file_systems(self.read(dom)?.definition()).own()?;
        let describe = |fs: crate::guests::FileSystem| {
            let below = fs.disks.into_iter().filter_map(|disk| disk.target.map(RString::from));
            Ok(FileSystemInfo {
                mountpoint: fs.mountpoint.into(),
                name: fs.name.into(),
                fstype: fs.kind.into(),
                dev_aliases: List::new(below.collect())?,
            })
        };
        Counted::answer(true, found.into_iter().map(describe).collect::<Result<_>>()?)
    }

    fn domain_interface_addresses(
        &self,
        call: &Call,
        dom: &Domain,
        source: DomainInterfaceAddressesSource,
        flags: u32,
    ) -> Result<List<GuestInterface, { limit::GUEST_INTERFACES }>> {
        use DomainInterfaceAddressesSource as Source;
        check_flags(flags, 0, "domain_interface_addresses")?;
        let snapshot = self.read_active(dom)?;
        let cards = match source {
            Source::LEASE => leased_addresses(snapshot.definition(), &*self.guests.neighbours()).own()?,
            Source::AGENT => self.seat(call, dom)?.cards().own()?,
            Source::ARP => seen_addresses(snapshot.definition()).own()?,
            other => {
                let text = format!("Unknown IP address data source {}", other.0);
                return Err(Error::new(ErrorCode::ARGUMENT_UNSUPPORTED, text)).own();
            }
        };
        let describe = |card: GuestCard| {
            let addresses = card.addresses.into_iter();
            let addresses = addresses.map(|(sixth, addr, prefix)| IpAddress {
                r#type: i32::from(sixth),
                addr: addr.into(),
                prefix,
            });
            Ok(GuestInterface {
                name: card.name.into(),
                hwaddr: card.hardware.map(RString::from).into(),
                addrs: List::new(addresses.collect())?,
            })
        };
        List::new(cards.into_iter().map(describe).collect::<Result<_>>()?)
    }

    fn domain_set_user_password(
        &self,
        call: &Call,
        dom: &Domain,
        user: Option<&str>,
        password: Option<&str>,
        flags: DomainSetUserPasswordFlags,
    ) -> Result<()> {
        check_flags(flags.0, DomainSetUserPasswordFlags::ENCRYPTED.0, "domain_set_user_password")?;
        let encrypted = flags.contains(DomainSetUserPasswordFlags::ENCRYPTED);
        let seat = self.seat(call, dom)?;
        seat.set_password(user.unwrap_or_default(), password.unwrap_or_default(), encrypted).own()
    }

    fn domain_get_guest_vcpus(
        &self,
        call: &Call,
        dom: &Domain,
        flags: u32,
    ) -> Result<List<TypedParam, { limit::PARAMETERS }>> {
        check_flags(flags, 0, "domain_get_guest_vcpus")?;
        let cpus = self.seat(call, dom)?.cpus().own()?;
        let list = |name: &str, is_in: &dyn Fn(&crate::guests::GuestCpu) -> bool| {
            let set: oxivirt_conf::domain::CpuSet = cpus.iter().filter(|cpu| is_in(cpu)).map(|cpu| cpu.id).collect();
            TypedParam::new(name, TypedValue::String(&set.to_string()))
        };
        List::new(vec![
            list("vcpus", &|_| true),
            list("online", &|cpu| cpu.online),
            list("offlinable", &|cpu| cpu.can_go),
        ])
    }

    fn domain_set_guest_vcpus(&self, call: &Call, dom: &Domain, cpumap: &str, state: i32, flags: u32) -> Result<()> {
        check_flags(flags, 0, "domain_set_guest_vcpus")?;
        let on = match state {
            0 => false,
            1 => true,
            other => return Err(Error::invalid_arg(format!("unsupported state value '{other}'"))).own(),
        };
        let set = places::parse(cpumap)?;
        self.seat(call, dom)?.switch_cpus(&set, on).own()
    }

    fn domain_get_guest_info(
        &self,
        call: &Call,
        dom: &Domain,
        types: DomainGuestInfoTypes,
        flags: u32,
    ) -> Result<List<TypedParam, { limit::GUEST_INFO }>> {
        check_flags(flags, 0, "domain_get_guest_info")?;
        let kinds = if types.0 == 0 { Kinds::Known } else { Kinds::Named(types) };
        let seat = self.seat(call, dom)?;
        List::new(seat.facts(kinds, self.read(dom)?.definition()).own()?)
    }

    fn domain_agent_set_response_timeout(&self, call: &Call, dom: &Domain, timeout: i32, flags: u32) -> Result<i32> {
        check_flags(flags, 0, "domain_agent_set_response_timeout")?;
        self.guests.set_agent_timeout(self.uuid(dom)?, timeout, &owner(call)).own()?;
        Ok(0)
    }

    fn domain_authorized_ssh_keys_get(
        &self,
        call: &Call,
        dom: &Domain,
        user: &str,
        flags: u32,
    ) -> Result<List<RString, { limit::SSH_KEYS }>> {
        check_flags(flags, 0, "domain_authorized_ssh_keys_get")?;
        let keys = self.seat(call, dom)?.ssh_keys(user).own()?;
        List::new(keys.into_iter().map(RString::from).collect())
    }

    fn domain_authorized_ssh_keys_set(
        &self,
        call: &Call,
        dom: &Domain,
        user: &str,
        keys: &List<RString, { limit::SSH_KEYS }>,
        flags: DomainAuthorizedSshKeysSetFlags,
    ) -> Result<()> {
        use DomainAuthorizedSshKeysSetFlags as F;
        check_flags(flags.0, (F::APPEND | F::REMOVE).0, "domain_authorized_ssh_keys_set")?;
        if flags.contains(F::APPEND | F::REMOVE) {
            return Err(super::exclusive(
                "VIR_DOMAIN_AUTHORIZED_SSH_KEYS_SET_APPEND",
                "VIR_DOMAIN_AUTHORIZED_SSH_KEYS_SET_REMOVE",
            ));
        }
        let keys: Vec<&str> = keys.iter().map(RString::as_str).collect();
        let seat = self.seat(call, dom)?;
        match flags.contains(F::REMOVE) {
            true => seat.remove_ssh_keys(user, &keys).own(),
            false => seat.add_ssh_keys(user, &keys, !flags.contains(F::APPEND)).own(),
        }
    }
}

impl QemuConnection {
    /// The agent of the guest that a call is about.
    fn seat(&self, call: &Call, dom: &Domain) -> Result<Seat> {
        self.guests.agent_of(self.uuid(dom)?, &owner(call)).own()
    }
}

/// `VIR_DOMAIN_GET_HOSTNAME_LEASE` and `…_AGENT`.
const HOSTNAME_LEASE: u32 = 1;
const HOSTNAME_AGENT: u32 = 2;
