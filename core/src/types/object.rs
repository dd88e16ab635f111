//! References to objects, as calls pass them.

use abi_stable::StableAbi;
use abi_stable::std_types::RString;

use crate::wire::shape::Shape;
use crate::wire::xdr::{Reader, Writer, Xdr};
use crate::{Error, ErrorCode, Result};

/// The 16 bytes that name an object for good.
#[repr(transparent)]
#[derive(StableAbi, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Uuid(pub [u8; 16]);

impl std::fmt::Display for Uuid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Uuid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

impl std::str::FromStr for Uuid {
    type Err = Error;
    /// Reads 32 hexadecimal digits; dashes and blanks between them are skipped.
    fn from_str(text: &str) -> Result<Self> {
        let malformed = || Error::new(ErrorCode::INVALID_ARG, format!("malformed uuid '{text}'"));
        let mut digits = text.trim().chars().filter(|c| *c != '-' && *c != ' ');
        let mut bytes = [0; 16];
        for byte in &mut bytes {
            let mut digit = || digits.next().and_then(|c| c.to_digit(16)).ok_or_else(malformed);
            *byte = (digit()? * 16 + digit()?) as u8;
        }
        match digits.next() {
            None => Ok(Self(bytes)),
            Some(_) => Err(malformed()),
        }
    }
}

impl Xdr for Uuid {
    fn shape() -> Shape {
        Shape::FixedOpaque(16)
    }
    fn encode(&self, out: &mut Writer) -> Result<()> {
        out.put_padded(&self.0);
        Ok(())
    }
    fn decode(input: &mut Reader<'_>) -> Result<Self> {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(input.get_padded(16)?);
        Ok(Self(bytes))
    }
}

/// A domain as calls name it. Drivers look it up by `uuid`; `id` is -1 while
/// the domain is not running.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq, oxivirt_macros::Xdr)]
pub struct Domain {
    /// Unique among the domains of a connection.
    pub name: RString,
    /// Unique everywhere.
    pub uuid: Uuid,
    /// Number of this run, or -1.
    pub id: i32,
}

impl Domain {
    /// A reference from its parts.
    pub fn new(name: impl Into<RString>, uuid: Uuid, id: i32) -> Self {
        Self { name: name.into(), uuid, id }
    }
}

/// A network as calls name it.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq, oxivirt_macros::Xdr)]
pub struct Network {
    /// Unique among the networks of a connection.
    pub name: RString,
    /// Unique everywhere.
    pub uuid: Uuid,
}

/// A port of a network as calls name it.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq, oxivirt_macros::Xdr)]
pub struct NetworkPort {
    /// The network it belongs to.
    pub net: Network,
    /// Unique everywhere.
    pub uuid: Uuid,
}

/// A network filter as calls name it.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq, oxivirt_macros::Xdr)]
pub struct NwFilter {
    /// Unique among the filters of a connection.
    pub name: RString,
    /// Unique everywhere.
    pub uuid: Uuid,
}

/// The filtering of one device as calls name it.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq, oxivirt_macros::Xdr)]
pub struct NwFilterBinding {
    /// The device on the host.
    pub portdev: RString,
    /// Name of the filter.
    pub filtername: RString,
}

/// A network interface of the host as calls name it.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq, oxivirt_macros::Xdr)]
pub struct HostInterface {
    /// Unique among the interfaces of a connection.
    pub name: RString,
    /// Its hardware address; may be empty.
    pub mac: RString,
}

/// A storage pool as calls name it.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq, oxivirt_macros::Xdr)]
pub struct StoragePool {
    /// Unique among the pools of a connection.
    pub name: RString,
    /// Unique everywhere.
    pub uuid: Uuid,
}

/// A storage volume as calls name it.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq, oxivirt_macros::Xdr)]
pub struct StorageVolume {
    /// Name of its pool.
    pub pool: RString,
    /// Unique in its pool.
    pub name: RString,
    /// Unique everywhere.
    pub key: RString,
}

/// A device of the host as calls name it.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq, oxivirt_macros::Xdr)]
pub struct NodeDevice {
    /// Unique among the devices of a connection.
    pub name: RString,
}

/// A secret as calls name it.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq, oxivirt_macros::Xdr)]
pub struct Secret {
    /// Unique everywhere.
    pub uuid: Uuid,
    /// One of `SecretUsageType`.
    pub usage_type: i32,
    /// What it is for, such as the path of a volume.
    pub usage_id: RString,
}

/// A checkpoint of a domain as calls name it.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq, oxivirt_macros::Xdr)]
pub struct DomainCheckpoint {
    /// Unique among the checkpoints of the domain.
    pub name: RString,
    /// The domain it belongs to.
    pub dom: Domain,
}

/// A snapshot of a domain as calls name it.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq, oxivirt_macros::Xdr)]
pub struct DomainSnapshot {
    /// Unique among the snapshots of the domain.
    pub name: RString,
    /// The domain it belongs to.
    pub dom: Domain,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_read_with_and_without_dashes() {
        let text = "6695eb01-f6a4-8304-79aa-97f2502e193f";
        let uuid: Uuid = text.parse().expect("valid");
        assert_eq!(uuid.to_string(), text);
        assert_eq!(text.replace('-', "").parse::<Uuid>().expect("valid"), uuid);
        for bad in ["", "6695eb01", "6695eb01-f6a4-8304-79aa-97f2502e193g", "6695eb01f6a4830479aa97f2502e193f0"] {
            assert!(bad.parse::<Uuid>().is_err(), "{bad}");
        }
    }
}
