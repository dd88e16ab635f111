//! Certificates for tests, made by `openssl`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::process;

/// How long one key or certificate may take.
const LIMIT: Duration = Duration::from_secs(30);

/// What a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// `localhost` and `127.0.0.1`.
    Server,
    /// A client.
    Client,
}

/// An authority that signs certificates, with everything in one folder.
#[derive(Debug)]
pub struct Authority {
    folder: PathBuf,
}

impl Authority {
    /// Makes one, with `cacert.pem` in `folder`.
    pub fn new(folder: &Path) -> Result<Authority, String> {
        fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        let authority = Authority { folder: folder.to_owned() };
        authority.write("index.txt", "")?;
        authority.write("crlnumber", "01\n")?;
        authority.write(
            "ca.conf",
            "[ca]\ndefault_ca = here\n[here]\ndatabase = index.txt\ncrlnumber = crlnumber\ndefault_md = sha256\n\
             default_crl_days = 30\n",
        )?;
        authority.openssl(&[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-keyout",
            "cakey.pem",
            "-out",
            "cacert.pem",
            "-days",
            "30",
            "-subj",
            "/CN=An authority",
            "-addext",
            "basicConstraints=critical,CA:TRUE",
            "-addext",
            "keyUsage=critical,keyCertSign,cRLSign",
        ])?;
        Ok(authority)
    }

    /// Makes `NAMEcert.pem` and `NAMEkey.pem`.
    ///
    /// * `subject` – such as `/C=XX/O=Example/CN=client`.
    /// * `days` – how long it is valid from now; -1 makes one that has expired.
    pub fn issue(&self, name: &str, subject: &str, purpose: Purpose, days: i32) -> Result<(), String> {
        let (request, extensions) = (format!("{name}.csr"), format!("{name}.ext"));
        let usage = match purpose {
            Purpose::Server => "extendedKeyUsage=serverAuth\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n",
            Purpose::Client => "extendedKeyUsage=clientAuth\n",
        };
        self.write(
            &extensions,
            &format!("basicConstraints=critical,CA:FALSE\nkeyUsage=digitalSignature,keyEncipherment\n{usage}"),
        )?;
        self.openssl(&[
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-keyout",
            &format!("{name}key.pem"),
            "-out",
            &request,
            "-subj",
            subject,
        ])?;
        self.openssl(&[
            "x509",
            "-req",
            "-in",
            &request,
            "-CA",
            "cacert.pem",
            "-CAkey",
            "cakey.pem",
            "-CAcreateserial",
            "-out",
            &format!("{name}cert.pem"),
            "-days",
            &days.to_string(),
            "-extfile",
            &extensions,
        ])
    }

    /// Revokes a certificate and writes `crl.pem`.
    pub fn revoke(&self, name: &str) -> Result<(), String> {
        let with = ["-config", "ca.conf", "-cert", "cacert.pem", "-keyfile", "cakey.pem"];
        self.openssl(&[&["ca", "-revoke", &format!("{name}cert.pem")], &with[..]].concat())?;
        self.openssl(&[&["ca", "-gencrl", "-out", "crl.pem"], &with[..]].concat())
    }

    /// A folder for the `pkipath=` of stock clients.
    ///
    /// * `client` – the name of an issued certificate; absent for a client without one.
    pub fn client_folder(&self, client: Option<&str>) -> Result<PathBuf, String> {
        let folder = self.folder.join(format!("for-{}", client.unwrap_or("nobody")));
        fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        let mut all = vec![("cacert.pem".to_owned(), "cacert.pem")];
        if let Some(client) = client {
            all.push((format!("{client}cert.pem"), "clientcert.pem"));
            all.push((format!("{client}key.pem"), "clientkey.pem"));
        }
        for (from, to) in all {
            fs::copy(self.folder.join(&from), folder.join(to)).map_err(|e| format!("{from}: {e}"))?;
        }
        Ok(folder)
    }

    fn write(&self, name: &str, text: &str) -> Result<(), String> {
        fs::write(self.folder.join(name), text).map_err(|e| format!("{name}: {e}"))
    }

    fn openssl(&self, arguments: &[&str]) -> Result<(), String> {
        let mut command = Command::new("openssl");
        command.args(arguments).current_dir(&self.folder);
        process::succeed(&mut command, &format!("openssl {}", arguments.join(" ")), LIMIT).map(drop)
    }
}
