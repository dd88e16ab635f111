#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::io;

use oxivirt_core::ErrorCode;

use super::*;
use crate::domain::devices::{BackingStore, StorageFormat, StorageSource};
use crate::xml::{WriteMode, Writer};

/// A qcow2 header of version 3.
fn qcow2(below: &str, format: Option<&str>, data: Option<&str>) -> Vec<u8> {
    let mut bytes = vec![0; 104];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0, b"QFI\xfb");
    put(4, &3_u32.to_be_bytes());
    put(20, &16_u32.to_be_bytes());
    put(24, &(1_u64 << 20).to_be_bytes());
    put(72, &(if data.is_some() { 4_u64 } else { 16 }).to_be_bytes());
    put(80, &1_u64.to_be_bytes());
    put(100, &104_u32.to_be_bytes());
    let mut extend = |kind: u32, text: &str| {
        bytes.extend(kind.to_be_bytes());
        bytes.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
        bytes.extend(text.bytes());
        bytes.resize(bytes.len().next_multiple_of(8), 0);
    };
    if let Some(format) = format {
        extend(0xE279_2ACA, format);
    }
    if let Some(data) = data.filter(|data| !data.is_empty()) {
        extend(0x4441_5441, data);
    }
    extend(0, "");
    if !below.is_empty() {
        let at = u64::try_from(bytes.len()).unwrap();
        bytes[8..16].copy_from_slice(&at.to_be_bytes());
        bytes[16..20].copy_from_slice(&u32::try_from(below.len()).unwrap().to_be_bytes());
        bytes.extend(below.bytes());
    }
    bytes
}

#[derive(Default)]
struct Folder(HashMap<String, Vec<u8>>);

impl Folder {
    fn with(mut self, path: &str, bytes: Vec<u8>) -> Self {
        self.0.insert(path.to_owned(), bytes);
        self
    }
}

impl Files for Folder {
    fn look(&self, path: &str) -> io::Result<(FileKind, String)> {
        match path {
            "/folder" => Ok((FileKind::Folder, path.to_owned())),
            _ => self.head(path).map(|_| (FileKind::File, path.replace("/x/..", ""))),
        }
    }

