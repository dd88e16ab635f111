//! TLS over TCP. One thread stands between the encrypted socket and a plain
//! one, so that nobody else has to know.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use oxivirt_core::{Error, ErrorCode, ErrorDomain, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};

use super::tcp;
use crate::uri::RemoteUri;

/// The usual port.
const PORT: u16 = 16514;

/// How long either side may take for each step of the greeting.
const GREETING_LIMIT: Duration = Duration::from_secs(30);

/// Bytes that may wait for one side before the other is not read any more.
const WAITING_MAX: usize = 256 << 10;

pub(super) fn connect(uri: &RemoteUri) -> Result<OwnedFd> {
    let config = Arc::new(config(uri)?);
    let host = if uri.host.is_empty() { "localhost" } else { &uri.host };
    let name = ServerName::try_from(host.to_owned())
        .map_err(|error| Error::invalid_arg(format!("host '{host}' cannot be checked: {error}")))?;
    let mut session = ClientConnection::new(config, name).map_err(|error| refused(error.to_string()))?;
    let mut stream = tcp::connect(uri, PORT)?;
    greet(&mut session, &mut stream).map_err(|source| refused(format!("greeting '{host}': {source}")))?;
    let failed = |source: io::Error| Error::system("cannot join a TLS session to a socket", &source);
    let (near, far) = UnixStream::pair().map_err(failed)?;
    stream.set_nonblocking(true).and_then(|()| far.set_nonblocking(true)).map_err(failed)?;
    let carry = move || {
        if let Err(error) = carry(&mut session, &mut stream, &far) {
            tracing::debug!(%error, "a TLS session ended");
        }
    };
    std::thread::Builder::new().name("tls".to_owned()).spawn(carry).map_err(failed)?;
    Ok(near.into())
}

/// The handshake, and the byte with which the server lets us in.
fn greet(session: &mut ClientConnection, stream: &mut TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(GREETING_LIMIT))?;
    stream.set_write_timeout(Some(GREETING_LIMIT))?;
    let mut welcome = [0];
    rustls::Stream::new(session, stream).read_exact(&mut welcome)?;
    match welcome {
        [1] => Ok(()),
        _ => Err(io::Error::other("the server does not accept our certificate")),
    }
}

/// Copies both ways until either side ends.
fn carry(session: &mut ClientConnection, stream: &mut TcpStream, mut plain: &UnixStream) -> io::Result<()> {
    let mut waiting: Vec<u8> = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    let mut ended = false;
    loop {
        // What was decrypted goes to our side.
        while waiting.len() < WAITING_MAX && !ended {
            match session.reader().read(&mut buffer) {
                Ok(0) => ended = true,
                Ok(count) => waiting.extend_from_slice(buffer.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        match plain.write(&waiting) {
            _ if waiting.is_empty() => {}
            Ok(count) => drop(waiting.drain(..count)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        while session.wants_write() {
            match session.write_tls(stream) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        if ended && waiting.is_empty() {
            return Ok(());
        }
        let (mut outside, mut inside) = (PollFlags::empty(), PollFlags::empty());
        if waiting.len() < WAITING_MAX && !ended {
            outside |= PollFlags::IN;
        }
        if session.wants_write() {
            outside |= PollFlags::OUT;
        } else {
            inside |= PollFlags::IN;
        }
        if !waiting.is_empty() {
            inside |= PollFlags::OUT;
        }
        let mut both = [PollFd::new(stream, outside), PollFd::new(plain, inside)];
        let limit = Timespec { tv_sec: 60, tv_nsec: 0 };
        match poll(&mut both, Some(&limit)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let came = [both[0].revents(), both[1].revents()];
        let readable = PollFlags::IN | PollFlags::HUP | PollFlags::ERR;
        if came[0].intersects(readable) && !ended {
            match session.read_tls(stream) {
                Ok(0) => ended = true,
                Ok(_) => {
                    session.process_new_packets().map_err(io::Error::other)?;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        if came[1].intersects(readable) && !session.wants_write() {
            match plain.read(&mut buffer) {
                Ok(0) => {
                    session.send_close_notify();
                    let _ = session.write_tls(stream);
                    return Ok(());
                }
                Ok(count) => session.writer().write_all(buffer.get(..count).unwrap_or_default())?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// The files of the public key infrastructure.
struct Files {
    authority: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    /// Those of `pkipath`, of the user, or of the system.
    fn of(uri: &RemoteUri) -> Self {
        let within = |folder: &Path| Self {
            authority: folder.join("cacert.pem"),
            certificate: folder.join("clientcert.pem"),
            key: folder.join("clientkey.pem"),
        };
        if let Some(folder) = uri.parameter("pkipath") {
            return within(Path::new(folder));
        }
        let own = std::env::var_os("HOME").map(|home| within(&Path::new(&home).join(".pki/libvirt")));
        match own {
            Some(own) if own.authority.exists() => own,
            _ => Self {
                authority: "/etc/pki/CA/cacert.pem".into(),
                certificate: "/etc/pki/libvirt/clientcert.pem".into(),
                key: "/etc/pki/libvirt/private/clientkey.pem".into(),
            },
        }
    }
}

fn config(uri: &RemoteUri) -> Result<ClientConfig> {
    let files = Files::of(uri);
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| refused(error.to_string()))?;
    let builder = match uri.switch("no_verify")? {
        true => builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyServer(provider))),
        false => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(&files.authority)? {
                roots.add(certificate).map_err(|error| unusable(&files.authority, &error))?;
            }
            builder.with_root_certificates(roots)
        }
    };
    // A server may want nothing of us.
    if !files.certificate.exists() {
        return Ok(builder.with_no_client_auth());
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| unusable(&files.key, &error))?;
    builder
        .with_client_auth_cert(certificates(&files.certificate)?, key)
        .map_err(|error| unusable(&files.certificate, &error))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_file_iter(file).and_then(|all| all.collect()).map_err(|error| unusable(file, &error))
}

fn unusable(file: &Path, error: &dyn std::fmt::Display) -> Error {
    refused(format!("'{}' cannot be used: {error}", file.display()))
}

fn refused(text: String) -> Error {
    Error::new(ErrorCode::SYSTEM_ERROR, format!("TLS: {text}")).in_domain(ErrorDomain::RPC)
}

/// Takes every server for the right one, as `no_verify` asks for.
#[derive(Debug)]
struct AnyServer(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
