//! Guests whose memory the host cannot read.

use oxivirt_conf::domain::{LaunchSecurity, Sev, SevSnp};
use oxivirt_conf::xml::YesNo;
use oxivirt_core::{Error, Result};

use super::{Builder, Props};

/// The object that the board refers to as `lsec0`.
pub(super) fn object(b: &mut Builder<'_>) -> Result<()> {
    let props = match b.domain.launch_security.as_deref() {
        None => return Ok(()),
        Some(LaunchSecurity::S390Pv) => start("s390-pv-guest"),
        Some(LaunchSecurity::Sev(sev)) => self::sev(b, sev)?,
        Some(LaunchSecurity::SevSnp(snp)) => self::snp(b, snp)?,
    };
    b.json("-object", &props);
    Ok(())
}

fn start(kind: &str) -> Props {
    Props::new().text("qom-type", kind).text("id", "lsec0")
}

/// Which address bits encryption takes; what the host says where the definition is silent.
fn bits(b: &Builder<'_>, cbitpos: Option<u32>, reduced: Option<u32>, props: Props) -> Result<Props> {
    let host = b.emulator.sev.as_ref();
    let missing = || Error::config_unsupported("the host does not encrypt the memory of guests");
    let cbitpos = cbitpos.or(host.map(|s| s.cbitpos)).ok_or_else(missing)?;
    let reduced = reduced.or(host.map(|s| s.reduced_phys_bits)).ok_or_else(missing)?;
    Ok(props.number("cbitpos", cbitpos).number("reduced-phys-bits", reduced))
}

fn sev(b: &mut Builder<'_>, sev: &Sev) -> Result<Props> {
    let mut props = bits(b, sev.cbitpos, sev.reduced_phys_bits, start("sev-guest"))?.number("policy", sev.policy);
    let files = [("dh-cert-file", "dh_cert.base64", &sev.dh_cert), ("session-file", "session.base64", &sev.session)];
    for (name, file, text) in files {
        if let Some(text) = text {
            let path = b.state_file(file);
            b.host.write(&path, text)?;
            props = props.text(name, path);
        }
    }
    Ok(props.maybe_flag("kernel-hashes", sev.kernel_hashes.map(YesNo::is_yes)))
}

fn snp(b: &Builder<'_>, snp: &SevSnp) -> Result<Props> {
    Ok(bits(b, snp.cbitpos, snp.reduced_phys_bits, start("sev-snp-guest"))?
        .number("policy", snp.policy)
        .maybe_text("guest-visible-workarounds", snp.guest_visible_workarounds.as_ref())
        .maybe_text("id-block", snp.id_block.as_ref())
        .maybe_text("id-auth", snp.id_auth.as_ref())
        .maybe_text("host-data", snp.host_data.as_ref())
        .maybe_flag("kernel-hashes", snp.kernel_hashes.map(YesNo::is_yes))
        .maybe_flag("author-key-enabled", snp.author_key.map(YesNo::is_yes))
        .maybe_flag("vcek-disabled", snp.vcek.map(|v| !v.is_yes())))
}
