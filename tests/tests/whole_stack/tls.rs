//! Clients from the network, encrypted: certificates on both sides.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use oxivirt_tests::pki::{Authority, Purpose};
use oxivirt_tests::sandbox::{CLIENT_LIMIT, Sandbox};
use oxivirt_tests::{assets, process, skip, stock};

use super::Outcome;
use super::administration::{admin_ok, admin_refused};
use super::tcp::{about_client, free_port};

/// A daemon with a certificate, and the authority that signed it.
pub(super) struct Encrypted {
    pub(super) sandbox: Sandbox,
    pub(super) authority: Authority,
    port: u16,
}

impl Encrypted {
    /// Starts one; `None` after skipping the test when programs are missing.
    pub(super) fn start(more: &str) -> Result<Option<Encrypted>, String> {
        let Some(mut prepared) = Encrypted::prepare(more)? else { return Ok(None) };
        prepared.sandbox.launch()?;
        Ok(Some(prepared))
    }

    fn prepare(more: &str) -> Result<Option<Encrypted>, String> {
        if skip::lacks(&["virsh", "virt-admin", "openssl"]) {
            return Ok(None);
        }
        let mut sandbox = Sandbox::prepare()?;
        let authority = Authority::new(&sandbox.root().join("pki"))?;
        authority.issue("server", "/C=XX/O=Example/CN=localhost", Purpose::Server, 5)?;
        authority.issue("client", "/C=XX/ST=Some, where/O=Example/CN=client", Purpose::Client, 5)?;
        let port = free_port()?;
        let file = |name: &str| sandbox.configured(&format!("/pki/{name}"));
        let settings = format!(
            "{}listen_addr = \"127.0.0.1\"\ntls_port = \"{port}\"\nkey_file = \"{}\"\ncert_file = \"{}\"\n\
             ca_file = \"{}\"\n{more}",
            sandbox.basic_settings(),
            file("serverkey.pem"),
            file("servercert.pem"),
            file("cacert.pem"),
        );
        sandbox.configure("libvirtd.conf", &settings)?;
        sandbox.argument("--listen");
        Ok(Some(Encrypted { sandbox, authority, port }))
    }

    /// The URI for a client with the certificates of a folder.
    pub(super) fn uri(&self, folder: &Path) -> String {
        format!("test+tls://localhost:{}/default?pkipath={}", self.port, folder.display())
    }

    /// The URI for a client of that name.
    pub(super) fn uri_of(&self, client: &str) -> Result<String, String> {
        Ok(self.uri(&self.authority.client_folder(Some(client))?))
    }

    fn refuses(&self, uri: &str) -> Outcome {
        let finished = self.sandbox.virsh(uri, &["list"])?;
        match finished.status.success() {
            true => Err(format!("{uri} was let in: {}", finished.text())),
            false => Ok(()),
        }
    }
}

#[test]
fn a_client_is_known_by_its_certificate() -> Outcome {
    let Some(host) = Encrypted::start("")? else { return Ok(()) };
    let uri = host.uri_of("client")?;
    assert!(host.sandbox.virsh_ok(&uri, &["dumpxml", "test"])?.contains("<name>test</name>"));
    let about = about_client(&host.sandbox, &uri, "tls")?;
    assert!(about.contains("C=XX,ST=Some\\, where,O=Example,CN=client"), "{about}");
    assert!(about.contains("127.0.0.1:"), "{about}");
    Ok(())
}

#[test]
fn foreign_certificates_and_none_are_refused() -> Outcome {
    let Some(host) = Encrypted::start("")? else { return Ok(()) };
    let foreign = Authority::new(&host.sandbox.root().join("foreign"))?;
    foreign.issue("client", "/C=XX/O=Example/CN=client", Purpose::Client, 5)?;
    let folder = foreign.client_folder(Some("client"))?;
    // The client trusts the server; the server must not trust the client.
    let own = host.sandbox.root().join("pki/cacert.pem");
    let both = [folder.join("cacert.pem"), own].map(|file| std::fs::read_to_string(file).unwrap_or_default()).concat();
    std::fs::write(folder.join("cacert.pem"), both).map_err(|e| e.to_string())?;
    host.refuses(&host.uri(&folder))?;
    host.refuses(&host.uri(&host.authority.client_folder(None)?))?;
    host.authority.issue("late", "/CN=late", Purpose::Client, -1)?;
    host.refuses(&format!("{}&no_sanity=1&no_verify=1", host.uri_of("late")?))?;
    host.sandbox.virsh_ok(&host.uri_of("client")?, &["list"]).map(drop)
}

