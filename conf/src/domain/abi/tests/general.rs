//! What is not a device.

use super::{GUEST, allowed, edited, parse, refused};
use crate::domain::NoHooks;

#[test]
fn identity_stays() {
    refused(&[
        ("type='qemu' id='7'", "type='kvm' id='7'", "/domain/@type"),
        ("<name>guest<", "<name>other<", "/domain/name"),
        ("926a-d65c16db1809", "926a-d65c16db18ff", "/domain/uuid"),
        ("926a-d65c16db1810", "926a-d65c16db18ff", "/domain/hwuuid"),
        ("692b-d057f46512d6", "692b-d057f46512d7", "/domain/genid"),
        ("<genid>e9392370-2917-565e-692b-d057f46512d6</genid>", "", "/domain/genid"),
    ]);
}

#[test]
fn what_only_the_host_sees_may_change() {
    allowed(&[
        ("id='7'", "id='8'"),
        ("<title>A guest</title>", ""),
        ("of many parts", "of other parts"),
        (">one</app:tag>", ">two</app:tag>"),
        ("<weight>800</weight>", "<weight>900</weight>"),
        (">4194304</hard_limit>", ">5194304</hard_limit>"),
        ("<access mode='private'/>", "<access mode='shared'/>"),
        ("cpuset='0-1'", "cpuset='0-3'"),
        ("<vcpupin vcpu='0' cpuset='0'/>", "<vcpupin vcpu='0' cpuset='1'/>"),
        ("<partition>/machine<", "<partition>/other<"),
        ("<on_poweroff>destroy", "<on_poweroff>restart"),
        ("/usr/bin/qemu-system-x86_64", "/opt/qemu"),
        ("<label>+0:+0", "<label>+1:+1"),
    ]);
}

#[test]
fn memory_and_its_limits() {
    refused(&[
        (">2097152</memory>", ">3097152</memory>", "/domain/memory"),
        (">8388608</maxMemory>", ">9388608</maxMemory>", "/domain/maxMemory"),
        ("slots='16'", "slots='32'", "/domain/maxMemory/@slots"),
        ("<maxMemory slots='16' unit='KiB'>8388608</maxMemory>", "", "/domain/maxMemory"),
    ]);
    let balloon = (">1048576</currentMemory>", ">524288</currentMemory>");
    refused(&[(balloon.0, balloon.1, "/domain/currentMemory")]);
    let (old, new) = (parse(GUEST), edited(balloon.0, balloon.1));
    old.check_running_abi_stability(&new, &NoHooks).unwrap();
}

#[test]
fn processors_and_threads() {
    refused(&[
        ("current='2'>4<", "current='2'>8<", "/domain/vcpu"),
        ("id='2' enabled='no'", "id='2' enabled='yes'", "/domain/vcpu/@current"),
        ("hotpluggable='yes' order='2'", "hotpluggable='no' order='2'", "/domain/vcpus/vcpu[@id='1']/@hotpluggable"),
        ("'no' order='1'", "'no' order='3'", "/domain/vcpus/vcpu[@id='0']/@order"),
        ("id='1' enabled='yes'", "id='1' enabled='no'", "/domain/vcpu/@current"),
    ]);
    allowed(&[("<iothreads>2<", "<iothreads>3<")]);
}

#[test]
fn machine_and_firmware() {
    refused(&[
        (">hvm<", ">xen<", "/domain/os/type"),
        ("arch='x86_64'", "arch='i686'", "/domain/os/type/@arch"),
        ("pc-q35-7.2", "pc-q35-7.1", "/domain/os/type/@machine"),
        ("type='pflash'", "type='rom'", "/domain/os/loader/@type"),
        ("secure='no'", "secure='yes'", "/domain/os/loader/@secure"),
        ("<smbios mode='sysinfo'/>", "<smbios mode='host'/>", "/domain/os/smbios"),
        ("<smbios mode='sysinfo'/>", "", "/domain/os/smbios"),
        (">LENOVO<", ">IBM<", "/domain/sysinfo[1]/bios/entry[1]"),
        (">S-1<", ">S-2<", "/domain/sysinfo[1]/system/entry[1]"),
        (">B-1<", ">B-2<", "/domain/sysinfo[1]/baseBoard[1]/entry[1]"),
        (">C-1<", ">C-2<", "/domain/sysinfo[1]/chassis/entry[1]"),
        (">oem one<", ">oem two<", "/domain/sysinfo[1]/oemStrings/entry[1]"),
        (">text<", ">other<", "/domain/sysinfo[2]/entry[1]"),
        ("<entry name='opt/one'>text</entry>", "", "count(/domain/sysinfo[2]/entry)"),
    ]);
    allowed(&[
        (">/code.fd<", ">/other/code.fd<"),
        ("<nvram>/vars.fd<", "<nvram>/other/vars.fd<"),
        ("<kernel>/vmlinuz<", "<kernel>/other<"),
        ("<cmdline>quiet<", "<cmdline>debug<"),
        ("file='/a/file'", "file='/other/file'"),
    ]);
}

