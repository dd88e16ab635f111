//! TLS: certificates on both sides.

use std::path::{Path, PathBuf};

use oxivirt_core::interface::Features;
use oxivirt_tests::pki::{Authority, Purpose};
use oxivirt_tests::sandbox::{Program, Sandbox};
use oxivirt_tests::skip;

use super::Outcome;
use super::place::{ask, free_port, listening, open, refused, text, wait_for_port, with_each, works};

/// A server with a certificate, and the authority that signed it.
pub(crate) struct Encrypted {
    pub(crate) sandbox: Sandbox,
    pub(crate) authority: Authority,
    port: u16,
    address: &'static str,
}

impl Encrypted {
    /// Starts one on `address`.
    ///
    /// * `days` – how long the server's certificate is valid.
    pub(crate) fn start(program: Program, address: &'static str, days: i32, more: &str) -> Result<Encrypted, String> {
        let port = free_port()?;
        let mut sandbox = Sandbox::with(program)?;
        let authority = Authority::new(&sandbox.root().join("pki"))?;
        authority.issue("server", "/C=XX/O=Example/CN=localhost", Purpose::Server, days)?;
        authority.issue("client", "/C=XX/O=Example/CN=client", Purpose::Client, 5)?;
        let file = |name: &str| sandbox.configured(&format!("/pki/{name}"));
        let settings = format!(
            "{}listen_addr = \"{address}\"\ntls_port = \"{port}\"\nkey_file = \"{}\"\ncert_file = \"{}\"\n\
             ca_file = \"{}\"\n{more}",
            sandbox.basic_settings(),
            file("serverkey.pem"),
            file("servercert.pem"),
            file("cacert.pem"),
        );
        sandbox.configure("libvirtd.conf", &settings)?;
        sandbox.argument("--listen");
        sandbox.launch()?;
        wait_for_port(&sandbox, address, port)?;
        Ok(Encrypted { sandbox, authority, port, address })
    }

    pub(crate) fn uri(&self, host: &str, folder: &Path) -> String {
        format!("test+tls://{host}:{}/default?pkipath={}", self.port, folder.display())
    }

    pub(crate) fn client(&self) -> Result<PathBuf, String> {
        self.authority.client_folder(Some("client"))
    }
}

#[test]
fn both_sides_prove_who_they_are() -> Outcome {
    if skip::lacks(&["openssl"]) {
        return Ok(());
    }
    with_each(|_, program| {
        let host = Encrypted::start(program, "127.0.0.1", 5, "")?;
        let folder = host.client()?;
        for name in ["localhost", "127.0.0.1"] {
            let client = open(&host.uri(name, &folder), host.sandbox.root()).map_err(text)?;
            works(&client)?;
            let way = client.transport();
            assert_eq!((way.is_alive(), way.is_secure(), way.is_encrypted()), (true, true, true));
            assert_eq!(ask("connect_is_secure", |call| client.connect_is_secure(call))?, 1);
            assert_eq!(ask("connect_supports_feature", |call| client.connect_supports_feature(call, 8))?, 0);
        }
        // The version of TLS is ours to choose.
        for version in ["1.2", "1.3"] {
            let uri = format!("{}&tls_priority=NORMAL:-VERS-ALL:%2BVERS-TLS{version}", host.uri("localhost", &folder));
            works(&open(&uri, host.sandbox.root()).map_err(text)?)?;
        }
        let none = format!("{}&tls_priority=NORMAL:-VERS-ALL", host.uri("localhost", &folder));
        refused(open(&none, host.sandbox.root()), &["tls_priority"]).map(drop)
    })
}

#[test]
fn servers_that_are_not_the_right_one_are_refused() -> Outcome {
    if skip::lacks(&["openssl"]) {
        return Ok(());
    }
    with_each(|_, program| {
        let host = Encrypted::start(program, "127.0.0.2", 5, "")?;
        let folder = host.client()?;
        let uri = host.uri(host.address, &folder);
        // The certificate is for 127.0.0.1 and localhost.
        refused(open(&uri, host.sandbox.root()), &["TLS", "127.0.0.2", "is not for this host"])?;
        works(&open(&format!("{uri}&no_verify=1"), host.sandbox.root()).map_err(text)?)?;
        let other = Authority::new(&host.sandbox.root().join("other"))?;
        let ours = host.sandbox.root().join("ours");
        std::fs::create_dir(&ours).map_err(text)?;
        for file in ["clientcert.pem", "clientkey.pem"] {
            std::fs::copy(folder.join(file), ours.join(file)).map_err(text)?;
        }
        std::fs::copy(other.client_folder(None)?.join("cacert.pem"), ours.join("cacert.pem")).map_err(text)?;
        refused(open(&host.uri(host.address, &ours), host.sandbox.root()), &["TLS", "not signed by an authority"])?;
        Ok(())
    })
}

