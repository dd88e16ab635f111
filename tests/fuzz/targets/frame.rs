//! Length, header and error bodies: decoded or refused, and what decodes
//! encodes to the same bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oxivirt_core::Error;
use oxivirt_core::wire::message::{HEADER_SIZE, Header, LENGTH_SIZE, body_length};
use oxivirt_core::wire::xdr::{Reader, Writer, Xdr};

fuzz_target!(|bytes: &[u8]| {
    let Some((length, body)) = bytes.split_first_chunk::<LENGTH_SIZE>() else { return };
    let _ = body_length(*length);
    let mut input = Reader::new(body);
    let Ok(header) = Header::decode(&mut input) else { return };
    let mut out = Writer::new();
    header.encode(&mut out).expect("a header always encodes");
    assert_eq!(out.into_bytes(), body[..HEADER_SIZE]);
    if let Ok(error) = Error::decode(&mut input) {
        error.encode(&mut Writer::new()).expect("what was decoded encodes");
    }
});
