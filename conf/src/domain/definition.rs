//! `<domain>`: type, parse, format.

use std::collections::HashSet;

use oxivirt_core::{Error, ErrorCode, Result};
use uuid::Uuid;

use super::cpu::Cpu;
use super::devices::Devices;
use super::locate::Place;
use super::namespace::{DriverNamespace, parse_metadata};
use super::security::{LaunchSecurity, SecLabel};
use super::{
    BlkioDevice, BlkioTune, Clock, CpuTune, DefaultIoThread, DomainHooks, Features, FormatFlags, IdMap, IoThread,
    IoThreadPoll, KeyWrap, LifecycleAction, LockFailureAction, MaxMemory, MemoryBacking, MemoryTune, NumaTune, Os,
    ParseFlags, Perf, Pm, Resource, SysInfo, Vcpu, VcpuEntry, post_parse, validate,
};
use crate::domain::devices::ThrottleGroup;
use crate::rare::Rare;
use crate::xml::{Document, Element, KiB, Node, OnOff, RawElement, Writer, bounded};
use crate::xml_enum;

xml_enum! {
    /// Which hypervisor runs the domain.
    pub enum DomainType {
        Qemu = "qemu", Kqemu = "kqemu", Kvm = "kvm", Xen = "xen", Lxc = "lxc", Uml = "uml", OpenVz = "openvz", Test = "test",
        VmWare = "vmware", HyperV = "hyperv", Vbox = "vbox", Phyp = "phyp", Parallels = "parallels", Bhyve = "bhyve",
        Vz = "vz", Hvf = "hvf",
    }
}

/// `<genid>`: a number that changes when the guest's memory is reverted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GenId {
    /// Given in the document.
    Given(Uuid),
    /// Made when the document was read.
    Generated(Uuid),
}

/// A domain: everything that its document says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DomainDefinition {
    /// The hypervisor.
    pub kind: DomainType,
    /// The number of a running domain, `None` when it is not running.
    pub id: Option<u32>,
    /// Unique among domains of a driver; without `/`.
    pub name: String,
    /// Made when the document has none.
    pub uuid: Uuid,
    /// The machine's own uuid where it differs (SMBIOS).
    pub hwuuid: Option<Uuid>,
    /// The generation id.
    pub genid: Option<GenId>,
    /// One line for people.
    pub title: Option<String>,
    /// Any text for people.
    pub description: Option<String>,
    /// Other programs' elements, the whole `<metadata>`.
    pub metadata: Option<Box<RawElement>>,
    /// The limit for hotplug.
    pub max_memory: Option<MaxMemory>,
    /// Memory at the start, plugged modules included.
    pub memory: KiB,
    /// Whether the guest's memory is part of a core dump.
    pub memory_dump_core: Option<OnOff>,
    /// What the balloon leaves to the guest.
    pub current_memory: KiB,
    /// I/O limits of the host.
    pub blkiotune: Option<Box<BlkioTune>>,
    /// Memory limits of the host.
    pub memtune: Option<Box<MemoryTune>>,
    /// Where the memory comes from.
    pub memory_backing: Option<Box<MemoryBacking>>,
    /// Number of CPUs and where they run.
    pub vcpu: Vcpu,
    /// State of each CPU, where the document lists them.
    pub vcpus: Rare<Vec<VcpuEntry>>,
    /// I/O threads by id; those made from a count alone are `implied`.
    pub iothreads: Rare<Vec<IoThread>>,
    /// The thread pool of the main loop.
    pub default_iothread: Option<DefaultIoThread>,
    /// Scheduling.
    pub cputune: Option<Box<CpuTune>>,
    /// Host NUMA nodes.
    pub numatune: Option<Box<NumaTune>>,
    /// The control group.
    pub resource: Option<Box<Resource>>,
    /// Strings for firmware tables.
    pub sysinfo: Rare<Vec<SysInfo>>,
    /// A program that prepares the start (Xen, bhyve).
    pub bootloader: Option<String>,
    /// Its arguments.
    pub bootloader_args: Option<String>,
    /// What is booted.
    pub os: Os,
    /// User namespaces.
    pub idmap: Option<Box<IdMap>>,
    /// What the machine offers.
    pub features: Features,
    /// The CPU.
    pub cpu: Option<Cpu>,
    /// The clock.
    pub clock: Clock,
    /// What happens on power-off.
    pub on_poweroff: LifecycleAction,
    /// What happens on reboot.
    pub on_reboot: LifecycleAction,
    /// What happens on a crash.
    pub on_crash: LifecycleAction,
    /// What happens when a lock is lost.
    pub on_lockfailure: Option<LockFailureAction>,
    /// Sleep states.
    pub pm: Option<Pm>,
    /// Counters of the host.
    pub perf: Option<Perf>,
    /// Limits that disks share.
    pub throttle_groups: Rare<Vec<ThrottleGroup>>,
    /// The devices.
    pub devices: Devices,
    /// Labels of the processes and files.
    pub seclabels: Rare<Vec<SecLabel>>,
    /// Key wrapping (s390x).
    pub keywrap: Option<KeyWrap>,
    /// Memory encryption.
    pub launch_security: Option<Box<LaunchSecurity>>,
    /// Elements of one hypervisor's own namespace.
    pub namespace: Option<Box<DriverNamespace>>,
}