#[test]
fn unverified_clients_come_in_where_that_is_wanted() -> Outcome {
    let Some(host) = Encrypted::start("tls_no_verify_certificate = 1\n")? else { return Ok(()) };
    host.sandbox.virsh_ok(&host.uri(&host.authority.client_folder(None)?), &["list"])?;
    host.sandbox.virsh_ok(&host.uri_of("client")?, &["list"]).map(drop)
}

#[test]
fn only_listed_names_come_in() -> Outcome {
    let list = "tls_allowed_dn_list = [ \"C=YY,*\", \"C=XX,*,CN=cli?nt\" ]\n";
    let Some(host) = Encrypted::start(list)? else { return Ok(()) };
    host.sandbox.virsh_ok(&host.uri_of("client")?, &["list"])?;
    host.authority.issue("other", "/C=XX/O=Example/CN=other", Purpose::Client, 5)?;
    host.refuses(&host.uri_of("other")?)
}

#[test]
fn revoked_certificates_are_refused_once_the_list_is_read() -> Outcome {
    if stock::chosen() {
        return Ok(());
    }
    let Some(mut host) = Encrypted::prepare("crl_file = \"/pki/crl.pem\"\n")? else { return Ok(()) };
    host.authority.issue("leaving", "/CN=leaving", Purpose::Client, 5)?;
    host.authority.issue("gone", "/CN=gone", Purpose::Client, 5)?;
    host.authority.revoke("gone")?;
    host.sandbox.launch()?;
    let uri = host.uri_of("leaving")?;
    host.refuses(&host.uri_of("gone")?)?;
    host.sandbox.virsh_ok(&uri, &["list"])?;
    host.authority.revoke("leaving")?;
    admin_ok(&host.sandbox, &["server-update-tls", "libvirtd"])?;
    host.refuses(&uri)?;
    // A file that makes no sense changes nothing.
    std::fs::write(host.sandbox.root().join("pki/servercert.pem"), "nonsense").map_err(|e| e.to_string())?;
    let complaint = admin_refused(&host.sandbox, &["server-update-tls", "libvirtd"])?;
    assert!(complaint.contains("servercert.pem"), "{complaint}");
    host.sandbox.virsh_ok(&host.uri_of("client")?, &["list"]).map(drop)
}

#[test]
fn every_mistake_in_the_files_is_told() -> Outcome {
    if stock::chosen() {
        return Ok(());
    }
    let Some(host) = Encrypted::prepare("")? else { return Ok(()) };
    let folder = host.sandbox.root().join("pki");
    let check = || {
        let mut command = Command::new(assets::daemon()?);
        command.arg("--root").arg(host.sandbox.root()).args(["--check", "--listen"]);
        process::run(&mut command, "oxivirtd --check", CLIENT_LIMIT)
    };
    let install = |name: &str| {
        let copied = std::fs::copy(folder.join(format!("{name}cert.pem")), folder.join("servercert.pem"));
        copied.map(drop).map_err(|e| e.to_string())
    };
    let complains = |wanted: &[&str]| {
        let finished = check()?;
        let complete = wanted.iter().all(|part| finished.stderr.contains(part));
        match !finished.status.success() && complete {
            true => Ok(()),
            false => Err(format!("wanted {wanted:?}, got: {}", finished.text())),
        }
    };
    let fine = check()?;
    assert!(fine.status.success(), "{}", fine.text());
    host.authority.issue("old", "/CN=localhost", Purpose::Server, -1)?;
    install("old")?;
    complains(&["servercert.pem' has expired", "does not belong to certificate"])?;
    install("client")?;
    complains(&["is not for servers"])?;
    std::fs::copy(folder.join("cacert.pem"), folder.join("servercert.pem")).map_err(|e| e.to_string())?;
    complains(&["is that of an authority"])?;
    let other = Authority::new(&host.sandbox.root().join("other"))?;
    other.issue("server", "/CN=localhost", Purpose::Server, 5)?;
    for file in ["servercert.pem", "serverkey.pem"] {
        std::fs::copy(host.sandbox.root().join("other").join(file), folder.join(file)).map_err(|e| e.to_string())?;
    }
    complains(&["is not signed by an authority in"])?;
    for file in ["servercert.pem", "serverkey.pem", "cacert.pem"] {
        std::fs::remove_file(folder.join(file)).map_err(|e| e.to_string())?;
    }
    complains(&["servercert.pem", "serverkey.pem", "cacert.pem"])?;
    host.sandbox.configure("libvirtd.conf", "max_clients = 0\nnonsense = 1\nauth_tls = \"polkit\"\n")?;
    complains(&["libvirtd.conf:1", "libvirtd.conf:2", "libvirtd.conf:3"])
}

