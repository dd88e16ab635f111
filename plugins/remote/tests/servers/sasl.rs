//! Names and passwords.

use std::io::Write;
use std::process::{Command, Stdio};

use oxivirt_tests::sandbox::{Program, Sandbox};
use oxivirt_tests::{assets, process, skip};

use super::Outcome;
use super::place::{SOON, open, ours, refused, text, with_each, works};
use super::tls::Encrypted;

/// A server whose read-write socket wants passwords, with one user; `None` after
/// skipping the test where the stock one cannot be given one.
fn with_passwords(name: &str, program: Program, mechanisms: &str) -> Result<Option<Sandbox>, String> {
    let mut sandbox = Sandbox::with(program)?;
    let settings = sandbox.basic_settings().replace("auth_unix_rw = \"none\"", "auth_unix_rw = \"sasl\"");
    sandbox.configure("libvirtd.conf", &settings)?;
    let folder = sandbox.root().join("etc/sasl2");
    std::fs::create_dir_all(&folder).map_err(text)?;
    let mut lines = format!("mech_list: {mechanisms}\n");
    if name == "stock" {
        if skip::lacks(&["perl"]) {
            return Ok(None);
        }
        let users = folder.join("users");
        // What saslpasswd2 writes; the realm is the host's name.
        let program = "use DB_File; use Fcntl; use Sys::Hostname; \
            tie my %users, 'DB_File', $ARGV[0], O_CREAT | O_RDWR, 0600, $DB_HASH or die $!; \
            $users{join \"\\0\", 'anna', $_, 'userPassword'} = 'secret' for hostname(), '', (split /\\./, hostname())[0];";
        process::succeed(Command::new("perl").args(["-e", program]).arg(&users), "making a user", SOON)?;
        lines += &format!("auxprop_plugin: sasldb\nsasldb_path: {}\n", users.display());
        sandbox.variable("SASL_CONF_PATH", &folder.display().to_string());
    } else {
        add_user(&sandbox)?;
    }
    std::fs::write(folder.join("libvirt.conf"), lines).map_err(text)?;
    sandbox.launch()?;
    Ok(Some(sandbox))
}

/// Adds the user to our daemon.
fn add_user(sandbox: &Sandbox) -> Outcome {
    let mut command = Command::new(assets::daemon()?);
    command.arg("--root").arg(sandbox.root()).args(["--sasl-add", "anna"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().map_err(text)?;
    writeln!(child.stdin.take().ok_or("no input")?, "secret").map_err(text)?;
    assert!(child.wait().map_err(text)?.success());
    Ok(())
}

/// A file for the `authfile` of the user with a password.
fn credentials(sandbox: &Sandbox, password: &str) -> Result<String, String> {
    let file = sandbox.root().join(format!("auth-{password}"));
    let lines =
        format!("[credentials-it]\nauthname=anna\npassword={password}\n[auth-libvirt-localhost]\ncredentials=it\n");
    std::fs::write(&file, lines).map_err(text)?;
    Ok(file.display().to_string())
}

/// The URI of a user with a password.
fn uri(sandbox: &Sandbox, password: &str, more: &str) -> Result<String, String> {
    let file = credentials(sandbox, password)?;
    Ok(format!("{}&authfile={file}{more}", sandbox.uri("test", "/default")))
}

#[test]
fn every_mechanism_lets_the_right_one_in() -> Outcome {
    with_each(|name, program| {
        for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"] {
            let Some(sandbox) = with_passwords(name, program.clone(), mechanism)? else { return Ok(()) };
            let fine = open(&uri(&sandbox, "secret", "")?, sandbox.root());
            works(&fine.map_err(|e| sandbox.explain(&format!("{mechanism}: {e}")))?)?;
            refused(open(&uri(&sandbox, "wrong", "")?, sandbox.root()), &["authentication failed"])?;
        }
        Ok(())
    })
}

#[test]
fn the_mechanism_can_be_named() -> Outcome {
    with_each(|name, program| {
        let Some(sandbox) = with_passwords(name, program, "scram-sha-256 plain")? else { return Ok(()) };
        for auth in ["sasl", "sasl.SCRAM-SHA-256", "sasl.plain"] {
            works(&open(&uri(&sandbox, "secret", &format!("&auth={auth}"))?, sandbox.root()).map_err(text)?)?;
        }
        refused(open(&uri(&sandbox, "secret", "&auth=sasl.GSSAPI")?, sandbox.root()), &["GSSAPI"])?;
        refused(open(&uri(&sandbox, "secret", "&auth=none")?, sandbox.root()), &["auth"])?;
        // Nobody knows a password.
        refused(open(&sandbox.uri("test", "/default"), sandbox.root()), &["auth.conf"])?;
        let missing = format!("{}&authfile=/no/such/file", sandbox.uri("test", "/default"));
        refused(open(&missing, sandbox.root()), &["/no/such/file"])?;
        // The machine's own file.
        let own = sandbox.root().join("client");
        std::fs::create_dir_all(&own).map_err(text)?;
        let lines = "[credentials-x]\nauthname=anna\npassword=secret\n[auth-libvirt-default]\ncredentials=x\n";
        std::fs::write(own.join("auth.conf"), lines).map_err(text)?;
        works(&open(&sandbox.uri("test", "/default"), sandbox.root()).map_err(text)?)
    })
}

#[test]
fn certificate_and_password_work_together() -> Outcome {
    if skip::lacks(&["openssl"]) {
        return Ok(());
    }
    let host = Encrypted::start(ours()?, "127.0.0.1", 5, "auth_tls = \"sasl\"\n")?;
    add_user(&host.sandbox)?;
    let uri = |password: &str| {
        let file = credentials(&host.sandbox, password)?;
        Ok::<_, String>(format!("{}&authfile={file}", host.uri("localhost", &host.client()?)))
    };
    for auth in ["", "&auth=sasl.SCRAM-SHA-256", "&auth=sasl.PLAIN"] {
        works(&open(&format!("{}{auth}", uri("secret")?), host.sandbox.root()).map_err(text)?)?;
    }
    refused(open(&uri("wrong")?, host.sandbox.root()), &["authentication failed"]).map(drop)
}
