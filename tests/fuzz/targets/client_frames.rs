//! All that a server sends on a connection: the opening and a call end with an answer or an error.
#![no_main]

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use oxivirt_core::Call;
use oxivirt_core::client::{Limits, Opening, Request, open};
use oxivirt_core::interface::Connect;

fuzz_target!(|bytes: &[u8]| {
    // More than the socket takes at once would need somebody who reads meanwhile.
    if bytes.len() > 32 << 10 {
        return;
    }
    let (mut server, client) = UnixStream::pair().expect("a pair of sockets");
    server.write_all(bytes).expect("the socket takes it");
    server.shutdown(Shutdown::Write).expect("open");
    let second = Duration::from_secs(1);
    let limits = Limits { opening: second, answer: second, write: second, alive_interval: second, alive_count: 1 };
    let opening = Opening { limits, ..Opening::new("test:///default") };
    if let Ok(client) = open(OwnedFd::from(client), opening, Box::new(|_| {})) {
        let _ = Call::with(&Request::new("connect_get_hostname"), |call| client.connect_get_hostname(call));
        client.transport().close();
    }
    server.set_read_timeout(Some(second)).expect("a socket");
    // The reading thread holds the socket until it has seen the end.
    let _ = server.read_to_end(&mut Vec::new());
});
