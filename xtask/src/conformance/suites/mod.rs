//! The suites of documents and configuration files: one file per subject.

use super::Suite;

mod backup;
mod checkpoint;
mod configuration;
mod cpu;
mod domain;
mod interface;
mod network;
mod network_port;
mod node_device;
mod nwfilter;
mod schema;
mod secret;
mod snapshot;
mod storage;
mod sysinfo;
mod virsh;

/// Every suite: its name, its folder in the corpus, and what it does there.
pub(super) const SUITES: &[(&str, &str, Suite)] = &[
    ("backup", "backup", backup::backup),
    ("checkpoint", "checkpoint", checkpoint::checkpoint),
    ("conf", "conf", configuration::configuration),
    ("cpu", "cpu", cpu::models),
    ("domain-generic", "domain-generic", domain::generic),
    ("domain-unchanged", "qemu", domain::unchanged),
    ("lxc(xml)", "lxc", domain::containers),
    ("interface", "interface", interface::interfaces),
    ("network", "network", network::network),
    ("network(update)", "network", network::update),
    ("networkport", "networkport", network_port::ports),
    ("nodedev", "nodedev", node_device::devices),
    ("nwfilter", "nwfilter", nwfilter::filters),
    ("nwfilterbinding", "nwfilterbinding", nwfilter::bindings),
    ("secret", "secret", secret::secrets),
    ("snapshot", "snapshot", snapshot::snapshot),
    ("storagepool", "storagepool", storage::pools),
    ("storagepool(caps)", "storagepool/caps", storage::capabilities),
    ("storagevol", "storagevol", storage::volumes),
    ("sysinfo", "sysinfo", sysinfo::sysinfo),
    ("virsh", "virsh", virsh::sessions),
];