    fn head(&self, path: &str) -> io::Result<Vec<u8>> {
        self.0.get(&path.replace("/x/..", "")).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn source_of(path: &str) -> StorageSource {
    reference(path).unwrap().unwrap()
}

fn shown(store: &BackingStore) -> String {
    let mut w = Writer::new(WriteMode::default());
    w.element("backingStore", store);
    w.finish()
}

fn below(files: &Folder, path: &str) -> String {
    let chain = chain(files, &source_of(path), StorageFormat::Qcow2).unwrap();
    chain.backing.as_ref().map(shown).unwrap_or_default()
}

#[test]
fn headers_say_what_they_hold() {
    let bytes = qcow2("base", Some("raw"), None);
    assert_eq!(detect(&bytes), StorageFormat::Qcow2);
    let header = Header::read(&bytes, StorageFormat::Qcow2).unwrap();
    assert_eq!(header.backing, Some(Below { name: "base".into(), format: Some("raw".into()) }));
    assert_eq!((header.capacity, header.cluster_size, header.compat), (Some(1 << 20), Some(1 << 16), Some("1.1")));
    assert!(header.features.lazy_refcounts && header.features.extended_l2);
    // A header that ends anywhere is read as far as it goes, or refused.
    for length in 0..bytes.len() {
        let _ = Header::read(&bytes[..length], StorageFormat::Qcow2);
    }
    let mut far = bytes;
    far[8] = 0xff;
    assert!(Header::read(&far, StorageFormat::Qcow2).unwrap_err().message().contains("outside of the header"));
    assert_eq!(
        Header::read(b"LUKS\xba\xbe\0\x02", StorageFormat::Raw).unwrap().encryption,
        Some(HeaderEncryption::Luks2)
    );
    assert_eq!(detect(b"nothing"), StorageFormat::Raw);
}

#[test]
fn a_chain_is_followed_to_its_end() {
    let files = Folder::default()
        .with("/d/top", qcow2("mid", Some("qcow2"), None))
        .with("/d/mid", qcow2("x/../base", None, None))
        .with("/d/base", b"anything".to_vec());
    let text = below(&files, "/d/top");
    assert!(text.contains("<source file='/d/mid'/>") && text.contains("<source file='/d/x/../base'/>"), "{text}");
    assert!(text.contains("<format type='raw'/>") && text.contains("<backingStore/>"), "{text}");
    assert_eq!(chain(&files, &source_of("/d/base"), StorageFormat::Raw).unwrap().backing, Some(BackingStore::End));
}

#[test]
fn a_data_file_is_found() {
    let files = Folder::default().with("/d/top", qcow2("", None, Some("raw"))).with("/d/raw", Vec::new());
    let found = chain(&files, &source_of("/d/top"), StorageFormat::Qcow2).unwrap();
    assert_eq!(found.data.unwrap().source.path(), Some("/d/raw"));
    let files = Folder::default().with("/d/top", qcow2("", None, Some("")));
    assert!(chain(&files, &source_of("/d/top"), StorageFormat::Qcow2).unwrap_err().message().contains("data-file"));
}

#[test]
fn what_cannot_be_followed_is_refused() {
    let files = Folder::default()
        .with("/d/a", qcow2("b", Some("qcow2"), None))
        .with("/d/b", qcow2("x/../a", Some("qcow2"), None))
        .with("/d/lost", qcow2("gone", Some("raw"), None))
        .with("/d/guess", qcow2("a", None, None))
        .with("/d/folder", qcow2("/folder", Some("raw"), None));
    let refused = |path: &str| chain(&files, &source_of(path), StorageFormat::Qcow2).unwrap_err();
    assert!(refused("/d/a").message().contains("self-referential"));
    assert!(refused("/d/lost").message().contains("'/d/gone' of storage file '/d/lost'"));
    assert_eq!(refused("/d/guess").code(), ErrorCode::OPERATION_INVALID);
    assert_eq!(refused("/d/folder").code(), ErrorCode::CONFIG_UNSUPPORTED);
}

#[test]
fn names_of_images_mean_sources() {
    for (name, wanted) in [
        ("/a/b:c", "<source file='/a/b:c'/>"),
        ("nbd://example.org:6000/blah", "protocol='nbd' name='blah'>\n  <host name='example.org' port='6000'/>"),
        ("nbd+unix:///x?socket=/run/s", "<host transport='unix' socket='/run/s'/>"),
        ("nbd:unix:/run/s:exportname=x", "protocol='nbd' name='x'>\n  <host transport='unix' socket='/run/s'/>"),
        ("nbd:[::1]:6000", "<host name='::1' port='6000'/>"),
        ("https://e.org:8443/d/a%20b.img?k=v", "protocol='https' name='d/a b.img' query='k=v'"),
        ("iscsi://e.org/iqn.1992-01.com.example%3As", "name='iqn.1992-01.com.example:s/0'"),
        ("gluster+unix:///vol/img?socket=/g", "name='vol/img'"),
        ("rbd:pool/image@snap:mon_host=a\\:1\\;[\\:\\:1]:conf=/c", "<host name='a' port='1'/>\n  <host name='::1'/>"),
        (
            "json:{\"file.driver\":\"nbd\",\"file.server.host\":\"h\",\"file.server.port\":\"1\"}",
            "<host name='h' port='1'/>",
        ),
        (
            "json:{\"driver\":\"raw\",\"offset\":512,\"size\":\"1\",\"file\":{\"driver\":\"file\",\"filename\":\"/f\"}}",
            "offset='512' size='1'",
        ),
        (
            "json:{\"driver\":\"rbd\",\"pool\":\"p\",\"image\":\"i\",\"server\":[{\"host\":\"h\",\"port\":\"2\"}]}",
            "name='p/i'",
        ),
        (
            "json:{\"driver\":\"https\",\"url\":\"https://h/p\",\"sslverify\":false,\"cookie\":\"a=b\"}",
            "<ssl verify='no'/>",
        ),
        ("json:{\"driver\":\"nvme\",\"device\":\"0000:01:00.0\",\"namespace\":1}", "type='pci' managed"),
    ] {
        let mut w = Writer::new(WriteMode::default());
        source_of(name).format_source(&mut w);
        let text = w.finish();
        if name.contains("nvme") {
            assert!(text.contains("namespace='1'"), "{name}: {text}");
        } else {
            assert!(text.contains(wanted), "{name}: {text}");
        }
    }
    for name in ["ssh://u@h/p", "https://u@h/p", "rbd:p/i:id=u", "json:{\"driver\":\"ssh\"}"] {
        assert!(reference(name).unwrap().is_none(), "{name}");
    }
    for name in [
        "foo://h/p",
        "foo:bar",
        "nbd:h",
        "nbd:h:x",
        "json:{",
        "json:[]",
        "json:{\"driver\":\"weird\"}",
        "nbd+x://h/y",
        "https://h/%zz",
    ] {
        assert!(reference(name).is_err(), "{name}");
    }
}
