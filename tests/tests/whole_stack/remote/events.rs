//! Events of the other daemon, as stock clients hear them.

use std::path::Path;
use std::process::{Command, Stdio};

use oxivirt_tests::{process, skip};

use super::super::SOON;
use super::{Chain, Outcome, with_each};

/// Runs one of the Python programs of these tests.
fn python(chain: &Chain, program: &str, arguments: &[&str]) -> Result<String, String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/whole_stack/python").join(program);
    chain.outer.python(&file, arguments).map_err(|e| format!("{}: {e}", chain.name))
}

/// Whether the Python bindings are missing; the test is skipped then.
fn no_python() -> bool {
    let there = Path::new("/usr/lib/python3/dist-packages/libvirt.py").is_file();
    if !there {
        skip::skip("not installed: python3-libvirt");
    }
    !there
}

#[test]
fn every_kind_of_event_comes_through() -> Outcome {
    if no_python() {
        return Ok(());
    }
    with_each(|chain| {
        let secrets = if chain.name == "ours to stock" { chain.uri("secret", "/system") } else { String::new() };
        let said = python(&chain, "remote_events.py", &[&chain.uri("test", "/default"), &secrets])?;
        assert!(said.ends_with("all heard\n"), "{said}");
        Ok(())
    })
}

#[test]
fn the_end_of_the_other_daemon_is_told() -> Outcome {
    if no_python() {
        return Ok(());
    }
    with_each(|mut chain| {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/whole_stack/python/remote_close.py");
        let shown = chain.outer.root().join("shown");
        let output = std::fs::File::create(&shown).map_err(|e| e.to_string())?;
        let uri = chain.uri("test", "/default");
        let mut command = Command::new("/usr/bin/python3");
        command.args(["-B", "-u"]).arg(&file).arg(&uri).stdin(Stdio::null()).stdout(output);
        let mut child = chain.outer.clean(&mut command).spawn().map_err(|e| e.to_string())?;
        let says = |text: &str| {
            let read = || std::fs::read_to_string(&shown).unwrap_or_default();
            process::wait_for(&format!("'{text}'"), SOON, || read().contains(text).then_some(()))
                .map_err(|e| format!("{e}; it said {}", read()))
        };
        let told = says("ready").and_then(|()| {
            chain.inner.kill();
            // 1 is the end of the stream of bytes.
            says("closed 1").and_then(|()| says("then: "))
        });
        let ended = process::wait(&mut child, SOON);
        let _ = child.kill();
        let _ = child.wait();
        told.map_err(|e| chain.outer.explain(&e))?;
        assert!(ended.is_some_and(|status| status.success()), "{ended:?}");
        let said = std::fs::read_to_string(&shown).map_err(|e| e.to_string())?;
        assert!(said.contains("lost") && said.contains(&chain.inner.socket().display().to_string()), "{said}");
        chain.inner.launch()?;
        chain.virsh(&uri, &["list"]).map(drop)
    })
}
