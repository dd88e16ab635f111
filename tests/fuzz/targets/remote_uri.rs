//! URIs with a transport: refused, or taken apart into parts that stand in the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oxivirt_driver_remote::RemoteUri;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(uri) = RemoteUri::parse(text) else { return };
    assert!(text.starts_with(&uri.driver));
    let _ = (uri.is_session(), uri.peer());
    // What the server is to open has no transport any more.
    if uri.parameters.name.is_none() {
        assert!(uri.name.starts_with(&format!("{}://", uri.driver)), "{}", uri.name);
    }
});
