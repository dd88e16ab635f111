//! Which machine this is.

use std::path::Path;

use super::Host;
use crate::uuid::{self, Uuid};

impl Host {
    /// The uuid that the firmware gave the machine; absent where there is none, where only root may read it, and
    /// where all its digits are the same, as broken firmware has it.
    pub fn firmware_uuid(&self) -> Option<Uuid> {
        let files = ["devices/virtual/dmi/id/product_uuid", "class/dmi/id/product_uuid"];
        files.iter().find_map(|file| self.uuid_in(&self.sys.join(file)))
    }

    /// The uuid that the system was given when it was installed, from a file such as `/etc/machine-id`.
    pub fn machine_id(&self, file: &Path) -> Option<Uuid> {
        self.uuid_in(file)
    }

    fn uuid_in(&self, file: &Path) -> Option<Uuid> {
        let found = uuid::parse(&self.read(file).ok()?).ok()?;
        is_distinct(&found).then_some(found)
    }
}

/// Whether a uuid can tell machines apart: not all its digits are the same.
pub fn is_distinct(uuid: &Uuid) -> bool {
    let bytes = uuid.as_bytes();
    let [first, ..] = bytes;
    bytes.iter().any(|byte| byte != first) || first >> 4 != first & 15
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn firmware_is_not_believed_blindly() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("class/dmi/id/product_uuid");
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        let host = Host::recorded("/nonexistent", folder.path(), "x86_64", 4);
        assert_eq!(host.firmware_uuid(), None);
        for (text, known) in [
            ("6695EB01-F6A4-8304-79AA-97F2502E193F\n", true),
            ("00000000-0000-0000-0000-000000000000\n", false),
            ("FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF\n", false),
            ("12121212-1212-1212-1212-121212121212\n", true),
            ("Not Settable\n", false),
        ] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(host.firmware_uuid().is_some(), known, "{text}");
        }
        let id = folder.path().join("machine-id");
        std::fs::write(&id, "6695eb01f6a4830479aa97f2502e193f\n").unwrap();
        assert_eq!(host.machine_id(&id).unwrap().to_string(), "6695eb01-f6a4-8304-79aa-97f2502e193f");
    }
}
