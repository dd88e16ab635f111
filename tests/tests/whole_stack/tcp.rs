//! Clients from the network without encryption, and connections that come to nothing.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::time::{Duration, Instant};

use oxivirt_tests::sandbox::Sandbox;
use oxivirt_tests::{process, skip};

use super::administration::admin_ok;
use super::{Outcome, SOON, field};

/// A port that nobody uses right now.
pub(super) fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
    listener.local_addr().map(|address| address.port()).map_err(|e| e.to_string())
}

/// A daemon that listens on a plain port of this host only.
fn listening(more: &str) -> Result<(Sandbox, u16), String> {
    let mut sandbox = Sandbox::prepare()?;
    let port = free_port()?;
    let settings = format!(
        "{}listen_addr = \"127.0.0.1\"\nlisten_tls = 0\nlisten_tcp = 1\ntcp_port = \"{port}\"\n{more}",
        sandbox.basic_settings()
    );
    sandbox.configure("libvirtd.conf", &settings)?;
    sandbox.argument("--listen");
    sandbox.launch()?;
    Ok((sandbox, port))
}

/// What administrators are told about a client that comes in by a URI and stays meanwhile.
pub(super) fn about_client(sandbox: &Sandbox, uri: &str, transport: &str) -> Result<String, String> {
    let mut command = sandbox.virsh_command(uri, &[]);
    let mut virsh = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(|e| e.to_string())?;
    let (mut input, mut output) = (virsh.stdin.take().ok_or("no input")?, virsh.stdout.take().ok_or("no output")?);
    input.write_all(b"hostname\n").map_err(|e| e.to_string())?;
    output.read_exact(&mut [0]).map_err(|e| e.to_string())?;
    let mut listed = String::new();
    let id = process::wait_for("the client to be listed", SOON, || {
        listed = admin_ok(sandbox, &["client-list", "libvirtd"]).unwrap_or_else(|e| e);
        let line = listed.lines().find(|line| line.split_whitespace().nth(1) == Some(transport));
        line.and_then(|line| line.split_whitespace().next()).map(str::to_owned)
    });
    let about =
        id.map_err(|e| format!("{e}: {listed}")).and_then(|id| admin_ok(sandbox, &["client-info", "libvirtd", &id]));
    drop(input);
    let _ = output.read_to_end(&mut Vec::new());
    virsh.wait().map_err(|e| e.to_string())?;
    about
}

#[test]
fn virsh_comes_in_over_tcp_and_is_told_apart() -> Outcome {
    if skip::lacks(&["virsh", "virt-admin"]) {
        return Ok(());
    }
    let (sandbox, port) = listening("auth_tcp = \"none\"\n")?;
    let uri = format!("test+tcp://127.0.0.1:{port}/default");
    assert!(sandbox.virsh_ok(&uri, &["list", "--all"])?.contains("test"));
    let about = about_client(&sandbox, &uri, "tcp")?;
    assert_eq!(field(&about, "transport"), "tcp", "{about}");
    assert!(field(&about, "sock_addr").starts_with("127.0.0.1:"), "{about}");
    assert!(!about.contains("unix_user_id"), "{about}");
    Ok(())
}

#[test]
fn nothing_listens_unless_asked_to() -> Outcome {
    let mut sandbox = Sandbox::prepare()?;
    let port = free_port()?;
    let settings = format!("{}listen_tcp = 1\ntcp_port = \"{port}\"\n", sandbox.basic_settings());
    sandbox.configure("libvirtd.conf", &settings)?;
    sandbox.launch()?;
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "a port is open without --listen");
    Ok(())
}

#[test]
fn passwords_do_not_pass_unencrypted() -> Outcome {
    if skip::lacks(&["virsh"]) {
        return Ok(());
    }
    let (sandbox, port) = listening("")?;
    let finished = sandbox.virsh(&format!("test+tcp://127.0.0.1:{port}/default"), &["list"])?;
    assert!(!finished.status.success(), "{}", finished.text());
    sandbox.virsh_ok(&sandbox.uri("test", "/default"), &["list"]).map(drop)
}

#[test]
fn connections_that_prove_nothing_keep_nobody_out() -> Outcome {
    if skip::lacks(&["virsh"]) || oxivirt_tests::stock::chosen() {
        return Ok(());
    }
    let (sandbox, port) = listening("max_anonymous_clients = 5\n")?;
    let mut storm = Vec::new();
    for number in 0..100 {
        let mut socket = TcpStream::connect(("127.0.0.1", port)).map_err(|e| e.to_string())?;
        // Half of them begin a frame that never ends.
        if number % 2 == 0 {
            let _ = socket.write_all(&[0, 0, 0, 60, 0x20, 0]);
        }
        storm.push(socket);
    }
    let began = Instant::now();
    sandbox.virsh_ok(&sandbox.uri("test", "/default"), &["list"])?;
    assert!(began.elapsed() < Duration::from_secs(10), "it took {:?}", began.elapsed());
    // All but the last five were let go.
    let mut gone = 0;
    for socket in &mut storm {
        socket.set_read_timeout(Some(Duration::from_millis(20))).map_err(|e| e.to_string())?;
        gone += usize::from(matches!(socket.read(&mut [0]), Ok(0)) || is_reset(socket));
    }
    assert!(gone >= 90, "only {gone} of 100 are gone: {}", sandbox.log_tail());
    Ok(())
}

fn is_reset(socket: &mut TcpStream) -> bool {
    matches!(socket.take_error(), Ok(Some(_)))
        || socket.read(&mut [0]).is_err_and(|e| e.kind() == std::io::ErrorKind::ConnectionReset)
}
