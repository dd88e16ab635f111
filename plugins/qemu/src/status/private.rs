//! The elements beside `<domain>`.

use std::path::{Path, PathBuf};

use oxivirt_conf::backup::{BackupDefinition, BackupForm};
use oxivirt_conf::domain::{Cpu, CpuSet, StatusPrivate};
use oxivirt_conf::xml::{Element, Node, RawElement, Writer, YesNo};
use oxivirt_core::Result;

use super::{BlockJobs, HelperNote, JobStatus, child_attr, child_number, leaf_attr};
use crate::monitor::VcpuThread;

/// The driver's own part of a status file.
#[derive(Debug, Clone, PartialEq)]
pub struct PrivateStatus {
    /// Where the monitor listens.
    pub monitor: PathBuf,
    /// When the process started, in clock ticks since the host did; unknown in files of another daemon.
    pub start_time: Option<u64>,
    /// A message bus of the guest's own runs.
    pub dbus_daemon: bool,
    /// State of helpers is saved over that bus.
    pub dbus_vmstate: bool,
    /// Kinds of Linux namespaces that the process is in (`mount`).
    pub namespaces: Vec<String>,
    /// Threads of the virtual CPUs.
    pub vcpus: Vec<VcpuThread>,
    /// What QEMU can do, in libvirt's names; empty: to be asked for.
    pub capabilities: Vec<String>,
    /// What the lock manager has to be told.
    pub lock_state: Option<String>,
    /// What somebody was doing with the guest.
    pub job: Option<JobStatus>,
    /// A shutdown is really a reboot.
    pub fake_reboot: bool,
    /// Aliases of devices that QEMU has.
    pub devices: Vec<String>,
    /// Where the guest was advised to run.
    pub numad: Option<Numad>,
    /// The guest's own folder.
    pub lib_dir: Option<PathBuf>,
    /// The folder of sockets of channels.
    pub channel_dir: Option<PathBuf>,
    /// The folder of files that are the guest's memory.
    pub memory_dir: Option<PathBuf>,
    /// The CPU as it was asked for, where the host gave another one.
    pub cpu: Option<Cpu>,
    /// The output of character devices goes through the log daemon.
    pub logged: bool,
    /// Owners of files were noted, to be put back.
    pub remember_owner: bool,
    /// Whether QEMU may reboot by itself.
    pub allow_reboot: Option<YesNo>,
    /// The helper for reservations runs.
    pub pr_daemon: bool,
    /// The last number that a block node was named with.
    pub node_index: u64,
    /// The number of the next set of descriptors.
    pub fdset_index: u32,
    /// Memory was taken as a whole.
    pub preallocated: bool,
    /// Jobs of QEMU's block layer.
    pub block_jobs: BlockJobs,
    /// Helpers of user networks.
    pub slirp: Vec<SlirpHelper>,
    /// Programs beside QEMU; not in files of another daemon.
    pub helpers: Vec<HelperNote>,
    /// Seconds to wait for the guest agent, or one of the negative words of the call that sets it.
    pub agent_timeout: i32,
    /// The running backup.
    pub backup: Option<BackupDefinition>,
    /// Bytes that the process could lock at its start.
    pub original_memlock: Option<u64>,
    /// Bytes that it could lock before a migration.
    pub pre_migration_memlock: Option<u64>,
    /// Elements that are not known here, of newer daemons.
    pub other: Vec<RawElement>,
}

/// `<numad nodeset='0-2' cpuset='1,3'/>`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Numad {
    /// NUMA nodes of the host.
    pub nodes: Option<CpuSet>,
    /// CPUs of the host.
    pub cpus: Option<CpuSet>,
}

/// `<helper alias='net0' pid='17'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SlirpHelper {
    /// The network card.
    pub alias: String,
    /// Its process.
    pub pid: i32,
    /// What it can do.
    pub features: Vec<String>,
}

/// Until the user says otherwise the daemon decides how long to wait for a guest agent.
pub const NO_AGENT_TIMEOUT: i32 = -2;

const KNOWN: &[&str] = &[
    "monitor",
    "process",
    "dbusDaemon",
    "dbusVMState",
    "namespaces",
    "vcpus",
    "qemuCaps",
    "lockstate",
    "job",
    "fakereboot",
    "devices",
    "numad",
    "libDir",
    "channelTargetDir",
    "memoryBackingDir",
    "cpu",
    "chardevStdioLogd",
    "rememberOwner",
    "allowReboot",
    "prDaemon",
    "nodename",
    "fdset",
    "memPrealloc",
    "blockjobs",
    "slirp",
    "helpers",
    "agentTimeout",
    "backups",
    "originalMemlock",
    "preMigrationMemlock",
    // Those that are not the driver's.
    "taint",
    "deprecation",
    "domain",
];

