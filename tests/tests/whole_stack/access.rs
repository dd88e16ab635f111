//! Who may do what with which object, by the file of rules.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use oxivirt_tests::process::Finished;
use oxivirt_tests::sandbox::{CLIENT_LIMIT, Sandbox};
use oxivirt_tests::wire::{Client, Xdr, procedure};
use oxivirt_tests::{assets, process, skip, stock};
use rustix::process::{Pid, Signal};

use super::{Outcome, SOON};

const RULES: &str = "\
# everything for root but one thing
deny domain:stop,domain:delete,domain:write user=root name=keep
allow *:* user=root
allow connect:getattr,connect:read,connect:search-* user=nobody driver=t*
allow domain:getattr,domain:read user=nobody name=web-*
allow storage_pool:getattr,storage_pool:read,storage_pool:search_storage_vols user=nobody
allow storage_vol:getattr user=nobody vol_name=a*
";

const MORE: [&str; 3] = ["web-1", "web-2", "keep"];

/// A daemon under these rules with some domains, reachable for every user of
/// the host; `None` after skipping the test.
fn guarded(rules: &str) -> Result<Option<(Sandbox, String)>, String> {
    if stock::chosen() || skip::lacks(&["virsh", "setpriv"]) {
        return Ok(None);
    }
    if !rustix::process::geteuid().is_root() {
        skip::skip("only root can act as another user");
        return Ok(None);
    }
    let mut sandbox = Sandbox::prepare()?;
    sandbox.configure(
        "libvirtd.conf",
        "auth_unix_rw = \"none\"\nauth_unix_ro = \"none\"\nunix_sock_rw_perms = \"0777\"\naccess_drivers = [ \"rules\" ]\n",
    )?;
    sandbox.configure("access-rules.conf", rules)?;
    let domain = |name: &str, uuid: usize| {
        format!(
            "<domain type='test'><name>{name}</name><uuid>11111111-1111-1111-1111-11111111111{uuid}</uuid>\
             <memory>8192</memory><os><type>hvm</type></os></domain>"
        )
    };
    let domains: String = MORE.iter().enumerate().map(|(number, name)| domain(name, number)).collect();
    let node = sandbox.root().join("node.xml");
    fs::write(&node, format!("<node>{domains}{}</node>", domain("other", 9)))
        .and_then(|()| fs::set_permissions(sandbox.root(), fs::Permissions::from_mode(0o755)))
        .map_err(|e| e.to_string())?;
    sandbox.launch()?;
    let uri = sandbox.uri("test", &node.display().to_string());
    Ok(Some((sandbox, uri)))
}

/// Runs virsh as a user without rights.
pub(super) fn nobody(sandbox: &Sandbox, uri: &str, command: &str) -> Result<Finished, String> {
    let inner = sandbox.virsh_command(uri, &[command]);
    let mut outer = Command::new("setpriv");
    outer.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups", "virsh"]).args(inner.get_args());
    outer.env("HOME", "/nonexistent").env("LANG", "C.UTF-8").current_dir("/");
    process::run(&mut outer, command, CLIENT_LIMIT).map_err(|e| sandbox.explain(&e))
}

fn hangup(sandbox: &Sandbox) -> Outcome {
    let pid = Pid::from_raw(sandbox.pid()).ok_or("no daemon runs")?;
    rustix::process::kill_process(pid, Signal::HUP).map_err(|e| e.to_string())
}

#[test]
fn a_user_sees_and_does_what_the_rules_allow() -> Outcome {
    let Some((sandbox, uri)) = guarded(RULES)? else { return Ok(()) };
    let listed = nobody(&sandbox, &uri, "list --all --name")?;
    let names: Vec<&str> = listed.stdout.split_whitespace().collect();
    assert_eq!(names, ["web-1", "web-2"], "{}", listed.text());
    assert!(nobody(&sandbox, &uri, "dumpxml web-1")?.stdout.contains("<name>web-1</name>"));
    for command in [
        "dumpxml --security-info web-1",
        "destroy web-1",
        "domname 11111111-1111-1111-1111-111111111112",
        "dominfo keep",
        "setmem web-1 4096 --config",
    ] {
        let refused = nobody(&sandbox, &uri, command)?;
        assert!(!refused.status.success(), "{command}: {}", refused.text());
        // virsh keeps to itself why it did not find a domain.
        let said = ["access denied: '", "' denied access"].iter().all(|part| refused.stderr.contains(part));
        assert!(said || refused.stderr.contains("failed to get domain"), "{command}: {}", refused.text());
    }
    let listed = sandbox.virsh_ok(&uri, &["list", "--all", "--name"])?;
    assert_eq!(listed.split_whitespace().count(), 4, "{listed}");
    Ok(())
}

