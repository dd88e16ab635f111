//! Defining, starting, pausing, stopping and forgetting QEMU guests through virsh.

use super::{Host, Outcome, field, fixture};

#[test]
fn a_guest_lives_from_define_to_undefine() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    assert_eq!(host.virsh(&["list", "--all", "--name"])?.trim(), "");

    host.define(&fixture::idle_guest("one"))?;
    assert_eq!(host.virsh(&["list", "--name"])?.trim(), "");
    assert_eq!(host.virsh(&["list", "--all", "--name"])?.trim(), "one");
    assert!(host.state("one")?.starts_with("shut off ("), "{}", host.state("one")?);
    assert_eq!(host.virsh(&["domid", "one"])?.trim(), "-");

    host.virsh(&["start", "one"])?;
    assert_eq!(host.state("one")?, "running (booted)");
    assert_eq!(host.virsh(&["list"])?.split_whitespace().collect::<Vec<_>>(), ["1", "one", "running"]);

    host.virsh(&["suspend", "one"])?;
    assert_eq!(host.state("one")?, "paused (user)");
    host.virsh(&["resume", "one"])?;
    assert_eq!(host.state("one")?, "running (unpaused)");

    host.virsh(&["destroy", "one"])?;
    assert_eq!(host.state("one")?, "shut off (destroyed)");
    host.virsh(&["undefine", "one"])?;
    assert_eq!(host.virsh(&["list", "--all", "--name"])?.trim(), "");
    Ok(())
}

#[test]
fn information_tells_what_was_defined() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    host.start_idle("one")?;
    let info = host.virsh(&["dominfo", "one"])?;
    for (key, value) in [
        ("Id", "1"),
        ("Name", "one"),
        ("OS Type", "hvm"),
        ("State", "running"),
        ("CPU(s)", "1"),
        ("Max memory", "32768 KiB"),
        ("Used memory", "32768 KiB"),
        ("Persistent", "yes"),
        ("Autostart", "disable"),
        ("Managed save", "no"),
    ] {
        assert_eq!(field(&info, key), value, "{key} in\n{info}");
    }
    let uuid = host.virsh(&["domuuid", "one"])?;
    assert_eq!(field(&info, "UUID"), uuid.trim());
    assert_eq!(host.virsh(&["domname", uuid.trim()])?.trim(), "one");
    assert_eq!(host.virsh(&["domname", "1"])?.trim(), "one");
    Ok(())
}

#[test]
fn a_transient_guest_is_gone_when_it_ends() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    let file = host.sandbox.root().join("transient.xml");
    std::fs::write(&file, fixture::idle_guest("brief")).map_err(|e| e.to_string())?;
    host.virsh(&["create", &file.display().to_string()])?;
    assert_eq!(field(&host.virsh(&["dominfo", "brief"])?, "Persistent"), "no");
    host.virsh(&["destroy", "brief"])?;
    assert_eq!(host.virsh(&["list", "--all", "--name"])?.trim(), "");
    Ok(())
}

#[test]
fn a_guest_may_lose_its_definition_while_it_runs() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    host.start_idle("one")?;
    host.virsh(&["undefine", "one"])?;
    assert_eq!(host.state("one")?, "running (booted)");
    assert_eq!(field(&host.virsh(&["dominfo", "one"])?, "Persistent"), "no");
    host.virsh(&["destroy", "one"])?;
    assert_eq!(host.virsh(&["list", "--all", "--name"])?.trim(), "");
    Ok(())
}

#[test]
fn requests_that_make_no_sense_are_refused_by_name() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    host.start_idle("one")?;
    for (arguments, expected) in [
        (&["start", "one"][..], "Domain is already active"),
        (&["start", "nobody"], "failed to get domain 'nobody'"),
        (&["resume", "nobody"], "failed to get domain 'nobody'"),
        (&["dominfo", "a3b0ae2c-2ed3-4e0b-93d0-6f07c71d0f4c"], "failed to get domain"),
    ] {
        let message = host.refused(arguments)?;
        assert!(message.contains(expected), "{arguments:?}: {message}");
    }
    host.virsh(&["destroy", "one"])?;
    for command in ["destroy", "suspend", "resume", "shutdown", "reboot"] {
        let message = host.refused(&[command, "one"])?;
        assert!(message.contains("domain is not running"), "{command}: {message}");
    }
    assert_eq!(host.state("one")?, "shut off (destroyed)");
    Ok(())
}

