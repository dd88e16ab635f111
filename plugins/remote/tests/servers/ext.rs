//! Any program that joins its standard input and output to a server.

use std::os::unix::fs::PermissionsExt;

use super::Outcome;
use super::place::{open, ours, refused, start, text, with_each, works};

const HELPER: &str = env!("CARGO_BIN_EXE_virt-ssh-helper");

#[test]
fn a_script_carries_a_connection() -> Outcome {
    with_each(|_, program| {
        let sandbox = start(program)?;
        let script = sandbox.root().join("carry");
        let lines = format!("#!/bin/sh\nexec {HELPER} 'test:///default?socket={}'\n", sandbox.socket().display());
        std::fs::write(&script, lines).map_err(text)?;
        std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).map_err(text)?;
        let client = open(&format!("test+ext:///default?command={}", script.display()), sandbox.root());
        let client = client.map_err(text)?;
        works(&client)?;
        // Nobody knows what the script does with the bytes.
        assert!(!client.transport().is_secure() && !client.transport().is_encrypted());
        Ok(())
    })
}

#[test]
fn scripts_that_fail_are_explained() -> Outcome {
    let sandbox = start(ours()?)?;
    refused(open("test+ext:///default", sandbox.root()), &["command"])?;
    refused(open("test+ext:///default?command=/no/such", sandbox.root()), &["/no/such"])?;
    let script = sandbox.root().join("fail");
    std::fs::write(&script, "#!/bin/sh\necho no way >&2\nexit 3\n").map_err(text)?;
    std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).map_err(text)?;
    refused(open(&format!("test+ext:///default?command={}", script.display()), sandbox.root()), &["no way"]).map(drop)
}