impl DomainDefinition {
    /// Reads a document in all phases.
    ///
    /// * `xml` – a document whose outermost element is `<domain>`.
    /// * Errors: `XML_DETAIL` not well formed; `XML_ERROR` a value that means
    ///   nothing; `CONFIG_UNSUPPORTED` refused by a check; or whatever a hook
    ///   returns.
    pub fn parse(xml: &str, flags: ParseFlags, hooks: &dyn DomainHooks) -> Result<Self> {
        let document = Document::parse(xml)?.with_mode(flags.mode());
        let root = document.root();
        if root.name() != "domain" {
            return Err(Error::xml(format!("expecting root element of 'domain', not '{}'", root.name())));
        }
        Self::parse_node(root, flags, hooks)
    }

    /// Reads a `<domain>` inside another document in all phases.
    pub fn parse_node(node: Node<'_>, flags: ParseFlags, hooks: &dyn DomainHooks) -> Result<Self> {
        let mut def = <Self as Element>::parse(node).map_err(bounded)?;
        if !flags.has(ParseFlags::SKIP_POST_PARSE) {
            def.finish(node, flags, hooks).map_err(bounded)?;
        }
        def.shrink_to_fit();
        Ok(def)
    }

    /// Defaults, addresses and checks.
    fn finish(&mut self, node: Node<'_>, flags: ParseFlags, hooks: &dyn DomainHooks) -> Result<()> {
        post_parse::run(self, flags, hooks)?;
        if flags.has(ParseFlags::SKIP_VALIDATE) {
            return Ok(());
        }
        validate::run(self, Place(Some(node)))?;
        hooks.validate(self, flags)
    }

    /// Runs the phases behind the reading once more, for a definition that
    /// was put together in memory.
    pub fn complete(&mut self, flags: ParseFlags, hooks: &dyn DomainHooks) -> Result<()> {
        post_parse::run(self, flags, hooks)?;
        validate::run(self, Place(None))?;
        hooks.validate(self, flags)?;
        self.shrink_to_fit();
        Ok(())
    }

    /// Gives back memory that the lists hold beyond their length. Reading a
    /// document does so at its end; worth calling after larger edits, since a
    /// daemon keeps many definitions for long.
    pub fn shrink_to_fit(&mut self) {
        self.vcpus.shrink_to_fit();
        self.iothreads.shrink_to_fit();
        self.os.boot.shrink_to_fit();
        self.clock.timers.shrink_to_fit();
        self.devices.shrink_to_fit();
        self.seclabels.shrink_to_fit();
    }

    /// Prints the document.
    ///
    /// Errors: `INTERNAL_ERROR` for a definition without name or uuid.
    pub fn format(&self, flags: FormatFlags) -> Result<String> {
        if self.name.is_empty() {
            return Err(Error::internal("a domain without name cannot be printed"));
        }
        let mut w = Writer::new(flags.mode());
        w.element("domain", self);
        Ok(w.finish())
    }

    /// Whether the domain is running.
    pub fn is_active(&self) -> bool {
        self.id.is_some()
    }

    /// The `qemu:` elements, when there are any.
    pub fn qemu(&self) -> Option<&super::QemuNamespace> {
        match self.namespace.as_deref() {
            Some(DriverNamespace::Qemu(qemu)) => Some(qemu),
            _ => None,
        }
    }
}

/// Host devices without a limit say nothing.
fn drop_unlimited(mut tune: Box<BlkioTune>) -> Box<BlkioTune> {
    tune.devices.retain(|device| *device != BlkioDevice { path: device.path.clone(), ..BlkioDevice::default() });
    tune
}

