//! The other daemon reached by each transport.

use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;

use oxivirt_tests::pki::{Authority, Purpose};
use oxivirt_tests::sandbox::{Program, Sandbox};
use oxivirt_tests::{assets, process, skip};

use super::super::SOON;
use super::super::tcp::free_port;
use super::{Outcome, hold, ours, start, through};

/// A daemon that listens by TLS and TCP, with its ports.
fn listening(program: Program) -> Result<(Sandbox, u16, u16), String> {
    let mut inner = Sandbox::with(program)?;
    let (tls, tcp) = (free_port()?, free_port()?);
    let authority = Authority::new(&inner.root().join("pki"))?;
    authority.issue("server", "/C=XX/O=Example/CN=localhost", Purpose::Server, 5)?;
    authority.issue("client", "/C=XX/O=Example/CN=client", Purpose::Client, 5)?;
    let file = |name: &str| inner.configured(&format!("/pki/{name}"));
    let settings = format!(
        "{}listen_addr = \"127.0.0.1\"\nlisten_tcp = 1\nauth_tcp = \"none\"\ntls_port = \"{tls}\"\n\
         tcp_port = \"{tcp}\"\nkey_file = \"{}\"\ncert_file = \"{}\"\nca_file = \"{}\"\n",
        inner.basic_settings(),
        file("serverkey.pem"),
        file("servercert.pem"),
        file("cacert.pem"),
    );
    inner.configure("libvirtd.conf", &settings)?;
    inner.argument("--listen");
    inner.launch()?;
    // Some open their sockets one by one.
    for port in [tls, tcp] {
        let open = || TcpStream::connect(("127.0.0.1", port)).is_ok().then_some(());
        process::wait_for("the daemon's ports", SOON, open).map_err(|e| inner.explain(&e))?;
    }
    authority.client_folder(Some("client"))?;
    Ok((inner, tls, tcp))
}

/// Puts the helper and a stand-in for ssh that runs it on this machine into a folder.
fn programs(inner: &Sandbox) -> Result<(String, String), String> {
    let write = |name: &str, text: String| {
        let file = inner.root().join(name);
        std::fs::write(&file, text)
            .and_then(|()| std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)))
            .map_err(|e| e.to_string())?;
        Ok::<_, String>(file.display().to_string())
    };
    let helper = assets::ssh_helper()?;
    let folder = helper.parent().map(|folder| folder.display().to_string()).unwrap_or_default();
    let socket = inner.socket();
    let ssh = write(
        "ssh",
        format!(
            "#!/bin/sh\nwhile [ \"$1\" != -- ]; do shift; done\nshift 2\nPATH={folder}:/usr/bin:/bin exec sh -c \"$*\"\n"
        ),
    )?;
    let ext =
        write("ext", format!("#!/bin/sh\nexec {} 'test:///default?socket={}'\n", helper.display(), socket.display()))?;
    Ok((ssh, ext))
}

fn each(program: Program) -> Outcome {
    let (inner, tls, tcp) = listening(program)?;
    let _held = hold(&inner)?;
    let outer = start(ours()?)?;
    let (ssh, ext) = programs(&inner)?;
    let socket = inner.socket();
    let pki = inner.root().join("pki/for-client");
    for uri in [
        inner.uri("test", "/default"),
        format!("test+tcp://127.0.0.1:{tcp}/default"),
        format!("test+tls://localhost:{tls}/default?pkipath={}", pki.display()),
        format!("test://localhost:{tls}/default?pkipath={}", pki.display()),
        format!("test+ssh://localhost/default?command={ssh}&proxy=native&socket={}", socket.display()),
        format!("test+libssh2://localhost/default?command={ssh}&proxy=native&socket={}", socket.display()),
        format!("test+ext:///default?command={ext}"),
    ] {
        let far = through(&outer, &uri);
        let explain = |error: String| format!("{uri}: {error}");
        outer.virsh_ok(&far, &["suspend", "test"]).map_err(explain)?;
        assert_eq!(inner.virsh_ok(&inner.uri("test", "/default"), &["domstate", "test"])?.trim(), "paused", "{uri}");
        outer.virsh_ok(&far, &["resume", "test"]).map_err(explain)?;
    }
    for (uri, words) in [
        (format!("test+tls://127.0.0.1:{tcp}/default?no_verify=1"), "TLS"),
        ("test+tcp://127.0.0.1:1/default".to_owned(), "127.0.0.1"),
        ("test+carrier://pigeon/default".to_owned(), "carrier"),
        ("test+ext:///default?command=/no/such/program".to_owned(), "/no/such/program"),
        ("test+ssh://localhost/default?command=/bin/false".to_owned(), "connection"),
        ("test+tls://localhost/default?pkipath=/no/such/folder".to_owned(), "/no/such/folder"),
    ] {
        let finished = outer.virsh(&through(&outer, &uri), &["list"])?;
        assert!(!finished.status.success() && finished.stderr.contains(words), "{uri}: {}", finished.text());
    }
    Ok(())
}

#[test]
fn ours_is_reached_by_each() -> Outcome {
    if skip::lacks(&["virsh", "openssl"]) {
        return Ok(());
    }
    each(ours()?)
}

#[test]
fn the_stock_one_is_reached_by_each() -> Outcome {
    if skip::lacks(&["virsh", "openssl", "libvirtd", "unshare"]) {
        return Ok(());
    }
    each(Program::Stock)
}

/// Clients of the network would act as our daemon on other machines.
#[test]
fn strangers_are_not_carried_further() -> Outcome {
    if skip::lacks(&["virsh", "openssl"]) {
        return Ok(());
    }
    let (outer, _tls, tcp) = listening(ours()?)?;
    let inner = start(ours()?)?;
    let name = inner.uri("test", "/default").replace('+', "%2B").replace('?', "%3F");
    let uri = format!("test+tcp://127.0.0.1:{tcp}/default?name={name}");
    let finished = outer.virsh(&uri, &["list"])?;
    let denied = finished.stderr.contains("may connect to other daemons");
    assert!(!finished.status.success() && denied, "{}", finished.text());
    outer.virsh_ok(&format!("test+tcp://127.0.0.1:{tcp}/default"), &["list"]).map(drop)
}
