//! Users and passwords, with the SASL library of stock clients.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use oxivirt_tests::sandbox::Sandbox;
use oxivirt_tests::wire::{Client, Xdr, procedure};
use oxivirt_tests::{assets, skip, stock};

use super::Outcome;
use super::tls::Encrypted;

const LIMIT: Duration = Duration::from_secs(10);

const AUTH_SASL_INIT: i32 = 66 + 1;
const AUTH_SASL_START: i32 = AUTH_SASL_INIT + 1;
const AUTH_SASL_STEP: i32 = AUTH_SASL_START + 1;

/// Whether the test cannot run here; the users' file is ours alone.
fn cannot() -> bool {
    if stock::chosen() || skip::lacks(&["virsh"]) {
        return true;
    }
    let modules = ["/usr/lib/x86_64-linux-gnu/sasl2", "/usr/lib/aarch64-linux-gnu/sasl2", "/usr/lib64/sasl2"];
    let found = modules.iter().any(|folder| Path::new(folder).join("libscram.so").exists());
    if !found {
        skip::skip("not installed: libsasl2-modules");
    }
    !found
}

/// Adds a user as an operator does.
fn add_user(sandbox: &Sandbox, name: &str, password: &str) -> Outcome {
    let mut command = Command::new(assets::daemon()?);
    command.arg("--root").arg(sandbox.root()).args(["--sasl-add", name]).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = command.spawn().map_err(|e| e.to_string())?;
    let mut input = child.stdin.take().ok_or("no input")?;
    writeln!(input, "{password}").map_err(|e| e.to_string())?;
    drop(input);
    match child.wait() {
        Ok(status) if status.success() => Ok(()),
        other => Err(format!("adding user {name}: {other:?}")),
    }
}

/// A file for the `authfile=` of stock clients.
fn credentials(sandbox: &Sandbox, name: &str, password: &str) -> Result<String, String> {
    let file = sandbox.root().join(format!("auth-{name}-{password}"));
    let text =
        format!("[credentials-it]\nauthname={name}\npassword={password}\n[auth-libvirt-localhost]\ncredentials=it\n");
    std::fs::write(&file, text).map_err(|e| e.to_string())?;
    Ok(file.display().to_string())
}

/// A daemon whose read-write socket wants passwords.
fn with_passwords(more: &str) -> Result<Sandbox, String> {
    let mut sandbox = Sandbox::prepare()?;
    sandbox.configure("libvirtd.conf", &format!("auth_unix_rw = \"sasl\"\nauth_unix_ro = \"none\"\n{more}"))?;
    add_user(&sandbox, "anna", "secret")?;
    add_user(&sandbox, "bert@EXAMPLE.COM", "other")?;
    sandbox.launch()?;
    Ok(sandbox)
}

/// What virsh says as a user, or why it is not let in.
fn log_in(sandbox: &Sandbox, name: &str, password: &str) -> Result<Result<String, String>, String> {
    let uri = format!("{}&authfile={}", sandbox.uri("test", "/default"), credentials(sandbox, name, password)?);
    let finished = sandbox.virsh(&uri, &["list", "--all"])?;
    Ok(if finished.status.success() { Ok(finished.stdout) } else { Err(finished.stderr) })
}

#[test]
fn a_password_opens_the_local_socket() -> Outcome {
    if cannot() {
        return Ok(());
    }
    let sandbox = with_passwords("")?;
    assert!(log_in(&sandbox, "anna", "secret")?.map_err(|e| sandbox.explain(&e))?.contains("test"));
    log_in(&sandbox, "bert@EXAMPLE.COM", "other")?.map_err(|e| sandbox.explain(&e))?;
    for (name, password) in [("anna", "Secret"), ("anna", "other"), ("carl", "secret")] {
        match log_in(&sandbox, name, password)? {
            Ok(_) => return Err(format!("{name} came in with {password}")),
            Err(text) => assert!(text.contains("authentication failed"), "{text}"),
        }
    }
    let keys = std::fs::read_to_string(sandbox.root().join("etc/libvirt/sasl-users")).map_err(|e| e.to_string())?;
    assert!(keys.contains("anna SCRAM-") && !keys.contains("secret"), "{keys}");
    // A new password counts at once.
    add_user(&sandbox, "anna", "newer")?;
    log_in(&sandbox, "anna", "newer")?.map_err(|e| sandbox.explain(&e))?;
    assert!(log_in(&sandbox, "anna", "secret")?.is_err(), "the old password still works");
    Ok(())
}

