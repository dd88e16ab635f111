//! TCP in the clear.

use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use oxivirt_core::{Error, Result};

use crate::uri::RemoteUri;

/// The usual port.
pub(super) const PORT: u16 = 16509;

/// How long one address of a host may take.
const LIMIT: Duration = Duration::from_secs(30);

/// Tries the addresses of the host in order.
pub(super) fn connect(uri: &RemoteUri, port: u16) -> Result<TcpStream> {
    let port = uri.port.unwrap_or(port);
    let host = if uri.host.is_empty() { "localhost" } else { &uri.host };
    let place = format!("'{host}' port {port}");
    let addresses = (host, port).to_socket_addrs();
    let addresses = addresses.map_err(|source| Error::system(format!("cannot find host {place}"), &source))?;
    let mut last = std::io::Error::other("it has no address");
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