fn parse_iothreads(node: Node<'_>) -> Result<Vec<IoThread>> {
    let mut threads: Vec<IoThread> = match node.child("iothreadids") {
        Some(list) => list.child_elements("iothread")?,
        None => Vec::new(),
    };
    for thread in &mut threads {
        thread.poll = thread.poll.take().filter(|poll| *poll != IoThreadPoll::default());
    }
    let mut ids = HashSet::new();
    for thread in &threads {
        if thread.id == 0 || !ids.insert(thread.id) {
            return Err(node.error(format_args!("I/O thread {} is given twice or zero", thread.id)));
        }
    }
    let Some(count) = node.child("iothreads") else { return Ok(threads) };
    let number: u32 = count.decimal_text()?;
    const MOST: u32 = 65_536;
    if number > MOST {
        return Err(count.bad_text(&number.to_string(), &format!("at most {MOST}")));
    }
    // More ids than the count says: the list decides.
    let missing = (number as usize).saturating_sub(threads.len());
    let free = (1..=u32::MAX).filter(|id| !ids.contains(id));
    threads.extend(free.take(missing).map(|id| IoThread { id, implied: true, ..IoThread::default() }));
    Ok(threads)
}

impl Element for DomainDefinition {
    fn parse(node: Node<'_>) -> Result<Self> {
        let kind = node.require("type")?;
        let id = if node.mode().live { node.value::<i32>("id")?.and_then(|id| u32::try_from(id).ok()) } else { None };
        let name = node.child_text("name").filter(|n| !n.is_empty());
        let name = name.ok_or_else(|| Error::new(ErrorCode::NO_NAME, ""))?;
        let action =
            |name: &str, default| -> Result<LifecycleAction> { Ok(node.child_value(name)?.unwrap_or(default)) };
        let text = |name: &str| node.child_text(name).map(|t| t.into_owned());
        let memory_node = node.child("memory");
        let bootloader = text("bootloader").filter(|path| !path.is_empty());
        let uuid: Option<Uuid> = node.child_value("uuid")?;
        let genid = match node.child("genid") {
            None => None,
            Some(genid) if genid.text().trim().is_empty() => Some(GenId::Generated(Uuid::new_v4())),
            Some(genid) => Some(GenId::Given(genid.text_value()?)),
        };
        Ok(Self {
            kind,
            id,
            name: name.into_owned(),
            uuid: uuid.unwrap_or_else(Uuid::new_v4),
            hwuuid: node.child_value("hwuuid")?,
            genid,
            title: text("title").filter(|t| !t.is_empty()),
            description: text("description").filter(|t| !t.is_empty()),
            metadata: node.child("metadata").and_then(parse_metadata).map(Box::new),
            max_memory: node.child_element("maxMemory")?,
            memory: memory_node.map(KiB::of).transpose()?.unwrap_or_default(),
            memory_dump_core: memory_node.map(|m| m.value("dumpCore")).transpose()?.flatten(),
            current_memory: node.child("currentMemory").map(KiB::of).transpose()?.unwrap_or_default(),
            blkiotune: node.child_element("blkiotune")?.map(drop_unlimited),
            memtune: node.child_element("memtune")?.filter(|tune| *tune != MemoryTune::default()).map(Box::new),
            memory_backing: node.child_element("memoryBacking")?,
            vcpu: node.child_element("vcpu")?.unwrap_or_default(),
            vcpus: match node.child("vcpus") {
                Some(list) => list.child_elements("vcpu")?.into(),
                None => Rare::default(),
            },
            iothreads: parse_iothreads(node)?.into(),
            default_iothread: node.child_element("defaultiothread")?,
            cputune: node.child_element("cputune")?,
            numatune: node.child_element("numatune")?.map(Box::new),
            resource: node.child_element("resource")?,
            sysinfo: node.child_elements("sysinfo")?.into(),
            bootloader_args: text("bootloader_args").filter(|_| bootloader.is_some()),
            bootloader,
            os: node.child_element("os")?.unwrap_or_default(),
            idmap: node.child_element("idmap")?,
            features: match node.child("features") {
                Some(features) => Features::of_domain(features)?,
                None => Features::default(),
            },
            cpu: node.child_element("cpu")?.filter(|cpu: &Cpu| !cpu.is_empty()),
            clock: node.child_element("clock")?.unwrap_or_default(),
            on_poweroff: action("on_poweroff", LifecycleAction::Destroy)?,
            on_reboot: action("on_reboot", LifecycleAction::Restart)?,
            on_crash: action("on_crash", LifecycleAction::Destroy)?,
            on_lockfailure: node.child_value("on_lockfailure")?,
            pm: node.child_element("pm")?.filter(Pm::says_something),
            perf: node.child_element("perf")?,
            throttle_groups: match node.child("throttlegroups") {
                Some(list) => list.child_elements("throttlegroup")?.into(),
                None => Rare::default(),
            },
            devices: node.child_element("devices")?.unwrap_or_default(),
            seclabels: node.child_elements("seclabel")?.into(),
            keywrap: node.child_element("keywrap")?,
            launch_security: node.child_element("launchSecurity")?,
            namespace: DriverNamespace::parse(node)?.map(Box::new),
        })
    }