#[test]
fn broken_handshakes_harm_only_themselves() -> Outcome {
    let Some(mut host) = Encrypted::start("")? else { return Ok(()) };
    let limit = Duration::from_secs(20);
    for bytes in
        [&b"GET / HTTP/1.0\r\n\r\n"[..], &[0, 0, 0, 28, 0x20, 0, 0x80, 0x86], &[0x16, 3, 1, 0xff, 0xff, 1], &[]]
    {
        let mut socket = TcpStream::connect(("127.0.0.1", host.port)).map_err(|e| e.to_string())?;
        socket.set_read_timeout(Some(limit)).map_err(|e| e.to_string())?;
        socket.write_all(bytes).map_err(|e| e.to_string())?;
        socket.shutdown(std::net::Shutdown::Write).map_err(|e| e.to_string())?;
        let mut rest = Vec::new();
        if let Err(error) = socket.read_to_end(&mut rest) {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{bytes:?}");
        }
        // An alert at most, and never the byte that says welcome.
        assert_ne!(rest, [1], "{bytes:?}");
    }
    assert!(host.sandbox.is_alive());
    host.sandbox.virsh_ok(&host.uri_of("client")?, &["list"]).map(drop)
}

#[test]
fn handshakes_that_never_end_keep_nobody_out() -> Outcome {
    if stock::chosen() {
        return Ok(());
    }
    let Some(host) = Encrypted::start("max_anonymous_clients = 5\n")? else { return Ok(()) };
    let connect = || TcpStream::connect(("127.0.0.1", host.port)).map_err(|e| e.to_string());
    let storm: Vec<TcpStream> = (0..100).map(|_| connect()).collect::<Result<_, _>>()?;
    let uri = host.uri_of("client")?;
    let began = Instant::now();
    host.sandbox.virsh_ok(&uri, &["list"])?;
    assert!(began.elapsed() < Duration::from_secs(10), "it took {:?}", began.elapsed());
    // The last of them are let go by their time limit.
    let mut last = storm.last().ok_or("no storm")?;
    last.set_read_timeout(Some(Duration::from_secs(25))).map_err(|e| e.to_string())?;
    match last.read(&mut [0]) {
        Ok(0) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => Ok(()),
        other => Err(format!("an endless handshake is endured: {other:?}")),
    }
}

/// Acts for somebody else if it may, and says whether the connection is safe from listeners.
const ON_BEHALF: &str = r#"
import libvirt, sys
libvirt.registerErrorHandler(lambda *_: None, None)
connection = libvirt.open(sys.argv[1])
def act(identity):
    try:
        connection.setIdentity(identity, 0)
        return "yes"
    except libvirt.libvirtError as error:
        return str(error.get_error_code())
print(connection.isSecure(), act({"sasl-user-name": "anna", "process-id": 5}), act({"shoe-size": "42"}))
connection.getHostname()
"#;

#[test]
fn only_trusted_local_clients_act_for_others() -> Outcome {
    if skip::lacks(&["/usr/bin/python3"]) || stock::chosen() {
        return Ok(());
    }
    let Some(host) = Encrypted::start("")? else { return Ok(()) };
    let script = host.sandbox.root().join("on_behalf.py");
    std::fs::write(&script, ON_BEHALF).map_err(|e| e.to_string())?;
    let local = host.sandbox.python(&script, &[&host.sandbox.uri("test", "/default")])?;
    assert_eq!(local.trim(), "1 yes 8", "8 is an invalid argument");
    let remote = host.sandbox.python(&script, &[&host.uri_of("client")?])?;
    assert_eq!(remote.trim(), "1 29 29", "29 is a denied operation");
    Ok(())
}
