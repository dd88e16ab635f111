//! What can be done to a running QEMU guest beside tuning it: its monitor, its
//! keyboard, its screen, its memory.

use std::path::Path;
use std::time::Duration;

use oxivirt_tests::{fixture, skip};

use super::{GUEST_LIMIT, Host, Outcome, guest_or_skip};

#[test]
fn the_monitor_answers_as_it_is() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    host.start_idle("g")?;
    let answer = host.virsh(&["qemu-monitor-command", "g", r#"{"execute":"query-status"}"#])?;
    assert!(answer.starts_with(r#"{"return":{"status":"running","running":true},"id":"libvirt-"#), "{answer}");
    let pretty = host.virsh(&["qemu-monitor-command", "g", "--pretty", r#"{"execute":"query-status"}"#])?;
    assert!(pretty.contains("\"status\": \"running\""), "{pretty}");
    let refused = host.virsh(&["qemu-monitor-command", "g", r#"{"execute":"nope"}"#])?;
    assert!(refused.contains(r#""class":"CommandNotFound""#), "{refused}");
    // What is not even a command is refused as well, and the guest goes on.
    let refused = host.virsh(&["qemu-monitor-command", "g", r#"{"a":1}"#])?;
    assert!(refused.contains("QMP input member 'a' is unexpected"), "{refused}");
    let human = host.virsh(&["qemu-monitor-command", "g", "--hmp", "info status"])?;
    assert!(human.contains("VM status: running"), "{human}");
    let error = host.refused(&["qemu-monitor-command", "g", r#"{"execute":"query-status","id":"x"}"#])?;
    assert!(error.contains("Unable to append command 'id' string"), "{error}");
    assert!(host.state("g")?.starts_with("running"));
    let info = host.virsh(&["dominfo", "g"])?;
    assert!(info.contains("tainted: custom monitor control commands issued"), "{info}");
    let status = std::fs::read_to_string(host.sandbox.root().join("run/libvirt/qemu/g.xml"));
    assert!(status.is_ok_and(|text| text.contains("<taint flag='custom-monitor'/>")));
    Ok(())
}

#[test]
fn clients_hear_the_monitor_and_get_descriptors() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    host.start_idle("g")?;
    host.define(&fixture::idle_guest("seen").replacen(
        "</domain>",
        "<devices><graphics type='vnc'/><video><model type='vga'/></video></devices></domain>",
        1,
    ))?;
    host.virsh(&["start", "seen"])?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/whole_stack/python/qemu_runtime.py");
    host.sandbox.python(&script, &[&host.uri]).map(drop)
}

#[test]
fn pictures_of_the_screen_are_streamed() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    host.define(&fixture::idle_guest("seen").replacen(
        "</domain>",
        "<devices><graphics type='vnc'/><video><model type='vga'/></video></devices></domain>",
        1,
    ))?;
    host.virsh(&["start", "seen"])?;
    let file = host.sandbox.root().join("screen");
    host.virsh(&["screenshot", "seen", &file.display().to_string()])?;
    let bytes = std::fs::read(&file).map_err(|e| e.to_string())?;
    assert!(bytes.starts_with(b"\x89PNG") || bytes.starts_with(b"P6"), "{:?}", bytes.get(..8));
    let error = host.refused(&["screenshot", "seen", "/dev/null", "--screen", "7"])?;
    assert!(error.contains("no such screen ID"), "{error}");
    let left = std::fs::read_dir(host.sandbox.root().join("var/lib/libvirt/qemu/domain-1-seen"));
    let left =
        left.map_err(|e| e.to_string())?.flatten().filter(|e| e.file_name().to_string_lossy().contains("screen"));
    assert_eq!(left.count(), 0);
    assert!(host.virsh(&["domdisplay", "seen"])?.starts_with("vnc://127.0.0.1:"));
    Ok(())
}

#[test]
fn memory_is_dumped() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    host.start_idle("g")?;
    let root = host.sandbox.root().to_owned();
    let file = |name: &str| root.join(name).display().to_string();
    host.virsh(&["dump", "g", &file("elf"), "--memory-only"])?;
    let elf = std::fs::read(root.join("elf")).map_err(|e| e.to_string())?;
    assert!(elf.starts_with(b"\x7fELF") && elf.len() > 32 << 20, "{}", elf.len());
    assert!(host.state("g")?.starts_with("running ("), "{}", host.state("g")?);
    host.virsh(&["dump", "g", &file("kdump"), "--memory-only", "--format", "kdump-zlib", "--live"])?;
    let error = host.refused(&["dump", "g", &file("no"), "--memory-only", "--format", "win-dmp"])?;
    assert!(error.contains("dump"), "{error}");
    assert!(!root.join("no").exists());
    host.virsh(&["dump", "g", &file("whole"), "--reset", "--bypass-cache"])?;
    assert!(std::fs::metadata(root.join("whole")).is_ok_and(|m| m.len() > 0));
    assert!(host.state("g")?.starts_with("running ("), "{}", host.state("g")?);
    host.virsh(&["dump", "g", &file("last"), "--crash"])?;
    assert_eq!(host.state("g")?, "shut off (crashed)");
    Ok(())
}

#[test]
fn keys_reach_the_guest() -> Outcome {
    let (Some(host), Some(guest)) = (Host::qemu()?, guest_or_skip()) else { return Ok(()) };
    let mut console = host.boot("linux", &guest)?;
    console.say("cat /proc/bus/input/devices; echo looked-$((1+1))\n")?;
    console.until("looked-2", GUEST_LIMIT)?;
    let keyboard = console.lines().iter().any(|line| line.contains("AT Translated Set 2 keyboard"));
    // Each way of saying it is the same key; one that is none is refused.
    for (set, key) in [("linux", "30"), ("linux", "KEY_RIGHTCTRL"), ("atset1", "57373"), ("usb", "4"), ("win32", "65")]
    {
        host.virsh(&["send-key", "linux", "--codeset", set, key])?;
    }
    let error = host.refused(&["send-key", "linux", "999"])?;
    assert!(error.contains("cannot translate keycode 999 of linux codeset to qnum keycode"), "{error}");
    if !keyboard {
        skip::skip("the test guest's kernel sees no keyboard");
        return Ok(());
    }
    console.say("dd if=/dev/input/event0 bs=24 count=2 2>/dev/null | od -An -tx1; echo heard-$((2+2))\n")?;
    // Until the guest listens it hears nothing.
    let mut heard = false;
    for _ in 0..60 {
        host.virsh(&["send-key", "linux", "KEY_A"])?;
        heard = console.until("heard-4", Duration::from_secs(2)).is_ok();
        if heard {
            break;
        }
    }
    assert!(heard, "{}", console.lines().join("\n"));
    host.virsh(&["inject-nmi", "linux"])?;
    let error = host.refused(&["send-process-signal", "linux", "1", "SIGTERM"])?;
    assert!(error.contains("not supported"), "{error}");
    Ok(())
}

#[test]
fn names_and_notes_change() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    host.start_idle("g")?;
    host.virsh(&["desc", "g", "--live", "--config", "--title", "--new-desc", "a title"])?;
    assert_eq!(host.virsh(&["desc", "g", "--title"])?.trim(), "a title");
    let error = host.refused(&["domrename", "g", "h"])?;
    assert!(error.contains("cannot rename active domain"), "{error}");
    host.virsh(&["destroy", "g"])?;
    host.virsh(&["domrename", "g", "h"])?;
    assert_eq!(host.virsh(&["desc", "h", "--title"])?.trim(), "a title");
    Ok(())
}