    fn format(&self, w: &mut Writer) {
        fn opt<E: Element>(w: &mut Writer, name: &str, value: Option<&E>) {
            if let Some(value) = value {
                w.element_unless_empty(name, value);
            }
        }
        w.attr("type", &self.kind);
        if let Some(id) = self.id.filter(|_| w.mode().live) {
            w.attr("id", &id);
        }
        if let Some(namespace) = &self.namespace {
            namespace.format_declaration(w);
        }
        w.leaf("name", &self.name);
        w.leaf("uuid", &self.uuid);
        w.leaf_opt("hwuuid", self.hwuuid.as_ref());
        match &self.genid {
            None => {}
            Some(GenId::Given(id) | GenId::Generated(id)) => w.leaf("genid", id),
        }
        w.leaf_opt("title", self.title.as_ref());
        w.leaf_opt("description", self.description.as_ref());
        if let Some(metadata) = &self.metadata {
            metadata.write_libxml(w);
        }
        opt(w, "maxMemory", self.max_memory.as_ref());
        w.open("memory");
        w.attr_opt("dumpCore", self.memory_dump_core.as_ref());
        self.memory.format(w);
        w.close();
        w.element("currentMemory", &self.current_memory);
        opt(w, "blkiotune", self.blkiotune.as_ref());
        opt(w, "memtune", self.memtune.as_ref());
        opt(w, "memoryBacking", self.memory_backing.as_ref());
        w.element("vcpu", &self.vcpu);
        if !self.vcpus.is_empty() {
            w.open("vcpus");
            w.elements("vcpu", &self.vcpus);
            w.close();
        }
        self.format_iothreads(w);
        if !self.throttle_groups.is_empty() {
            w.open("throttlegroups");
            w.elements("throttlegroup", &self.throttle_groups);
            w.close();
        }
        opt(w, "cputune", self.cputune.as_ref());
        opt(w, "numatune", self.numatune.as_ref());
        opt(w, "resource", self.resource.as_ref());
        w.elements("sysinfo", &self.sysinfo);
        w.leaf_opt("bootloader", self.bootloader.as_ref());
        w.leaf_opt("bootloader_args", self.bootloader_args.as_ref());
        w.element("os", &self.os);
        opt(w, "idmap", self.idmap.as_ref());
        w.element_unless_empty("features", &self.features);
        if let Some(cpu) = self.cpu.as_ref().filter(|c| !c.is_empty()) {
            w.element("cpu", cpu);
        }
        w.element("clock", &self.clock);
        w.leaf("on_poweroff", &self.on_poweroff);
        w.leaf("on_reboot", &self.on_reboot);
        w.leaf("on_crash", &self.on_crash);
        w.leaf_opt("on_lockfailure", self.on_lockfailure.as_ref());
        opt(w, "pm", self.pm.as_ref());
        opt(w, "perf", self.perf.as_ref());
        w.open("devices");
        w.force_children();
        self.devices.format(w);
        w.close();
        for label in &self.seclabels {
            if w.mode().live || label.is_configured() {
                w.element("seclabel", label);
            }
        }
        opt(w, "keywrap", self.keywrap.as_ref());
        if let Some(security) = &self.launch_security {
            w.element("launchSecurity", security);
        }
        if let Some(namespace) = &self.namespace {
            namespace.format(w);
        }
    }
}

impl DomainDefinition {
    fn format_iothreads(&self, w: &mut Writer) {
        if !self.iothreads.is_empty() {
            w.leaf("iothreads", &(self.iothreads.len() as u64));
            if self.iothreads.iter().any(|t| !t.implied) {
                w.open("iothreadids");
                w.elements("iothread", &self.iothreads);
                w.close();
            }
        }
        if let Some(default) = &self.default_iothread {
            w.element_unless_empty("defaultiothread", default);
        }
    }
}
