//! Which host this is: what the configuration says, or where it says to look.

use std::path::Path;

use oxivirt_core::types::Uuid;
use oxivirt_util::config::{Config, ConfigError};
use oxivirt_util::host::{Host, is_distinct};

/// What systemd keeps for each installation.
const MACHINE_ID: &str = "/etc/machine-id";

/// Where the uuid of the host comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Identity {
    /// The configuration.
    Given(Uuid),
    /// The firmware, or a new one at each start where it has none.
    #[default]
    Firmware,
    /// The file of the installation.
    MachineId,
}

impl Identity {
    /// Errors: a uuid that is none or cannot tell hosts apart, an unknown source.
    pub(super) fn from_config(config: &Config) -> Result<Self, ConfigError> {
        if let Some(text) = config.str("host_uuid")? {
            return match oxivirt_util::uuid::parse(text) {
                Ok(uuid) if is_distinct(&uuid) => Ok(Self::Given(Uuid(*uuid.as_bytes()))),
                Ok(_) => Err(config.error("host_uuid", format!("all digits of '{text}' for 'host_uuid' are the same"))),
                Err(_) => Err(config.error("host_uuid", format!("'{text}' for 'host_uuid' is no UUID"))),
            };
        }
        match config.str("host_uuid_source")? {
            None | Some("smbios") => Ok(Self::Firmware),
            Some("machine-id") => Ok(Self::MachineId),
            Some(other) => {
                let text = format!("'host_uuid_source' is '{other}', allowed: 'smbios', 'machine-id'");
                Err(config.error("host_uuid_source", text))
            }
        }
    }

    /// The uuid of this host.
    ///
    /// Errors: there is none where the configuration says to look.
    pub(crate) fn uuid(self) -> Result<Uuid, String> {
        let host = Host::this();
        let found = match self {
            Self::Given(uuid) => return Ok(uuid),
            Self::Firmware => host.firmware_uuid().unwrap_or_else(oxivirt_util::uuid::Uuid::new_v4),
            Self::MachineId => host
                .machine_id(Path::new(MACHINE_ID))
                .ok_or_else(|| format!("'host_uuid_source' is 'machine-id', and {MACHINE_ID} holds none"))?,
        };
        Ok(Uuid(*found.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn read(text: &str) -> Result<Identity, String> {
        let config = Config::parse("libvirtd.conf", text).unwrap();
        Identity::from_config(&config).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_given_comes_first() {
        assert_eq!(read("").unwrap(), Identity::Firmware);
        assert_eq!(read("host_uuid_source = \"machine-id\"\n").unwrap(), Identity::MachineId);
        let both = "host_uuid = \"6695eb01-f6a4-8304-79aa-97f2502e193f\"\nhost_uuid_source = \"smbios\"\n";
        let identity = read(both).unwrap();
        assert_eq!(identity.uuid().unwrap().to_string(), "6695eb01-f6a4-8304-79aa-97f2502e193f");
        let error = read("host_uuid_source = \"dice\"\n").unwrap_err();
        assert!(error.contains("allowed: 'smbios', 'machine-id'"), "{error}");
    }

    #[test]
    fn there_is_always_an_identity_by_default() {
        assert_ne!(Identity::Firmware.uuid().unwrap(), Uuid([0; 16]));
    }
}
