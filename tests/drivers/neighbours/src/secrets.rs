//! Secrets.

use oxivirt_core::call::Call;
use oxivirt_core::constants::SecretUsageType;
use oxivirt_core::host::Host;
use oxivirt_core::interface::{Connect, Secrets, implements};
use oxivirt_core::plugin::{Driver, OpenFlags, Opened, Start};
use oxivirt_core::types::{Bytes, Secret, Uuid, limit};
use oxivirt_core::{Error, ErrorCode, Result};

use super::Shelf;

/// Serves `secret:///`.
pub struct SecretDriver(Shelf);

/// A connection of it.
pub struct SecretFiles(Shelf);

impl Driver for SecretDriver {
    type Connection = SecretFiles;

    fn start(host: Host) -> Result<Start<Self>> {
        Ok(Start::Ready(Self(Shelf::of(host))))
    }

    fn open(&self, _: &Call, _: &str, _: OpenFlags) -> Result<Opened<SecretFiles>> {
        Ok(Opened { connection: SecretFiles(self.0.clone()), channel: 0 })
    }
}

/// What a file says.
struct File {
    secret: Secret,
    private: bool,
    value: String,
}

impl SecretFiles {
    fn file(&self, uuid: &Uuid) -> Result<File> {
        let missing = || Error::new(ErrorCode::NO_SECRET, format!("no secret with matching uuid '{uuid}'"));
        let text = self.0.read(&format!("secrets/{uuid}"), ErrorCode::NO_SECRET).map_err(|_| missing())?;
        let mut lines = text.lines();
        let mut next = || lines.next().unwrap_or_default().to_owned();
        let (usage_type, usage_id, private, value) = (next(), next(), next(), next());
        let usage_type = usage_type.parse().map_err(|_| missing())?;
        let secret = Secret { uuid: *uuid, usage_type, usage_id: usage_id.into() };
        Ok(File { secret, private: private == "private", value })
    }
}

#[implements]
impl Connect for SecretFiles {
    fn connect_get_type(&self, _: &Call) -> Result<String> {
        Ok("Secrets".to_owned())
    }
}

#[implements]
impl Secrets for SecretFiles {
    fn secret_lookup_by_uuid(&self, _: &Call, uuid: &Uuid) -> Result<Secret> {
        self.file(uuid).map(|file| file.secret)
    }

    fn secret_lookup_by_usage(&self, _: &Call, usage_type: SecretUsageType, usage_id: &str) -> Result<Secret> {
        let names = std::fs::read_dir(self.0.at("secrets")).into_iter().flatten().flatten();
        let uuids = names.filter_map(|entry| entry.file_name().to_str()?.parse::<Uuid>().ok());
        let mut secrets = uuids.filter_map(|uuid| Some(self.file(&uuid).ok()?.secret));
        let found = secrets.find(|found| found.usage_type == usage_type.0 && found.usage_id.as_str() == usage_id);
        found.ok_or_else(|| {
            Error::new(
                ErrorCode::NO_SECRET,
                format!("no secret with matching usage '{usage_id}' (type {})", usage_type.0),
            )
        })
    }

    fn secret_get_value(&self, call: &Call, secret: &Secret, _: u32) -> Result<Bytes<{ limit::SECRET_VALUE }>> {
        let file = self.file(&secret.uuid)?;
        match file.private && !call.is_internal() {
            true => Err(Error::new(ErrorCode::INVALID_SECRET, "secret is private")),
            false => Ok(file.value.into_bytes().into()),
        }
    }
}