impl PrivateStatus {
    /// Of a guest whose monitor listens there.
    pub fn new(monitor: PathBuf) -> Self {
        Self {
            monitor,
            start_time: None,
            dbus_daemon: false,
            dbus_vmstate: false,
            namespaces: Vec::new(),
            vcpus: Vec::new(),
            capabilities: Vec::new(),
            lock_state: None,
            job: None,
            fake_reboot: false,
            devices: Vec::new(),
            numad: None,
            lib_dir: None,
            channel_dir: None,
            memory_dir: None,
            cpu: None,
            logged: false,
            remember_owner: false,
            allow_reboot: None,
            pr_daemon: false,
            node_index: 0,
            fdset_index: 0,
            preallocated: false,
            block_jobs: BlockJobs::default(),
            slirp: Vec::new(),
            helpers: Vec::new(),
            agent_timeout: NO_AGENT_TIMEOUT,
            backup: None,
            original_memlock: None,
            pre_migration_memlock: None,
            other: Vec::new(),
        }
    }

    /// The guest's own folder; where a file says nothing, the monitor is in it.
    pub fn folder(&self) -> PathBuf {
        self.lib_dir.clone().unwrap_or_else(|| self.monitor.with_file_name(""))
    }

    /// Fills in what older daemons did not write.
    ///
    /// * `memory` – the folder of the guest's memory, as this daemon would name it.
    pub fn fill(&mut self, memory: &Path) {
        self.memory_dir.get_or_insert_with(|| memory.to_owned());
    }
}

impl StatusPrivate for PrivateStatus {
    fn parse(root: Node<'_>) -> Result<Self> {
        let monitor = root.child("monitor").ok_or_else(|| root.missing_child("monitor"))?;
        if let Some(other) = monitor.attr("type").filter(|kind| *kind != "unix") {
            return Err(monitor.bad_attr("type", other, "unix"));
        }
        let path = |name: &str| child_attr(root, name, "path").map(PathBuf::from);
        let has = |name: &str| root.child(name).is_some();
        let names = |list: &str, element: &str, attr: &str| -> Result<Vec<String>> {
            let list = root.child(list);
            list.iter().flat_map(|list| list.children_named(element)).map(|item| item.require(attr)).collect()
        };
        let mut vcpus = Vec::new();
        for vcpu in root.child("vcpus").iter().flat_map(|list| list.children_named("vcpu")) {
            // A file of long ago has no numbers.
            let index = vcpu.value("id")?.unwrap_or(u32::try_from(vcpus.len()).unwrap_or(u32::MAX));
            vcpus.push(VcpuThread { index, thread: vcpu.require("pid")? });
        }
        let backup = root.child("backups").and_then(|list| list.child("domainbackup"));
        let other = root.children().filter(|child| !KNOWN.contains(&child.name())).map(RawElement::copy);
        let namespaces = root.child("namespaces");
        let slirp = root.child("slirp");
        let helpers = root.child("helpers");
        Ok(Self {
            monitor: monitor.require::<String>("path")?.into(),
            start_time: root.child("process").map(|p| p.value("startTime")).transpose()?.flatten(),
            dbus_daemon: has("dbusDaemon"),
            dbus_vmstate: has("dbusVMState"),
            namespaces: namespaces.iter().flat_map(|list| list.children()).map(|n| n.name().to_owned()).collect(),
            vcpus,
            capabilities: names("qemuCaps", "flag", "name")?,
            lock_state: root.child_value("lockstate")?,
            job: root.child_element("job")?,
            fake_reboot: has("fakereboot"),
            devices: names("devices", "device", "alias")?,
            numad: root.child_element("numad")?,
            lib_dir: path("libDir"),
            channel_dir: path("channelTargetDir"),
            memory_dir: path("memoryBackingDir"),
            cpu: root.child_element("cpu")?,
            logged: has("chardevStdioLogd"),
            remember_owner: has("rememberOwner"),
            allow_reboot: root.child("allowReboot").map(|allow| allow.value("value")).transpose()?.flatten(),
            pr_daemon: has("prDaemon"),
            node_index: child_number(root, "nodename", "index")?,
            fdset_index: child_number(root, "fdset", "index")?,
            preallocated: has("memPrealloc"),
            block_jobs: root.child_element("blockjobs")?.unwrap_or_default(),
            slirp: slirp.map(|list| list.child_elements("helper")).transpose()?.unwrap_or_default(),
            helpers: helpers.map(|list| list.child_elements("helper")).transpose()?.unwrap_or_default(),
            agent_timeout: root.child_value("agentTimeout")?.unwrap_or(NO_AGENT_TIMEOUT),
            backup: backup.map(|node| BackupDefinition::parse_node(node, BackupForm::Internal)).transpose()?,
            original_memlock: root.child_value("originalMemlock")?,
            pre_migration_memlock: root.child_value("preMigrationMemlock")?,
            other: other.collect(),
        })
    }

