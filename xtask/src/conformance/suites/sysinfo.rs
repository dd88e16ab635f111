//! What the firmware of a host says.

use std::path::Path;

use oxivirt_conf::sysinfo::{HostSysInfo, read_arm, read_dmi, read_ppc, read_s390};

use super::super::Case;
use super::super::files::{case, named, same};

/// Texts of hosts, and the documents about them: `NAMEsysinfo.data` is the output of `dmidecode` or the
/// `/proc/sysinfo`, `NAMEcpuinfo.data` the `/proc/cpuinfo`, `NAMEsysinfo.expect` the document. A document
/// without texts must print as it was read.
pub(super) fn sysinfo(folder: &Path) -> Result<Vec<Case>, String> {
    let texts = named(folder, ".data")?;
    let text = |name: &str| texts.iter().find(|(other, _)| other == name).map(|(_, text)| text.as_str());
    let answers = named(folder, "sysinfo.expect")?;
    Ok(answers
        .iter()
        .map(|(name, answer)| {
            case(name, || {
                let parsed = HostSysInfo::parse(answer).map_err(|error| format!("refused: {error}"))?;
                same(answer, &parsed.format())?;
                match (text(&format!("{name}sysinfo")), text(&format!("{name}cpuinfo"))) {
                    (None, None) => Ok(()),
                    (sysinfo, cpuinfo) => same(answer, &read(name, sysinfo, cpuinfo)?.format()),
                }
            })
        })
        .collect())
}

/// Reads the texts as a host of that architecture does; a name begins with it.
fn read(name: &str, sysinfo: Option<&str>, cpuinfo: Option<&str>) -> Result<HostSysInfo, String> {
    let (dmi, cpuinfo) = (sysinfo.and_then(read_dmi), cpuinfo.unwrap_or_default());
    match name {
        _ if name.starts_with("s390") => Ok(read_s390(sysinfo.unwrap_or_default(), cpuinfo)),
        _ if name.starts_with("ppc") => Ok(read_ppc(cpuinfo)),
        _ if name.starts_with("arm") || name.starts_with("aarch64") => Ok(dmi.unwrap_or_else(|| read_arm(cpuinfo))),
        _ => dmi.ok_or_else(|| "the text has no tables".to_owned()),
    }
}
