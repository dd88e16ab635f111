//! What a search for sources of pools finds on this host.

use oxivirt_conf::storage_pool::{
    LogicalFormat, NetFsFormat, PoolFormat, PoolSource, PoolType, SourceDevice, SourceHost, format_sources,
};
use oxivirt_core::{Error, ErrorDomain, Result};

use crate::error::Own;

/// Volume groups that are on this host, and the devices that they are made of.
const GROUPS: [(&str, &str); 2] = [("testvg1", "/dev/sda20"), ("testvg2", "/dev/sda21")];
/// The folder that every other host offers.
const SHARE: &str = "/testshare";

/// Looks for sources, as a `<sources>` document.
///
/// * `spec` – a `<source>` document that limits the search.
/// * Errors: `NO_SUPPORT` for a type whose sources cannot be searched for;
///   `INVALID_ARG` when the search lacks a host; those of the document.
pub(crate) fn find(kind: &str, spec: Option<&str>) -> Result<String> {
    let unsupported = || Error::no_support(format!("pool type '{kind}' does not support source discovery"));
    let kind = PoolType::from_word(kind).ok_or_else(unsupported).own()?;
    if kind == PoolType::Dir {
        return Err(Error::internal(format!("unknown storage pool type {kind}"))).own();
    }
    let spec = spec.map(|xml| PoolSource::parse_spec(xml, kind)).transpose();
    let spec = spec.map_err(|error| error.in_domain(ErrorDomain::STORAGE))?;
    let found = match kind {
        PoolType::Logical => GROUPS.map(|(name, device)| group(name, device)).to_vec(),
        PoolType::NetFs => {
            let host = spec.and_then(|spec| spec.hosts.into_iter().next());
            let missing = || Error::invalid_arg("hostname must be specified for netfs sources");
            vec![share(host.ok_or_else(missing).own()?)]
        }
        _ => return Err(unsupported()).own(),
    };
    Ok(format_sources(&found))
}

fn group(name: &str, device: &str) -> PoolSource {
    PoolSource {
        devices: vec![SourceDevice { path: device.to_owned(), ..SourceDevice::default() }],
        name: Some(name.to_owned()),
        format: Some(PoolFormat::Logical(LogicalFormat::Lvm2)),
        ..PoolSource::default()
    }
}

fn share(host: SourceHost) -> PoolSource {
    PoolSource {
        hosts: vec![SourceHost { name: host.name, ..SourceHost::default() }],
        dir: Some(SHARE.to_owned()),
        format: Some(PoolFormat::NetFs(NetFsFormat::Nfs)),
        ..PoolSource::default()
    }
}