#[test]
fn broken_definitions_change_nothing() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    let good = fixture::idle_guest("one");
    for (xml, expected) in [
        (good.replace("</os>", ""), "line"),
        (good.replace("<name>one</name>", ""), "name"),
        (good.replace("<memory unit='MiB'>32</memory>", "<memory unit='acres'>32</memory>"), "acres"),
        (good.replace("<vcpu>1</vcpu>", "<vcpu>none</vcpu>"), "vcpu"),
        (good.replace("arch='x86_64'", "arch='pdp11'"), "pdp11"),
    ] {
        let file = host.sandbox.root().join("broken.xml");
        std::fs::write(&file, &xml).map_err(|e| e.to_string())?;
        let message = host.refused(&["define", &file.display().to_string()])?;
        assert!(message.to_lowercase().contains(expected), "{message}\nfor\n{xml}");
        assert_eq!(host.virsh(&["list", "--all", "--name"])?.trim(), "");
    }
    Ok(())
}

#[test]
fn a_redefinition_keeps_the_identity() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    host.define(&fixture::idle_guest("one"))?;
    let uuid = host.virsh(&["domuuid", "one"])?;
    let message = {
        let other = fixture::idle_guest("one")
            .replace("<name>one</name>", "<name>one</name>\n  <uuid>a3b0ae2c-2ed3-4e0b-93d0-6f07c71d0f4c</uuid>");
        let file = host.sandbox.root().join("other.xml");
        std::fs::write(&file, other).map_err(|e| e.to_string())?;
        host.refused(&["define", &file.display().to_string()])?
    };
    assert!(message.contains("domain 'one' already exists with uuid"), "{message}");
    let bigger = host.virsh(&["dumpxml", "one"])?.replace("32768</memory>", "65536</memory>");
    host.define(&bigger)?;
    assert_eq!(host.virsh(&["domuuid", "one"])?, uuid);
    assert_eq!(field(&host.virsh(&["dominfo", "one"])?, "Max memory"), "65536 KiB");
    Ok(())
}

#[test]
fn autostart_happens_once_after_a_boot_of_the_host() -> Outcome {
    let Some(mut host) = Host::qemu()? else { return Ok(()) };
    host.define(&fixture::idle_guest("early"))?;
    host.define(&fixture::idle_guest("late"))?;
    host.virsh(&["autostart", "early"])?;
    assert_eq!(field(&host.virsh(&["dominfo", "early"])?, "Autostart"), "enable");
    // A daemon that is merely replaced starts nothing.
    host.sandbox.stop()?;
    host.sandbox.launch()?;
    host.virsh(&["start", "late"])?;
    assert!(host.state("early")?.starts_with("shut off"), "{}", host.state("early")?);
    host.virsh(&["destroy", "late"])?;
    // What lies in the run folder is gone after a boot.
    host.sandbox.stop()?;
    std::fs::remove_dir_all(host.sandbox.root().join("run")).map_err(|e| e.to_string())?;
    host.sandbox.launch()?;
    host.reaches("early", "running (booted)", super::SOON)?;
    assert!(host.state("late")?.starts_with("shut off"), "{}", host.state("late")?);
    Ok(())
}

#[test]
fn a_read_only_connection_changes_nothing() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    host.define(&fixture::idle_guest("one"))?;
    let uri = format!("qemu+unix:///system?socket={}", host.sandbox.read_only_socket().display());
    let list = host.sandbox.virsh_ok(&uri, &["-r", "list", "--all", "--name"])?;
    assert_eq!(list.trim(), "one");
    for readonly in [&["-r", "start", "one"][..], &["start", "one"], &["-r", "undefine", "one"]] {
        let finished = host.sandbox.virsh(&uri, readonly)?;
        assert!(!finished.status.success(), "{readonly:?} succeeded");
        assert!(finished.stderr.contains("read only access"), "{readonly:?}: {}", finished.stderr);
    }
    assert!(host.state("one")?.starts_with("shut off"));
    Ok(())
}