#[test]
fn every_mechanism_works() -> Outcome {
    if cannot() {
        return Ok(());
    }
    let sandbox = with_passwords("")?;
    let folder = sandbox.root().join("etc/sasl2");
    std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
    let mut sandbox = sandbox;
    for mechanism in ["PLAIN", "scram-sha-1", "SCRAM-SHA-256"] {
        std::fs::write(folder.join("libvirt.conf"), format!("# as stock\nmech_list: gssapi {mechanism}\n"))
            .map_err(|e| e.to_string())?;
        sandbox.stop()?;
        sandbox.launch()?;
        log_in(&sandbox, "anna", "secret")?.map_err(|e| sandbox.explain(&format!("{mechanism}: {e}")))?;
        assert!(log_in(&sandbox, "anna", "wrong")?.is_err(), "{mechanism}");
    }
    Ok(())
}

#[test]
fn only_listed_users_come_in() -> Outcome {
    if cannot() {
        return Ok(());
    }
    let sandbox = with_passwords("sasl_allowed_username_list = [ \"*@EXAMPLE.COM\" ]\n")?;
    log_in(&sandbox, "bert@EXAMPLE.COM", "other")?.map_err(|e| sandbox.explain(&e))?;
    assert!(log_in(&sandbox, "anna", "secret")?.is_err(), "anna is not on the list");
    Ok(())
}

#[test]
fn certificate_and_password_work_together() -> Outcome {
    if cannot() {
        return Ok(());
    }
    let Some(host) = Encrypted::start("auth_tls = \"sasl\"\n")? else { return Ok(()) };
    add_user(&host.sandbox, "anna", "secret")?;
    let uri = |password: &str| {
        Ok::<_, String>(format!(
            "{}&authfile={}",
            host.uri_of("client")?,
            credentials(&host.sandbox, "anna", password)?
        ))
    };
    host.sandbox.virsh_ok(&uri("secret")?, &["list"])?;
    assert!(!host.sandbox.virsh(&uri("wrong")?, &["list"])?.status.success(), "a wrong password works");
    Ok(())
}

/// A message as the wire has it, every byte a number of its own.
fn data(message: &str) -> Xdr {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    message.bytes().fold(Xdr::default().unsigned(0).unsigned(length), |xdr, byte| xdr.unsigned(byte.into()))
}

#[test]
fn nothing_works_before_the_password() -> Outcome {
    if stock::chosen() {
        return Ok(());
    }
    let sandbox = with_passwords("")?;
    let at = |e: std::io::Error| e.to_string();
    let mut client = Client::connect(&sandbox.socket(), LIMIT).map_err(at)?;
    assert_eq!(client.call(procedure::AUTH_LIST, &[]).map_err(at)?, Xdr::default().unsigned(1).unsigned(1).0);
    for (number, payload) in [
        (procedure::CONNECT_OPEN, Xdr::default().some_string("test:///default").unsigned(0)),
        (procedure::CONNECT_GET_LIB_VERSION, Xdr::default()),
        // A step without a start, and a mechanism that nobody offered.
        (AUTH_SASL_STEP, data("n,,n=anna,r=abc")),
        (AUTH_SASL_START, Xdr::default().string("ANONYMOUS").bytes(&data("me").0)),
    ] {
        let answer = client.ask(number, &payload.0).map_err(at)?;
        assert_eq!(answer.header.status, 1, "procedure {number}: {answer:?}");
    }
    // After three failures the connection ends.
    let start = |message: &str| Xdr::default().string("SCRAM-SHA-256").bytes(&data(message).0);
    let mut failures = 1;
    while client.ask(AUTH_SASL_START, &start("n,,x").0).is_ok() {
        failures += 1;
        assert!(failures < 5, "passwords can be tried for ever");
    }
    let mut client = Client::connect(&sandbox.socket(), LIMIT).map_err(at)?;
    client.call(AUTH_SASL_INIT, &[]).map_err(at)?;
    client.call(AUTH_SASL_START, &start("n,,n=anna,r=abc").0).map_err(at)?;
    let answer = client.ask(AUTH_SASL_STEP, &data("c=biws,r=abc,p").0).map_err(at)?;
    assert_eq!(answer.header.status, 1, "{answer:?}");
    assert!(client.call(procedure::CONNECT_GET_LIB_VERSION, &[]).is_err());
    Ok(())
}
