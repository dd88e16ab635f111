//! Volumes of storage pools as disks.

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::{
    BackingStore, Disk, DiskDevice, NetworkHost, NetworkProtocol, NetworkSource, ResolvedVolume, StartupPolicy,
    StorageAuth, StorageKind, StorageSource, VolumeMode,
};
use oxivirt_conf::storage_pool::{PoolDefinition, PoolType};
use oxivirt_conf::storage_volume::VolumeType;
use oxivirt_core::{Error, Result};

use super::{Neighbours, Volume};

/// A disk that its guest does without, because what it was to read from is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// Where it is not.
    pub source: Option<String>,
    /// What the device is called.
    pub alias: String,
    /// The device stays, without a medium.
    pub is_drive: bool,
}

/// Finds out where every image of a guest is, and does without disks that may be missing.
///
/// * `there` – whether the image of a disk is there, beyond what pools say.
/// * Errors: what a pool or `there` says of a disk that must not be missing.
pub fn settle(
    domain: &mut DomainDefinition,
    neighbours: &dyn Neighbours,
    there: &dyn Fn(&Disk) -> Result<()>,
) -> Result<Vec<Dropped>> {
    let mut dropped = Vec::new();
    let mut failed = None;
    domain.devices.disks.retain_mut(|disk| {
        if failed.is_some() {
            return true;
        }
        let Err(error) = resolve(disk, neighbours).and_then(|()| there(disk)) else { return true };
        // A start asks for what is only requisite, too.
        if disk.source.startup_policy != Some(StartupPolicy::Optional) {
            failed = Some(error);
            return true;
        }
        let is_drive = matches!(disk.device, DiskDevice::CdRom | DiskDevice::Floppy);
        tracing::warn!(disk = disk.target.dev, %error, "the guest starts without a disk");
        let alias = disk.info.alias.clone().unwrap_or_default();
        dropped.push(Dropped { source: disk.source.path().map(str::to_owned), alias, is_drive });
        if is_drive {
            disk.source = StorageSource::default();
            disk.backing = None;
        }
        is_drive
    });
    match failed {
        Some(error) => Err(error),
        None => Ok(dropped),
    }
}

/// Finds out where the images of a disk are that are volumes.
///
/// Errors: those of the storage driver; `CONFIG_UNSUPPORTED` for volumes that no guest can have.
pub fn resolve(disk: &mut Disk, neighbours: &dyn Neighbours) -> Result<()> {
    image(&mut disk.source, neighbours)?;
    let mut next = disk.backing.as_deref_mut();
    while let Some(BackingStore::Layer(layer)) = next {
        image(&mut layer.source, neighbours)?;
        next = layer.backing.as_deref_mut();
    }
    Ok(())
}

fn image(source: &mut StorageSource, neighbours: &dyn Neighbours) -> Result<()> {
    let policy = source.startup_policy;
    let StorageKind::Volume { pool: Some(pool), volume: Some(volume), mode, resolved } = &mut source.kind else {
        return Ok(());
    };
    let found = neighbours.volume(pool, volume)?;
    *resolved = Some(Box::new(place(&found, volume, *mode, policy)?));
    Ok(())
}

/// Where a volume is for QEMU.
///
/// * `name` – what it is called in its pool.
/// * Errors: `XML_ERROR` a policy for what is no file; `CONFIG_UNSUPPORTED` a kind of pool that no guest can use
///   so; `INTERNAL_ERROR` a volume that its kind of pool cannot have.
pub fn place(
    volume: &Volume,
    name: &str,
    mode: Option<VolumeMode>,
    policy: Option<StartupPolicy>,
) -> Result<ResolvedVolume> {
    let on_host = |kind| Ok(ResolvedVolume { kind, auth: None });
    let path = || Some(volume.path.clone());
    let file_only = || match policy {
        Some(_) => Err(Error::xml("'startupPolicy' is only valid for 'file' type volume")),
        None => Ok(()),
    };
    match (volume.pool.kind, mode) {
        (
            PoolType::Dir
            | PoolType::Fs
            | PoolType::NetFs
            | PoolType::Logical
            | PoolType::Disk
            | PoolType::Scsi
            | PoolType::Zfs
            | PoolType::Vstorage,
            _,
        ) => match volume.kind {
            VolumeType::File | VolumeType::Ploop => on_host(StorageKind::File { path: path(), fdgroup: None }),
            VolumeType::Block => file_only().and_then(|()| on_host(StorageKind::Block { path: path() })),
            VolumeType::Dir => file_only().and_then(|()| on_host(StorageKind::Dir { path: path() })),
            kind @ (VolumeType::Network | VolumeType::NetDir) => Err(Error::internal(format!(
                "unexpected storage volume type '{}' for storage pool type '{}'",
                kind.as_str(),
                volume.pool.kind.as_str()
            ))),
        },
        (PoolType::IscsiDirect, _) | (PoolType::Iscsi, Some(VolumeMode::Direct)) => {
            file_only()?;
            unit(&volume.pool, name)
        }
        (PoolType::Iscsi, _) => file_only().and_then(|()| on_host(StorageKind::Block { path: path() })),
        (kind, _) => Err(Error::config_unsupported(format!(
            "using '{}' pools for backing 'volume' disks isn't yet supported",
            kind.as_str()
        ))),
    }
}