    fn format(&self, w: &mut Writer) {
        let path = |w: &mut Writer, name: &str, path: Option<&PathBuf>| {
            leaf_attr(w, name, "path", path.map(|path| path.to_string_lossy()).as_deref());
        };
        let flag = |w: &mut Writer, name: &str, set: bool| {
            if set {
                w.flag(name);
            }
        };
        w.open("monitor");
        w.attr_str("path", &self.monitor.to_string_lossy());
        w.attr_str("type", "unix");
        w.close();
        if let Some(start_time) = &self.start_time {
            w.open("process");
            w.attr("startTime", start_time);
            w.close();
        }
        flag(w, "dbusDaemon", self.dbus_daemon);
        flag(w, "dbusVMState", self.dbus_vmstate);
        if !self.namespaces.is_empty() {
            w.open("namespaces");
            self.namespaces.iter().for_each(|kind| w.flag(kind));
            w.close();
        }
        w.open("vcpus");
        for vcpu in &self.vcpus {
            w.open("vcpu");
            w.attr("id", &vcpu.index);
            w.attr("pid", &vcpu.thread);
            w.close();
        }
        w.close_or_drop();
        Self::format_list(w, "qemuCaps", "flag", "name", &self.capabilities);
        w.leaf_opt("lockstate", self.lock_state.as_ref());
        if let Some(job) = &self.job {
            w.element("job", job);
        }
        flag(w, "fakereboot", self.fake_reboot);
        Self::format_list(w, "devices", "device", "alias", &self.devices);
        if let Some(numad) = &self.numad {
            w.element("numad", numad);
        }
        path(w, "libDir", self.lib_dir.as_ref());
        path(w, "channelTargetDir", self.channel_dir.as_ref());
        path(w, "memoryBackingDir", self.memory_dir.as_ref());
        if let Some(cpu) = &self.cpu {
            w.element("cpu", cpu);
        }
        flag(w, "chardevStdioLogd", self.logged);
        flag(w, "rememberOwner", self.remember_owner);
        leaf_attr(w, "allowReboot", "value", self.allow_reboot.map(YesNo::as_str));
        flag(w, "prDaemon", self.pr_daemon);
        for (name, index) in [("nodename", self.node_index), ("fdset", u64::from(self.fdset_index))] {
            w.open(name);
            w.attr("index", &index);
            w.close();
        }
        flag(w, "memPrealloc", self.preallocated);
        w.element("blockjobs", &self.block_jobs);
        if !self.slirp.is_empty() {
            w.open("slirp");
            w.elements("helper", &self.slirp);
            w.close();
        }
        if !self.helpers.is_empty() {
            w.open("helpers");
            w.elements("helper", &self.helpers);
            w.close();
        }
        w.leaf("agentTimeout", &self.agent_timeout);
        if let Some(backup) = &self.backup {
            w.open("backups");
            backup.write(w, BackupForm::Internal);
            w.close();
        }
        w.leaf_opt("originalMemlock", self.original_memlock.as_ref());
        w.leaf_opt("preMigrationMemlock", self.pre_migration_memlock.as_ref());
        for element in &self.other {
            w.element(&element.name, element);
        }
    }
}

impl PrivateStatus {
    fn format_list(w: &mut Writer, list: &str, element: &str, attr: &str, names: &[String]) {
        if !names.is_empty() {
            w.open(list);
            for name in names {
                leaf_attr(w, element, attr, Some(name));
            }
            w.close();
        }
    }
}

impl Element for Numad {
    fn parse(node: Node<'_>) -> Result<Self> {
        Ok(Self { nodes: node.value("nodeset")?, cpus: node.value("cpuset")? })
    }

    fn format(&self, w: &mut Writer) {
        w.attr_opt("nodeset", self.nodes.as_ref());
        w.attr_opt("cpuset", self.cpus.as_ref());
    }
}

impl Element for SlirpHelper {
    fn parse(node: Node<'_>) -> Result<Self> {
        let features = node.children_named("feature").map(|feature| feature.require("name"));
        Ok(Self {
            alias: node.require("alias")?,
            pid: node.require("pid")?,
            features: features.collect::<Result<_>>()?,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("alias", &self.alias);
        w.attr("pid", &self.pid);
        for feature in &self.features {
            leaf_attr(w, "feature", "name", Some(feature));
        }
    }
}
