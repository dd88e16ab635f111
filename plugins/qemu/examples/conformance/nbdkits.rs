//! `nbdkit`: the command lines of nbdkit for images in the network.
//!
//! `CASE.args.diskN-srcM` is that of image M of disk N of the definition `qemu/CASE.xml`, with `.pipe.FD` what
//! was written to a pipe whose other end has the number before.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use oxivirt_conf::domain::SecretLookup;
use oxivirt_conf::domain::devices::{BackingStore, Disk, StorageAuth, StorageKind, StorageSource};
use oxivirt_driver_qemu::command::Secret;
use oxivirt_driver_qemu::helpers::nbdkit::{self, Image};

use super::args::words;
use super::cases::Case;
use super::circumstances::Circumstances;
use super::emulators::Recordings;
use super::{Outcome, judged, xml};

pub(crate) fn suite(corpus: &Path) -> Result<Vec<super::Case>, String> {
    let folder = corpus.join("nbdkit");
    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))? {
        let file = entry.map_err(|e| e.to_string())?.file_name().to_string_lossy().into_owned();
        names.extend(file.split_once(".args.").map(|(name, _)| name.to_owned()));
    }
    names.sort();
    names.dedup();
    let mut recordings = Recordings::new(corpus);
    let circumstances = Circumstances::read()?;
    let mut cases = Vec::new();
    for name in names {
        let case = Case {
            name: format!("{name}.x86_64-latest"),
            input: corpus.join("qemu").join(format!("{name}.xml")),
            arch: "x86_64".to_owned(),
            version: "latest".to_owned(),
            variant: None,
            abi_update: false,
        };
        // As everywhere, a case has its input in the corpus.
        if !case.input.is_file() {
            continue;
        }
        let outcome = judged(|| {
            let around = circumstances.of(&case.name)?;
            let domain = xml::read(&case, &around.emulator(recordings.of(&case)?), &around)
                .map_err(|e| format!("refused: {e}"))?;
            judge(&folder, &name, &domain.name, &domain.devices.disks)
        });
        cases.push((name, outcome));
    }
    Ok(cases)
}

/// What a pipe holds, by the number of its writing end.
type Pipes = BTreeMap<i32, String>;

fn judge(folder: &Path, case: &str, guest: &str, disks: &[Disk]) -> Outcome {
    let mut next = 777;
    for (number, disk) in disks.iter().enumerate() {
        let mut images = vec![(&disk.source, disk.auth.as_deref(), disk.readonly)];
        let mut below = disk.backing.as_deref();
        while let Some(BackingStore::Layer(layer)) = below {
            images.push((&layer.source, None, true));
            below = layer.backing.as_deref();
        }
        for (at, (source, auth, read_only)) in images.into_iter().enumerate() {
            let part = format!("disk{number}-src{at}");
            let stem = folder.join(format!("{case}.args.{part}"));
            let found = line(guest, &part, source, auth, read_only, &mut next)?;
            let expected = match fs::read_to_string(&stem) {
                Ok(text) => Some(words(&text)),
                Err(_) => None,
            };
            match (found, expected) {
                (None, None) => {}
                (Some((found, pipes)), Some(expected)) if found == expected => {
                    for (fd, value) in pipes {
                        let file = stem.with_file_name(format!("{case}.args.{part}.pipe.{fd}"));
                        let told = fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
                        if told.trim_end_matches('\n') != value {
                            return Err(format!("{part}: the pipe holds '{value}', not '{told}'"));
                        }
                    }
                }
                (found, expected) => {
                    return Err(format!("{part}: expected {expected:?}, found {:?}", found.map(|(words, _)| words)));
                }
            }
        }
    }
    Ok(())
}

/// The whole command, and what its pipes hold.
fn line(
    guest: &str,
    part: &str,
    source: &StorageSource,
    auth: Option<&StorageAuth>,
    read_only: bool,
    next: &mut i32,
) -> Result<Option<(Vec<String>, Pipes)>, String> {
    let StorageKind::Network(network) = &source.kind else { return Ok(None) };
    if nbdkit::plugin(network.protocol).is_none() {
        return Ok(None);
    }
    let image = Image { node: part, disk: None, network, auth: source.auth.as_deref().or(auth), read_only };
    let mut pipes = Pipes::new();
    let mut pass = |secret: Secret<'_>| {
        let value = match secret {
            Secret::Words(words) => words.to_owned(),
            Secret::Kept(kept) => {
                let kind = kept.kind.as_ref().map(ToString::to_string).unwrap_or_default();
                match &kept.lookup {
                    SecretLookup::Usage(usage) => format!("{kind}-{usage}-secret"),
                    SecretLookup::Uuid(uuid) => format!("{kind}-{uuid}-secret"),
                }
            }
        };
        let reader = *next;
        pipes.insert(reader + 1, value);
        *next += 2;
        Ok(reader)
    };
    let socket = format!("/tmp/domain-{guest}/nbdkit-{part}.socket");
    let line = nbdkit::arguments(&image, &socket, false, &mut pass).map_err(|e| e.to_string())?;
    let mut words: Vec<String> = line.environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
    words.push("nbdkit".to_owned());
    words.extend(line.arguments);
    Ok(Some((words, pipes)))
}