#[test]
fn certificates_out_of_date_or_taken_back_are_refused() -> Outcome {
    if skip::lacks(&["openssl"]) {
        return Ok(());
    }
    with_each(|_, program| {
        let more = "tls_no_sanity_certificate = 1\n";
        let late = Encrypted::start(program.clone(), "127.0.0.1", -1, more)?;
        let uri = late.uri("localhost", &late.client()?);
        refused(open(&uri, late.sandbox.root()), &["TLS", "has expired"])?;
        works(&open(&format!("{uri}&no_verify=1"), late.sandbox.root()).map_err(text)?)?;
        drop(late);
        let host = Encrypted::start(program, "127.0.0.1", 5, more)?;
        let folder = host.client()?;
        works(&open(&host.uri("localhost", &folder), host.sandbox.root()).map_err(text)?)?;
        host.authority.revoke("server")?;
        std::fs::copy(host.sandbox.root().join("pki/crl.pem"), folder.join("cacrl.pem")).map_err(text)?;
        refused(open(&host.uri("localhost", &folder), host.sandbox.root()), &["TLS", "was revoked"]).map(drop)
    })
}

#[test]
fn servers_that_do_not_want_us_say_so() -> Outcome {
    if skip::lacks(&["openssl"]) {
        return Ok(());
    }
    with_each(|_, program| {
        let host = Encrypted::start(program, "127.0.0.1", 5, "tls_allowed_dn_list = [ \"*CN=client*\" ]\n")?;
        let nobody = host.authority.client_folder(None)?;
        refused(open(&host.uri("localhost", &nobody), host.sandbox.root()), &["TLS", "localhost"])?;
        host.authority.issue("late", "/CN=client", Purpose::Client, -1)?;
        let late = host.authority.client_folder(Some("late"))?;
        refused(open(&host.uri("localhost", &late), host.sandbox.root()), &["TLS", "localhost"])?;
        host.authority.issue("other", "/CN=somebody", Purpose::Client, 5)?;
        let other = host.authority.client_folder(Some("other"))?;
        refused(open(&host.uri("localhost", &other), host.sandbox.root()), &["TLS", "localhost"])?;
        // A certificate without its key, and no authority at all.
        std::fs::remove_file(other.join("clientkey.pem")).map_err(text)?;
        refused(open(&host.uri("localhost", &other), host.sandbox.root()), &["clientkey.pem"])?;
        refused(open(&host.uri("localhost", Path::new("/no/such")), host.sandbox.root()), &["/no/such/cacert.pem"])?;
        works(&open(&host.uri("localhost", &host.client()?), host.sandbox.root()).map_err(text)?)
    })
}

#[test]
fn files_of_the_machine_are_used_where_none_are_named() -> Outcome {
    if skip::lacks(&["openssl"]) {
        return Ok(());
    }
    let host = Encrypted::start(super::place::ours()?, "127.0.0.1", 5, "")?;
    let (from, to) = (host.client()?, host.sandbox.root().join("pki"));
    for (name, place) in [
        ("cacert.pem", "CA/cacert.pem"),
        ("clientcert.pem", "libvirt/clientcert.pem"),
        ("clientkey.pem", "libvirt/private/clientkey.pem"),
    ] {
        let place = to.join(place);
        std::fs::create_dir_all(place.parent().unwrap_or(&to)).map_err(text)?;
        std::fs::copy(from.join(name), place).map_err(text)?;
    }
    // Without a transport a host is reached by TLS.
    works(&open(&format!("test://localhost:{}/default", host.port), host.sandbox.root()).map_err(text)?)
}

#[test]
fn servers_that_speak_no_tls_are_told_apart() -> Outcome {
    let port = free_port()?;
    let settings = format!(
        "listen_addr = \"127.0.0.1\"\nlisten_tls = 0\nlisten_tcp = 1\ntcp_port = \"{port}\"\nauth_tcp = \"none\"\n"
    );
    let sandbox = listening(super::place::ours()?, port, &settings)?;
    refused(open(&format!("test+tls://localhost:{port}/default?no_verify=1"), sandbox.root()), &["TLS", "localhost"])
        .map(drop)
}
