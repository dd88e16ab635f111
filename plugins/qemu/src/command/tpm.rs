//! Trusted platform modules.

use oxivirt_conf::domain::devices::{CharKind, Tpm, TpmBackend};
use oxivirt_core::{Error, Result};

use super::{Builder, Opening, Props, alias, escape, place};

pub(super) fn tpm(b: &mut Builder<'_>, tpm: &Tpm) -> Result<()> {
    let alias = alias(&tpm.info)?.to_owned();
    let model = tpm.model.as_deref().unwrap_or("tpm-tis");
    if model == "spapr-tpm-proxy" {
        let TpmBackend::Passthrough { path: Some(path) } = &tpm.backend else {
            return Err(Error::config_unsupported("TPM model 'spapr-tpm-proxy' needs a device of the host"));
        };
        let props = Props::new().text("driver", model).text("id", alias).text("host-path", path);
        b.json("-device", &props);
        return Ok(());
    }
    let id = format!("tpm-{alias}");
    let socket = |b: &mut Builder<'_>, path: &str| {
        b.chardev(format!("socket,id=chrtpm,path={}", escape(path)))?;
        b.pair("-tpmdev", format!("emulator,id={id},chardev=chrtpm"));
        Ok::<(), Error>(())
    };
    match &tpm.backend {
        TpmBackend::Passthrough { path } => {
            let path = path.as_deref().unwrap_or("/dev/tpm0");
            let device = b.host.open(Opening::Tpm, path)?;
            let device = b.fdset(device, &format!("{alias}-tpm"));
            let cancel = b.host.open(Opening::TpmCancel, path)?;
            let cancel = b.fdset(cancel, &format!("{alias}-cancel"));
            b.pair("-tpmdev", format!("passthrough,id={id},path={device},cancel-path={cancel}"));
        }
        TpmBackend::Emulator(_) => {
            if b.host.names_files() {
                // Nobody runs what would be behind it.
                b.chardev("null,id=chrtpm".to_owned())?;
                b.pair("-tpmdev", format!("emulator,id={id},chardev=chrtpm"));
            } else {
                let path = b.host.tpm_emulator(tpm)?;
                socket(b, &path)?;
            }
        }
        TpmBackend::External(source) => match &source.kind {
            CharKind::Unix(unix) => {
                let path = unix.path.as_deref().ok_or_else(|| Error::xml("an external TPM needs its socket"))?;
                socket(b, path)?;
            }
            _ => return Err(Error::config_unsupported("an external TPM is reached by a socket only")),
        },
    }
    // Boards without an ISA bus have it as part of their own.
    let driver = match model {
        "tpm-tis" if matches!(b.domain.os.arch(), "aarch64" | "armv7l" | "armv6l" | "riscv64" | "loongarch64") => {
            "tpm-tis-device"
        }
        other => other,
    };
    let place = place::device(b, &tpm.info, "tpm")?;
    let props = Props::new().text("driver", driver).text("tpmdev", id).text("id", alias).and(&place);
    b.json("-device", &props);
    Ok(())
}