#[test]
fn features() {
    refused(&[
        ("<acpi/>", "", "/domain/features/acpi"),
        ("<pae/>", "", "/domain/features/pae"),
        ("<apic eoi='on'/>", "<apic eoi='off'/>", "/domain/features/apic"),
        ("<hyperv mode='custom'>", "<hyperv mode='passthrough'>", "/domain/features/hyperv/@mode"),
        ("<relaxed state='on'/>", "<relaxed state='off'/>", "/domain/features/hyperv/relaxed"),
        ("retries='8191'", "retries='4096'", "/domain/features/hyperv/spinlocks"),
        ("<direct state='on'/>", "", "/domain/features/hyperv/stimer"),
        ("value='someone'", "value='nobody'", "/domain/features/hyperv/vendor_id"),
        ("<tlbflush state='on'/>", "", "/domain/features/hyperv/tlbflush"),
        ("<hidden state='on'/>", "", "/domain/features/kvm/hidden"),
        ("<pmu state='off'/>", "<pmu state='on'/>", "/domain/features/pmu"),
        ("<vmport state='off'/>", "", "/domain/features/vmport"),
        (">48</tseg>", ">16</tseg>", "/domain/features/smm"),
        ("<ioapic driver='qemu'/>", "<ioapic driver='kvm'/>", "/domain/features/ioapic"),
        ("<vmcoreinfo state='on'/>", "", "/domain/features/vmcoreinfo"),
        ("<ps2 state='on'/>", "<ps2 state='off'/>", "/domain/features/ps2"),
    ]);
    allowed(&[("state='on' size='4096'", "state='on' size='8192'"), (">128</tb-cache>", ">64</tb-cache>")]);
}

#[test]
fn processor() {
    let topology = "<topology sockets='1' dies='1' clusters='1' cores='2' threads='2'/>";
    refused(&[
        ("<cpu mode='custom' match='exact'", "<cpu mode='host-model'", "/domain/cpu/@mode"),
        ("check='full'", "check='partial'", "/domain/cpu/@check"),
        (">Nehalem<", ">Westmere<", "/domain/cpu/model"),
        ("KVMKVMKVMKVM", "AuthenticAMD", "/domain/cpu/model/@vendor_id"),
        (">Intel<", ">AMD<", "/domain/cpu/vendor"),
        (topology, "", "/domain/cpu/topology"),
        ("cores='2' threads='2'", "cores='4' threads='1'", "/domain/cpu/topology/@cores"),
        ("<cache level='3' mode='emulate'/>", "<cache mode='passthrough'/>", "/domain/cpu/cache"),
        ("bits='42'", "bits='40'", "/domain/cpu/maxphysaddr"),
        ("policy='require' name='vme'", "policy='disable' name='vme'", "/domain/cpu/feature[@name='vme']/@policy"),
        ("<feature policy='disable' name='x2apic'/>", "", "/domain/cpu/feature[@name='x2apic']/@policy"),
        ("cpus='0-1' memory", "cpus='0,2' memory", "/domain/cpu/numa/cell[1]/@cpus"),
        ("cpus='2-3' memory='1048576'", "cpus='2-3' memory='2048576'", "/domain/cpu/numa/cell[2]/@memory"),
        ("value='21'", "value='31'", "/domain/cpu/numa/cell[1]/distances/sibling[2]"),
        ("</numa>", "<cell id='2' memory='1048576' unit='KiB'/></numa>", "count(/domain/cpu/numa/cell)"),
    ]);
    allowed(&[
        ("fallback='forbid'", "fallback='allow'"),
        ("memAccess='private'", "memAccess='shared'"),
        // The order of features says nothing.
        (
            "<feature policy='require' name='vme'/>\n    <feature policy='disable' name='x2apic'/>",
            "<feature policy='disable' name='x2apic'/><feature policy='require' name='vme'/>",
        ),
    ]);
}

#[test]
fn clock_and_timers() {
    refused(&[
        ("frequency='2000000000'", "frequency='1000000000'", "/domain/clock/timer[2]/@frequency"),
        ("mode='native'", "mode='emulate'", "/domain/clock/timer[2]/@mode"),
        ("name='hpet' present='no'", "name='hpet' present='yes'", "/domain/clock/timer[3]/@present"),
        ("name='hpet'", "name='pit'", "/domain/clock/timer[3]/@name"),
        ("<timer name='rtc' tickpolicy='catchup'/>", "", "count(/domain/clock/timer)"),
    ]);
    allowed(&[("offset='utc'", "offset='localtime'"), ("tickpolicy='catchup'", "tickpolicy='delay'")]);
}

#[test]
fn encryption_of_memory() {
    refused(&[
        ("kernelHashes='yes'", "kernelHashes='no'", "/domain/launchSecurity/@kernelHashes"),
        ("<cbitpos>47<", "<cbitpos>51<", "/domain/launchSecurity/cbitpos"),
        (">0x0001<", ">0x0003<", "/domain/launchSecurity/policy"),
        ("type='sev'", "type='sev-snp'", "/domain/launchSecurity/@type"),
    ]);
    allowed(&[("AAACAQ==", "BBBCAQ==")]);
}