#[test]
fn what_a_client_says_about_an_object_is_not_believed() -> Outcome {
    let Some((sandbox, uri)) = guarded(RULES)? else { return Ok(()) };
    let path = uri.split_once("://").and_then(|(_, rest)| rest.split_once('?')).ok_or("no path")?.0;
    let open = || Client::open(&sandbox.socket(), &format!("test://{path}"), SOON).map_err(|e| e.to_string());
    let said = |answer: std::io::Result<Vec<u8>>| answer.err().map(|e| e.to_string()).unwrap_or_default();
    let mut client = open()?;
    let forged = |name: &str, uuid: u8| {
        let mut bytes = [0x11; 16];
        bytes[15] = 0x10 | uuid;
        Xdr::default().string(name).bytes(&bytes).unsigned(u32::MAX).0
    };
    // Number 2 is `keep`, which even root must not end.
    let refused = said(client.call(DOMAIN_DESTROY, &forged("other", 2)));
    assert!(refused.contains("denied access"), "{refused}");
    let other = said(client.call(DOMAIN_DESTROY, &forged("keep", 9)));
    assert!(!other.contains("denied access"), "{other}");
    // Documents are read for whom they are about.
    let mut define = |xml: &str| {
        let payload = Xdr::default().string(xml).unsigned(0);
        said(client.call(procedure::DOMAIN_DEFINE_XML_FLAGS, &payload.0))
    };
    let rest = "<memory>8192</memory><os><type>hvm</type></os></domain>";
    for (head, wanted) in [
        ("<name>keep</name>", "denied access"),
        ("<name>ke&#x65;p</name>", "denied access"),
        ("<name>fine</name><name>keep</name>", "is given twice"),
        ("<name>fine</name>", ""),
    ] {
        let said = define(&format!("<domain type='test'>{head}{rest}"));
        assert!(if wanted.is_empty() { said.is_empty() } else { said.contains(wanted) }, "{head}: {said}");
    }
    Ok(())
}

const DOMAIN_DESTROY: i32 = 12;

#[test]
fn old_listings_and_events_are_filtered_for_python() -> Outcome {
    let rules: Vec<&str> = RULES.lines().filter(|line| !line.starts_with("deny")).collect();
    let Some((sandbox, _)) = guarded(&rules.join("\n"))? else { return Ok(()) };
    if !Path::new("/usr/lib/python3/dist-packages/libvirt.py").is_file() {
        skip::skip("not installed: python3-libvirt");
        return Ok(());
    }
    // The default host is shared by all connections.
    let uri = sandbox.uri("test", "/default");
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/whole_stack/python/access.py");
    // The program changes its user itself, after it opened one connection as root.
    sandbox.python(&program, &[&uri]).map(drop)
}

#[test]
fn mistakes_in_the_rules_are_named_and_the_old_rules_stay() -> Outcome {
    let Some((mut sandbox, uri)) = guarded(RULES)? else { return Ok(()) };
    sandbox.configure("access-rules.conf", "allow *:* user=root\nallow domain:fly\npermit *:*\n")?;
    hangup(&sandbox)?;
    process::wait_for("the mistakes to be in the log", SOON, || {
        let log = sandbox.log_tail();
        (log.contains("access-rules.conf:2: ") && log.contains("access-rules.conf:3: ")).then_some(())
    })
    .map_err(|e| sandbox.explain(&e))?;
    assert_eq!(nobody(&sandbox, &uri, "list --all --name")?.stdout.split_whitespace().count(), 2);
    let mut check = Command::new(assets::daemon()?);
    check.arg("--root").arg(sandbox.root()).arg("--check");
    let finished = process::run(&mut check, "oxivirtd --check", CLIENT_LIMIT)?;
    assert!(!finished.status.success() && finished.text().contains("access-rules.conf:3"), "{}", finished.text());
    sandbox.configure("access-rules.conf", "allow *:* user=nobody name=*\nallow connect:* group=nogroup\n")?;
    hangup(&sandbox)?;
    process::wait_for("the new rules", SOON, || {
        let listed = nobody(&sandbox, &uri, "list --all --name").ok()?;
        (listed.stdout.split_whitespace().count() == 4).then_some(())
    })?;
    let refused = sandbox.virsh(&uri, &["list"])?;
    assert!(refused.stderr.contains("denied access"), "{}", refused.text());
    sandbox.stop()?;
    fs::remove_file(sandbox.root().join("etc/libvirt/access-rules.conf")).map_err(|e| e.to_string())?;
    let error = sandbox.launch().err().ok_or("it started without rules")?;
    assert!(error.contains("access-rules.conf"), "{error}");
    Ok(())
}
