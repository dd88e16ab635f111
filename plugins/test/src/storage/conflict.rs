//! Two pools must not have one source.

use oxivirt_conf::storage_pool::{Adapter, PoolDefinition, PoolType};

/// Whether two pools would have the same source.
pub(super) fn share_source(one: &PoolDefinition, other: &PoolDefinition) -> bool {
    use PoolType as T;
    let (a, b) = (&one.source, &other.source);
    match (one.kind, other.kind) {
        (T::Dir, T::Dir) => one.target.path == other.target.path,
        (T::NetFs, T::NetFs) => a.dir == b.dir && a.hosts == b.hosts,
        (T::Gluster, T::Gluster) => a.name == b.name && a.dir == b.dir && a.hosts == b.hosts,
        // The name of the target is unique everywhere, the host is not.
        (T::Iscsi, T::Iscsi) => a.initiator == b.initiator && devices(one).eq(devices(other)),
        (T::Scsi, T::Scsi) => match (&a.adapter, &b.adapter) {
            (Some(one), Some(other)) => same_adapter(one, other),
            _ => false,
        },
        (T::Mpath, T::Mpath) => true,
        (T::Vstorage, T::Vstorage) => a.name == b.name,
        (T::Fs | T::Logical | T::Disk | T::Zfs, T::Fs | T::Logical | T::Disk | T::Zfs) => {
            devices(one).any(|device| devices(other).any(|known| known == device))
        }
        _ => false,
    }
}

fn devices(pool: &PoolDefinition) -> impl Iterator<Item = &str> {
    pool.source.devices.iter().map(|device| device.path.as_str())
}

fn same_adapter(one: &Adapter, other: &Adapter) -> bool {
    match (one, other) {
        (Adapter::ScsiHost { name: one }, Adapter::ScsiHost { name: other }) => bare(one) == bare(other),
        (Adapter::FcHost(one), Adapter::FcHost(other)) => one.wwnn == other.wwnn && one.wwpn == other.wwpn,
        _ => one == other,
    }
}

/// A host may be called `scsi_host1` or `host1`.
fn bare(name: &str) -> &str {
    name.strip_prefix("scsi_").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn pool(kind: &str, source: &str, path: &str) -> PoolDefinition {
        let xml = format!(
            "<pool type='{kind}'><name>x</name><source>{source}</source><target><path>{path}</path></target></pool>"
        );
        PoolDefinition::parse(&xml).unwrap()
    }

    #[test]
    fn what_makes_a_source_depends_on_the_type() {
        let (sdb, sdc) = ("<device path='/dev/sdb'/>", "<device path='/dev/sdc'/>");
        for (one, other, wanted) in [
            (("dir", "", "/a"), ("dir", "", "/a"), true),
            (("dir", "", "/a"), ("dir", "", "/b"), false),
            (("fs", sdb, "/a"), ("dir", "", "/a"), false),
            (("fs", sdb, "/a"), ("disk", sdb, "/b"), true),
            (("fs", sdb, "/a"), ("fs", sdc, "/a"), false),
            (("mpath", "", "/a"), ("mpath", "", "/b"), true),
            (("scsi", "<adapter name='host1'/>", "/a"), ("scsi", "<adapter name='scsi_host1'/>", "/a"), true),
            (("vstorage", "<name>v</name>", "/a"), ("vstorage", "<name>w</name>", "/a"), false),
        ] {
            let (a, b) = (pool(one.0, one.1, one.2), pool(other.0, other.1, other.2));
            assert_eq!((share_source(&a, &b), share_source(&b, &a)), (wanted, wanted), "{one:?} {other:?}");
        }
    }
}
