//! TCP in the clear.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc;
use std::time::Duration;

use oxivirt_core::{Error, Result};

use crate::uri::RemoteUri;

/// The usual port.
pub(super) const PORT: u16 = 16509;

/// How long one address of a host may take, and finding them.
const LIMIT: Duration = Duration::from_secs(30);

/// Tries the addresses of the host in order.
pub(super) fn connect(uri: &RemoteUri, port: u16) -> Result<TcpStream> {
    let port = uri.port.unwrap_or(port);
    let host = if uri.host.is_empty() { "localhost" } else { &uri.host };
    let place = format!("'{host}' port {port}");
    let addresses = addresses(host.to_owned(), port);
    let addresses = addresses.map_err(|source| Error::system(format!("cannot find host {place}"), &source))?;
    let mut last = io::Error::other("it has no address");
    for address in addresses {
        match TcpStream::connect_timeout(&address, LIMIT) {
            Ok(stream) => {
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(source) => last = source,
        }
    }
    Err(Error::system(format!("cannot connect to {place}"), &last))
}

/// Asks the resolver, which has its own mind about how long that may take.
fn addresses(host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let ask = move || {
        let found = (host.as_str(), port).to_socket_addrs().map(Iterator::collect);
        let _ = sender.try_send(found);
    };
    std::thread::Builder::new().name("resolver".to_owned()).spawn(ask)?;
    match receiver.recv_timeout(LIMIT) {
        Ok(found) => found,
        Err(_) => {
            let text = format!("no answer about its name within {} seconds", LIMIT.as_secs());
            Err(io::Error::new(io::ErrorKind::TimedOut, text))
        }
    }
}
