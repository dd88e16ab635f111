//! One TLS connection: the handshake, then bytes in both directions.
//!
//! The client's own task speaks the plain protocol on one end of a socket
//! pair; what is copied here between the other end and the network knows
//! nothing of it.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncWriteExt, copy, split};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::{Tls, name};

/// How long the handshake may take.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);

/// How long a client may take to read what is left when its connection ends.
const FAREWELL: Duration = Duration::from_secs(10);

/// Says that the certificate is accepted.
const ACCEPTED: &[u8] = &[1];

/// A client after the handshake.
pub(crate) struct Accepted {
    stream: TlsStream<TcpStream>,
    /// The name in its certificate, if it showed one.
    pub(crate) name: Option<String>,
}

impl Tls {
    /// Waits for the handshake and decides about the client; told so in every case.
    ///
    /// Errors: why it is not let in, for the log.
    pub(crate) async fn accept(&self, socket: TcpStream) -> Result<Accepted, String> {
        let handshake = timeout(HANDSHAKE_LIMIT, TlsAcceptor::from(self.config()).accept(socket)).await;
        let stream = match handshake {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(format!("the TLS handshake failed: {error}")),
            Err(_) => return Err(format!("it did not finish the TLS handshake within {HANDSHAKE_LIMIT:?}")),
        };
        let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let name = certificate.and_then(|certificate| name::subject(certificate));
        let mut accepted = Accepted { stream, name };
        if !self.admits(accepted.name.as_deref()) {
            let _ = timeout(Duration::from_secs(1), accepted.stream.shutdown()).await;
            let name = accepted.name.as_deref().unwrap_or("no certificate");
            return Err(format!("its certificate's name '{name}' is not on the list"));
        }
        Ok(accepted)
    }
}

impl Accepted {
    /// Copies between the client and `inside` until either ends.
    ///
    /// * `ended`: told when the client's own task is over.
    pub(crate) async fn serve(mut self, inside: UnixStream, ended: Arc<Notify>) {
        let told = async {
            self.stream.write_all(ACCEPTED).await?;
            self.stream.flush().await
        };
        if !matches!(timeout(HANDSHAKE_LIMIT, told).await, Ok(Ok(()))) {
            return;
        }
        let (mut from_client, mut to_client) = split(self.stream);
        let (mut from_inside, mut to_inside) = inside.into_split();
        let out = async {
            let _ = copy(&mut from_inside, &mut to_client).await;
            let _ = timeout(Duration::from_secs(1), to_client.shutdown()).await;
        };
        let into = async {
            let _ = copy(&mut from_client, &mut to_inside).await;
            // The client's task ends now, and then the other direction.
            let _ = to_inside.shutdown().await;
            std::future::pending::<()>().await;
        };
        let both = async {
            tokio::select! {
                () = out => {}
                () = into => {}
            }
        };
        tokio::pin!(both);
        tokio::select! {
            () = &mut both => {}
            () = ended.notified() => {
                let _ = timeout(FAREWELL, both).await;
            }
        }
    }
}
