//! Sessions of stock virsh on the test driver.
//!
//! A session is `NAME.in`, in the corpus or, for an answer that has none there, in
//! `tests/conformance/sessions/virsh`; what it says is `NAME.out`. The corpus does not
//! record with which options and on which document a session ran. That is found out with
//! the test driver inside the client library: the way in which it gives the recorded answer
//! is the way, and the same is then asked of the daemon. Left out are sessions which the
//! client library alone cannot reproduce either, and those that come out the same without
//! any daemon and so say nothing about one.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use oxivirt_tests::sandbox::Sandbox;
use oxivirt_tests::{assets, process};

use super::super::Case;
use super::super::files::{case, named, same};

/// How long one session may take.
const LIMIT: Duration = Duration::from_secs(60);

/// What sessions open: the driver's own node, and the documents of the distribution.
const DOCUMENTS: &[&str] = &[
    "/default",
    "/usr/share/doc/libvirt-doc/examples/xml/test/testnode.xml",
    "/usr/share/doc/libvirt-doc/examples/xml/test/testnodeinline.xml",
];

/// Options under which sessions were recorded.
const OPTIONS: &[&[&str]] = &[&[], &["-q"], &["-k0", "-d0"], &["-q", "-k0", "-d0"]];

/// How a session is run.
#[derive(Clone, Copy)]
struct Way {
    document: &'static str,
    options: &'static [&'static str],
}

/// Sessions say through the daemon what was recorded.
pub(super) fn sessions(folder: &Path) -> Result<Vec<Case>, String> {
    if process::find_program("virsh").is_none() {
        return Err("virsh is not installed: cargo xtask packages".into());
    }
    let answers = named(folder, ".out")?;
    let mut inputs = named(folder, ".in")?;
    for (name, text) in named(&assets::workspace().join("tests/conformance/sessions/virsh"), ".in")? {
        if !inputs.iter().any(|(other, _)| *other == name) {
            inputs.push((name, text));
        }
    }
    inputs.sort();
    let work = tempfile::tempdir().map_err(|e| format!("a folder for sessions: {e}"))?;
    let mut cases = Vec::new();
    for (name, script) in &inputs {
        let Some((_, answer)) = answers.iter().find(|(other, _)| other == name) else { continue };
        let session = Session { folder, script, output: work.path().join("output") };
        let Some(way) = session.way(answer)? else {
            println!("virsh: {name} is left out: the client library alone does not reproduce it");
            continue;
        };
        let nowhere = work.path().join("no-socket");
        if session.run(way, &remote(way, &nowhere))? == *answer {
            continue;
        }
        cases.push(case(name, || {
            // A daemon each, so that no session sees what another left.
            let sandbox = Sandbox::start()?;
            let found = session.run(way, &remote(way, &sandbox.socket()))?;
            same(answer, &found).map_err(|problem| format!("on test://{}: {problem}", way.document))
        }));
    }
    Ok(cases)
}

fn remote(way: Way, socket: &Path) -> String {
    format!("test+unix://{}?socket={}", way.document, socket.display())
}

struct Session<'a> {
    /// Where relative names of files lead.
    folder: &'a Path,
    script: &'a str,
    output: PathBuf,
}

impl Session<'_> {
    /// The way in which the client library's own driver gives the recorded answer.
    fn way(&self, answer: &str) -> Result<Option<Way>, String> {
        for &document in DOCUMENTS {
            for &options in OPTIONS {
                let way = Way { document, options };
                let there = document == "/default" || Path::new(document).is_file();
                if there && self.run(way, &format!("test://{document}"))? == answer {
                    return Ok(Some(way));
                }
            }
        }
        Ok(None)
    }

    /// Everything that is said, in order, and the exit status where it is not 0.
    fn run(&self, way: Way, uri: &str) -> Result<String, String> {
        let failed = |e: std::io::Error| format!("{}: {e}", self.output.display());
        let output = File::create(&self.output).map_err(failed)?;
        let mut command = Command::new("virsh");
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if ["LIBVIRT_", "VIRSH_", "XDG_", "LC_"].iter().any(|prefix| text.starts_with(prefix)) {
                command.env_remove(&name);
            }
        }
        command
            .args(way.options)
            .args(["-c", uri, self.script])
            .env("HOME", self.output.parent().unwrap_or(Path::new("/")))
            .env("LANG", "C.UTF-8")
            .env("LIBVIRT_AUTOSTART", "0")
            .current_dir(self.folder)
            .stdin(Stdio::null())
            .stdout(output.try_clone().map_err(failed)?)
            .stderr(output);
        let mut child = command.spawn().map_err(|e| format!("virsh: {e}"))?;
        let status = process::wait(&mut child, LIMIT);
        if status.is_none() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let bytes = fs::read(&self.output).map_err(failed)?;
        let mut text = String::from_utf8_lossy(&bytes).into_owned();
        match status.map(|status| status.code()) {
            Some(Some(0)) => {}
            Some(Some(code)) => text += &format!("\n## Exit code: {code}\n"),
            Some(None) => text += "\n## Ended by a signal\n",
            None => text += "\n## Not done in time\n",
        }
        Ok(text)
    }
}
