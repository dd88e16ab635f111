//! Volumes, screens and consoles through our daemon.

use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use oxivirt_tests::sandbox::Sandbox;
use oxivirt_tests::{fixture, skip};

use super::super::{GUEST_LIMIT, guest_or_skip};
use super::{Chain, Outcome, hold, ours, start, with_each};

const MIB: u64 = 1 << 20;

/// Where the daemon behind has storage.
fn storage(chain: &Chain) -> String {
    match chain.name {
        "ours to stock" => chain.uri("storage", "/system"),
        _ => chain.uri("test", "/default"),
    }
}

/// A file with data at both ends and nothing between.
fn with_a_hole(path: &Path) -> Outcome {
    let file = File::create(path).map_err(|e| e.to_string())?;
    let data: Vec<u8> = (0..MIB).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    file.set_len(64 * MIB)
        .and_then(|()| file.write_all_at(&data, 0))
        .and_then(|()| file.write_all_at(&data, 63 * MIB))
        .map_err(|e| e.to_string())
}

#[test]
fn volumes_go_up_and_down() -> Outcome {
    with_each(|chain| {
        let uri = storage(&chain);
        let _held = hold(&chain.inner)?;
        let folder = chain.outer.root().join("files");
        std::fs::create_dir(&folder).map_err(|e| e.to_string())?;
        let path = |name: &str| folder.join(name).display().to_string();
        with_a_hole(&folder.join("source"))?;
        let pool = chain.inner.root().join("pool");
        std::fs::create_dir(&pool).map_err(|e| e.to_string())?;
        chain.virsh(&uri, &["pool-create-as", "up", "dir", "--target", &pool.display().to_string()])?;
        for (name, options) in [("plain", &[][..]), ("sparse", &["--sparse"])] {
            chain.virsh(&uri, &["vol-create-as", "up", name, "64M", "--allocation", "0", "--format", "raw"])?;
            chain.virsh(&uri, &[&["vol-upload", "--pool", "up", name, &path("source")], options].concat())?;
            chain.virsh(&uri, &[&["vol-download", "--pool", "up", name, &path(name)], options].concat())?;
            let same = std::fs::read(path(name)).ok() == std::fs::read(path("source")).ok();
            assert!(same, "{}: {name}: the file that came back is another one", chain.name);
        }
        let allocated = |name: &str| std::fs::metadata(path(name)).map(|data| data.blocks() * 512).unwrap_or_default();
        assert!(allocated("sparse") < 16 * MIB, "{}: {} bytes are there", chain.name, allocated("sparse"));
        // More than fits is refused, and the daemon is of use afterwards; the stock one ends itself over it.
        if chain.name == "ours to stock" {
            return Ok(());
        }
        chain.virsh(&uri, &["vol-create-as", "up", "small", "1M", "--format", "raw"])?;
        let finished = chain
            .outer
            .virsh(&uri, &["vol-upload", "--pool", "up", "small", &path("source"), "--length", "1048576"])?;
        let refused = !finished.status.success() && finished.stderr.contains("No space left");
        assert!(refused, "{}", finished.text());
        chain.virsh(&uri, &["vol-info", "--pool", "up", "small"]).map(drop)
    })
}

#[test]
fn pictures_of_a_screen_come_whole() -> Outcome {
    with_each(|chain| {
        let picture = |uri: &str, name: &str| {
            let file = chain.outer.root().join(name);
            chain.virsh(uri, &["screenshot", "test", &file.display().to_string()])?;
            std::fs::read(&file).map_err(|e| e.to_string())
        };
        let far = picture(&chain.uri("test", "/default"), "far")?;
        assert!(far == picture(&chain.inner.uri("test", "/default"), "near")? && far.starts_with(b"\x89PNG"));
        Ok(())
    })
}

/// A program that reads a console until a text comes, types a line, and reads on.
const CONSOLE: &str = "
import libvirt, sys
uri, name, banner, prompt = sys.argv[1:5]
dom = libvirt.open(uri).lookupByName(name)
stream = dom.connect().newStream(0)
dom.openConsole(None, stream, 0)
dom.resume()
seen = b''
def until(text):
    # What comes behind it in the same piece is for the next one.
    global seen
    while text.encode() not in seen:
        part = stream.recv(4096)
        if not part: sys.exit('the console ended: %r' % seen)
        seen += part
    seen = seen.split(text.encode(), 1)[1]
if banner: until(banner)
until(prompt)
stream.send(b'echo $((6*7))-answers\\n')
until('42-answers')
stream.abort()
print('ok')
";

#[test]
fn a_console_is_used_through_two_daemons() -> Outcome {
    if skip::lacks(&["virsh", "qemu-system-x86_64", "python3"]) {
        return Ok(());
    }
    let Some(guest) = guest_or_skip() else { return Ok(()) };
    let chain = Chain { name: "ours to ours", outer: start(ours()?)?, inner: start(ours()?)? };
    let uri = chain.uri("qemu", "/system");
    let definition = chain.outer.root().join("guest.xml");
    std::fs::write(&definition, fixture::linux_guest("talks", &guest)).map_err(|e| e.to_string())?;
    chain.virsh(&uri, &["define", &definition.display().to_string()])?;
    chain.virsh(&uri, &["start", "--paused", "talks"])?;
    let program = chain.outer.root().join("console.py");
    std::fs::write(&program, CONSOLE).map_err(|e| e.to_string())?;
    let said = python_within(&chain.outer, &program, &[&uri, "talks", oxivirt_tests::assets::GUEST_BANNER, "guest# "])?;
    assert_eq!(said.trim(), "ok");
    chain.virsh(&uri, &["destroy", "talks"])?;
    chain.virsh(&uri, &["undefine", "talks"]).map(drop)
}

/// Runs a Python program that waits for a guest to boot.
fn python_within(sandbox: &Sandbox, program: &Path, arguments: &[&str]) -> Result<String, String> {
    let mut command = std::process::Command::new("/usr/bin/python3");
    command.args(["-B", "-u"]).arg(program).args(arguments);
    sandbox.clean(&mut command);
    oxivirt_tests::process::succeed(&mut command, "the console program", GUEST_LIMIT)
        .map(|finished| finished.stdout)
        .map_err(|e| sandbox.explain(&e))
}
