//! A guest's memory in a file.

use oxivirt_core::call::Call;
use oxivirt_core::constants::{DomainCoreDumpFlags, DomainCoreDumpFormat};
use oxivirt_core::interface::{DomainSave, implements};
use oxivirt_core::types::Domain;
use oxivirt_core::{Error, Result};

use super::{Own, check_flags, exclusive, owner};
use crate::QemuConnection;
use crate::guests::DumpOptions;

#[implements]
impl DomainSave for QemuConnection {
    fn domain_core_dump(&self, call: &Call, dom: &Domain, to: &str, flags: DomainCoreDumpFlags) -> Result<()> {
        self.domain_core_dump_with_format(call, dom, to, DomainCoreDumpFormat::RAW, flags)
    }

    fn domain_core_dump_with_format(
        &self,
        call: &Call,
        dom: &Domain,
        to: &str,
        dumpformat: DomainCoreDumpFormat,
        flags: DomainCoreDumpFlags,
    ) -> Result<()> {
        use DomainCoreDumpFlags as F;
        let name = "domain_core_dump_with_format";
        check_flags(flags.0, (F::CRASH | F::LIVE | F::BYPASS_CACHE | F::RESET | F::MEMORY_ONLY).0, name)?;
        for (one, other, texts) in [
            (F::CRASH, F::LIVE, ["VIR_DUMP_CRASH", "VIR_DUMP_LIVE"]),
            (F::CRASH, F::RESET, ["VIR_DUMP_CRASH", "VIR_DUMP_RESET"]),
            (F::LIVE, F::RESET, ["VIR_DUMP_LIVE", "VIR_DUMP_RESET"]),
        ] {
            if flags.contains(one | other) {
                return Err(exclusive(texts[0], texts[1]));
            }
        }
        use DomainCoreDumpFormat as Form;
        let format = match dumpformat {
            Form::RAW => None,
            Form::KDUMP_ZLIB => Some("kdump-zlib"),
            Form::KDUMP_LZO => Some("kdump-lzo"),
            Form::KDUMP_SNAPPY => Some("kdump-snappy"),
            Form::WIN_DMP => Some("win-dmp"),
            other => return Err(Error::invalid_arg(format!("dumpformat '{}' is not supported", other.0))).own(),
        };
        let options = DumpOptions {
            crash: flags.contains(F::CRASH),
            live: flags.contains(F::LIVE),
            reset: flags.contains(F::RESET),
            bypass_cache: flags.contains(F::BYPASS_CACHE),
            memory_only: flags.contains(F::MEMORY_ONLY),
            format,
        };
        self.guests.dump(self.uuid(dom)?, to, options, &owner(call)).own()
    }
}
