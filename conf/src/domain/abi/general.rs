//! What is not a device: identity, memory, CPUs, firmware, clock, encryption.

use oxivirt_core::Result;

use super::Balloon;
use super::at::{At, attrs};
use crate::domain::{Clock, DomainDefinition, GenId, LaunchSecurity, Os, SysInfo, TimerName, VcpuEntry};

pub(super) fn check(old: &DomainDefinition, new: &DomainDefinition, balloon: Balloon, at: At<'_>) -> Result<()> {
    at.same("@type", &old.kind, &new.kind)?;
    at.same("uuid", &old.uuid, &new.uuid)?;
    // The guest does not see it, but a new name would slip through every
    // check that a rename makes.
    at.same("name", &old.name, &new.name)?;
    at.same_opt("hwuuid", &old.hwuuid, &new.hwuuid)?;
    at.same_opt("genid", &old.genid.map(id), &new.genid.map(id))?;
    memory(old, new, at)?;
    if balloon == Balloon::Still {
        at.same("currentMemory", &old.current_memory.0, &new.current_memory.0)?;
    }
    vcpus(old, new, at)?;
    os(&old.os, &new.os, at.child("os"))?;
    clock(&old.clock, &new.clock, at.child("clock"))?;
    sysinfo(&old.sysinfo, &new.sysinfo, at)?;
    at.same_element("keywrap", &old.keywrap, &new.keywrap)?;
    at.both("launchSecurity", old.launch_security.as_ref(), new.launch_security.as_ref(), |at, old, new| {
        encryption(old, new, at)
    })
}

fn id(genid: GenId) -> uuid::Uuid {
    match genid {
        GenId::Given(id) | GenId::Generated(id) => id,
    }
}

fn memory(old: &DomainDefinition, new: &DomainDefinition, at: At<'_>) -> Result<()> {
    at.same("memory", &old.memory.0, &new.memory.0)?;
    at.both("maxMemory", old.max_memory.as_ref(), new.max_memory.as_ref(), |at, old, new| {
        at.same("", &old.size.0, &new.size.0)?;
        at.same("@slots", &old.slots, &new.slots)
    })
}

fn vcpus(old: &DomainDefinition, new: &DomainDefinition, at: At<'_>) -> Result<()> {
    let here = at.child("vcpu");
    here.same("", &old.vcpu.maximum, &new.vcpu.maximum)?;
    here.same("@current", &old.vcpu.current, &new.vcpu.current)?;
    let list = at.child("vcpus");
    for entry in old.vcpus.iter().chain(&new.vcpus) {
        let (old, new) = (cpu(old, entry.id), cpu(new, entry.id));
        let name = format!("vcpu[@id='{}']", entry.id);
        let here = list.child(&name);
        here.same("@enabled", &old.enabled, &new.enabled)?;
        attrs!(here, old, new; "@hotpluggable" => hotpluggable, "@order" => order);
    }
    Ok(())
}

/// What the document says of one CPU; without a list the first ones are on.
fn cpu(def: &DomainDefinition, id: u32) -> VcpuEntry {
    let plain = || VcpuEntry { id, enabled: (id < def.vcpu.current).into(), ..VcpuEntry::default() };
    def.vcpus.iter().find(|entry| entry.id == id).cloned().unwrap_or_else(plain)
}

fn os(old: &Os, new: &Os, at: At<'_>) -> Result<()> {
    let kind = at.child("type");
    kind.same_opt("", &old.kind.kind, &new.kind.kind)?;
    attrs!(kind, old.kind, new.kind; "@arch" => arch, "@machine" => machine);
    // Where only one is given the other is still to be chosen.
    if let (Some(old), Some(new)) = (&old.loader, &new.loader) {
        attrs!(at.child("loader"), old, new; "@type" => kind, "@secure" => secure);
    }
    at.same_element("smbios", &old.smbios, &new.smbios)
}

/// The offset may differ: what the guest's clock shows is part of its state.
fn clock(old: &Clock, new: &Clock, at: At<'_>) -> Result<()> {
    at.each("timer", &old.timers, &new.timers, |at, old, new| {
        at.same("@name", &old.name, &new.name)?;
        at.same_opt("@present", &old.present, &new.present)?;
        if old.name == TimerName::Tsc {
            attrs!(at, old, new; "@frequency" => frequency, "@mode" => mode);
        }
        Ok(())
    })
}

/// The files that entries of `fwcfg` are read from stay the host's matter.
fn sysinfo(old: &[SysInfo], new: &[SysInfo], at: At<'_>) -> Result<()> {
    at.each("sysinfo", old, new, |at, old, new| {
        at.same("@type", &old.kind, &new.kind)?;
        at.child("bios").same_elements("entry", &old.bios, &new.bios)?;
        at.child("system").same_elements("entry", &old.system, &new.system)?;
        at.each("baseBoard", &old.base_boards, &new.base_boards, |at, old, new| at.same_elements("entry", old, new))?;
        at.child("chassis").same_elements("entry", &old.chassis, &new.chassis)?;
        let oem = at.child("oemStrings");
        oem.each("entry", &old.oem_strings, &new.oem_strings, |at, old, new| at.same("", old, new))?;
        at.each("entry", &old.fwcfg, &new.fwcfg, |at, old, new| {
            at.same("@name", &old.name, &new.name)?;
            at.same_opt("", &old.value, &new.value)
        })
    })
}

/// Certificates and session data belong to one launch and are not compared.
fn encryption(old: &LaunchSecurity, new: &LaunchSecurity, at: At<'_>) -> Result<()> {
    match (old, new) {
        (LaunchSecurity::Sev(old), LaunchSecurity::Sev(new)) => {
            attrs!(at, old, new; "@kernelHashes" => kernel_hashes, "cbitpos" => cbitpos,
                "reducedPhysBits" => reduced_phys_bits);
            at.same("policy", &old.policy, &new.policy)
        }
        (LaunchSecurity::SevSnp(old), LaunchSecurity::SevSnp(new)) => {
            attrs!(at, old, new; "@kernelHashes" => kernel_hashes, "@authorKey" => author_key, "@vcek" => vcek,
                "cbitpos" => cbitpos, "reducedPhysBits" => reduced_phys_bits,
                "guestVisibleWorkarounds" => guest_visible_workarounds, "idBlock" => id_block, "idAuth" => id_auth,
                "hostData" => host_data);
            at.same("policy", &old.policy, &new.policy)
        }
        (old, new) => at.same_word("@type", kind(old), kind(new)),
    }
}

fn kind(security: &LaunchSecurity) -> &'static str {
    match security {
        LaunchSecurity::Sev(_) => "sev",
        LaunchSecurity::SevSnp(_) => "sev-snp",
        LaunchSecurity::S390Pv => "s390-pv",
    }
}