/// A unit of an iSCSI target that QEMU reaches by itself.
///
/// * `name` – such as `unit:0:0:3`, the number of the unit at its end.
fn unit(pool: &PoolDefinition, name: &str) -> Result<ResolvedVolume> {
    let source = &pool.source;
    let [host] = source.hosts.as_slice() else {
        return Err(Error::config_unsupported("Expected exactly 1 host for the storage pool"));
    };
    let parts: Vec<&str> = name.split(':').collect();
    let [_, _, _, number] = parts.as_slice() else {
        return Err(Error::config_unsupported(format!("unexpected iscsi volume name '{name}'")));
    };
    let target = source.devices.first().map(|device| device.path.as_str()).unwrap_or_default();
    let host = NetworkHost {
        name: Some(host.name.clone()),
        port: host.port.and_then(|port| u32::try_from(port).ok()).or(Some(ISCSI_PORT)),
        ..NetworkHost::default()
    };
    let network = NetworkSource {
        protocol: NetworkProtocol::Iscsi,
        name: Some(format!("{target}/{number}")),
        hosts: vec![host],
        initiator: source.initiator.clone(),
        ..NetworkSource::default()
    };
    let auth = source.auth.as_ref().map(|auth| {
        let mut secret = auth.secret.clone();
        secret.kind.get_or_insert_with(|| "iscsi".to_owned());
        Box::new(StorageAuth { username: auth.username.clone(), secret })
    });
    Ok(ResolvedVolume { kind: StorageKind::Network(Box::new(network)), auth })
}

const ISCSI_PORT: u32 = 3260;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use oxivirt_core::ErrorCode;

    use super::*;

    fn volume(kind: &str, source: &str, volume: VolumeType) -> Volume {
        let xml = format!(
            "<pool type='{kind}'><name>p</name><source>{source}</source><target><path>/t</path></target></pool>"
        );
        Volume { pool: PoolDefinition::parse(&xml).unwrap(), kind: volume, path: "/t/v".to_owned() }
    }

    const ISCSI: &str = "<host name='h'/><device path='iqn.x'/><initiator><iqn name='iqn.me'/></initiator>";

    #[test]
    fn each_kind_of_pool_says_where_its_volumes_are() {
        use VolumeType as V;
        for (kind, source, of, word) in [
            ("dir", "", V::File, "file"),
            ("netfs", "<host name='h'/><dir path='/d'/>", V::File, "file"),
            ("fs", "<device path='/dev/a'/>", V::Ploop, "file"),
            ("logical", "<name>vg</name>", V::Block, "block"),
            ("disk", "<device path='/dev/a'/>", V::Block, "block"),
            ("dir", "", V::Dir, "dir"),
            ("iscsi", ISCSI, V::Block, "block"),
        ] {
            let found = place(&volume(kind, source, of), "v", None, None).unwrap();
            assert_eq!(found.kind.type_name(), word, "{kind}");
            let source = StorageSource { kind: found.kind, ..StorageSource::default() };
            assert_eq!(source.path(), Some("/t/v"), "{kind}");
        }
    }

    #[test]
    fn units_are_reached_by_network_where_that_is_wanted() {
        let login = "<auth type='chap' username='me'><secret usage='s'/></auth>";
        let unit = volume("iscsi", &format!("{ISCSI}{login}"), VolumeType::Block);
        let found = place(&unit, "unit:0:0:3", Some(VolumeMode::Direct), None).unwrap();
        let StorageKind::Network(network) = &found.kind else { panic!("{found:?}") };
        assert_eq!(network.name.as_deref(), Some("iqn.x/3"));
        assert_eq!(network.hosts[0].port, Some(3260));
        assert_eq!(network.initiator.as_deref(), Some("iqn.me"));
        let auth = found.auth.unwrap();
        assert_eq!((auth.username.as_str(), auth.secret.kind.as_deref()), ("me", Some("iscsi")));
        let direct = volume("iscsi-direct", ISCSI, VolumeType::Network);
        assert!(matches!(place(&direct, "unit:0:0:1", None, None).unwrap().kind, StorageKind::Network(_)));
        assert_eq!(place(&direct, "unit1", None, None).unwrap_err().code(), ErrorCode::CONFIG_UNSUPPORTED);
    }

    #[test]
    fn what_no_guest_can_have_is_refused_by_name() {
        let rbd = volume("rbd", "<host name='h'/><name>r</name>", VolumeType::Network);
        let refused = place(&rbd, "v", None, None).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::CONFIG_UNSUPPORTED);
        assert!(refused.detail().contains("'rbd'"), "{refused}");
        let unexpected = place(&volume("dir", "", VolumeType::Network), "v", None, None).unwrap_err();
        assert_eq!(unexpected.code(), ErrorCode::INTERNAL_ERROR);
        let logical = volume("logical", "<name>vg</name>", VolumeType::Block);
        let policy = place(&logical, "v", None, Some(StartupPolicy::Optional)).unwrap_err();
        assert_eq!(policy.code(), ErrorCode::XML_ERROR);
    }
}
