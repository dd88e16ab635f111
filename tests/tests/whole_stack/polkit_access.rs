//! Who may do what with which object, by a stand-in for polkit.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use oxivirt_tests::process;
use oxivirt_tests::sandbox::Sandbox;
use oxivirt_tests::wire::{Client, Xdr, procedure};
use oxivirt_tests::{skip, stock};

use super::access::nobody;
use super::authority::{Bus, Question, Verdict};
use super::polkit::{NOBODY, cannot};
use super::{Outcome, SOON};

/// A daemon whose only judge is polkit, and the stand-in; `None` after skipping the test.
///
/// Domains `web-1`, `web-2` and `keep` are there beside `test`.
fn guarded() -> Result<Option<(Sandbox, Bus)>, String> {
    if cannot() || stock::chosen() {
        return Ok(None);
    }
    let mut sandbox = Sandbox::prepare()?;
    sandbox.configure(
        "libvirtd.conf",
        "auth_unix_rw = \"none\"\nauth_unix_ro = \"none\"\nunix_sock_rw_perms = \"0777\"\naccess_drivers = [ \"polkit\" ]\n",
    )?;
    let bus = Bus::start(sandbox.root())?;
    sandbox.variable("DBUS_SYSTEM_BUS_ADDRESS", &bus.address);
    sandbox.launch()?;
    fs::set_permissions(sandbox.root(), fs::Permissions::from_mode(0o755)).map_err(|e| e.to_string())?;
    Ok(Some((sandbox, bus)))
}

/// A connection of root's: as long as it is there, the default host keeps what others define.
fn hold(sandbox: &Sandbox) -> Result<Client, String> {
    Client::open(&sandbox.socket(), "test:///default", SOON).map_err(|e| sandbox.explain(&e.to_string()))
}

/// Defines some domains as root.
fn furnish(sandbox: &Sandbox) -> Outcome {
    let file = sandbox.root().join("domain.xml");
    for (number, name) in ["web-1", "web-2", "keep"].into_iter().enumerate() {
        let xml = format!(
            "<domain type='test'><name>{name}</name><uuid>11111111-1111-1111-1111-11111111111{number}</uuid>\
             <memory>8192</memory><os><type>hvm</type></os></domain>"
        );
        fs::write(&file, xml).map_err(|e| e.to_string())?;
        sandbox.virsh_ok(&uri(sandbox), &["define", &file.display().to_string()])?;
    }
    Ok(())
}

/// The default host is shared by all connections.
fn uri(sandbox: &Sandbox) -> String {
    sandbox.uri("test", "/default")
}

/// Root may do everything, as with the real one; everybody else may look, and at `web-*` only.
fn rule(question: &Question) -> Verdict {
    let looks = ["getattr", "read", "search-domains", "search-storage-pools", "search-storage-vols"];
    let permission = question.action.rsplit('.').next().unwrap_or_default();
    let domain = question.detail("domain_name");
    let volume = question.detail("vol_name");
    match question.user {
        0 => Verdict::Yes,
        _ if !looks.contains(&permission) => Verdict::No,
        _ if !domain.is_empty() && !domain.starts_with("web-") => Verdict::No,
        _ if !volume.is_empty() && !volume.starts_with('a') => Verdict::No,
        _ => Verdict::Yes,
    }
}

#[test]
fn polkit_decides_about_single_objects() -> Outcome {
    let Some((sandbox, bus)) = guarded()? else { return Ok(()) };
    bus.decide_by(rule);
    let _held = hold(&sandbox)?;
    furnish(&sandbox)?;
    let uri = uri(&sandbox);
    bus.forget();
    let listed = nobody(&sandbox, &uri, "list --all --name")?;
    let names: Vec<&str> = listed.stdout.split_whitespace().collect();
    assert_eq!(names, ["web-1", "web-2"], "{}", sandbox.explain(&listed.text()));
    assert!(nobody(&sandbox, &uri, "dumpxml web-1")?.stdout.contains("<name>web-1</name>"));
    let asked = bus.questions();
    for question in &asked {
        assert_eq!((question.kind.as_str(), question.user), ("unix-process", NOBODY), "{question:?}");
        // Nobody is shown a dialogue in the middle of a call.
        assert!(question.process > 1 && question.has_start && !question.may_ask, "{question:?}");
        assert_eq!(question.detail("connect_driver"), "TEST", "{question:?}");
    }
    let about = |action: &str, name: &str| {
        let action = format!("org.libvirt.api.{action}");
        asked.iter().find(|one| one.action == action && one.detail("domain_name") == name).cloned()
    };
    assert!(about("connect.getattr", "").is_some() && about("connect.search-domains", "").is_some(), "{asked:?}");
    assert!(about("domain.getattr", "keep").is_some(), "{asked:?}");
    let read = about("domain.read", "web-1").ok_or("nobody asked about reading web-1")?;
    assert_eq!(read.detail("domain_uuid"), "11111111-1111-1111-1111-111111111110");
    for command in ["dumpxml --security-info web-1", "destroy web-1", "suspend web-2", "setmem web-1 4096 --config"] {
        let refused = nobody(&sandbox, &uri, command)?;
        assert!(!refused.status.success(), "{command}: {}", refused.text());
        assert!(refused.stderr.contains("access denied: 'TEST' denied access"), "{command}: {}", refused.text());
    }
    assert!(!nobody(&sandbox, &uri, "dominfo keep")?.status.success());
    // Decisions are made anew for every call.
    bus.decide_by(|_| Verdict::Yes);
    let listed = nobody(&sandbox, &uri, "list --all --name")?;
    assert_eq!(listed.stdout.split_whitespace().count(), 4, "{}", listed.text());
    bus.decide_by(|question| if question.action.ends_with(".getattr") { Verdict::No } else { Verdict::Yes });
    assert!(!nobody(&sandbox, &uri, "list")?.status.success(), "the connection itself was allowed");
    for verdict in [Verdict::NoAgent, Verdict::Dismissed] {
        bus.decide(verdict);
        let refused = nobody(&sandbox, &uri, "list")?;
        assert!(refused.stderr.contains("denied access"), "{verdict:?}: {}", refused.text());
    }
    Ok(())
}

#[test]
fn polkit_hears_which_object_is_meant() -> Outcome {
    let Some((sandbox, bus)) = guarded()? else { return Ok(()) };
    bus.decide(Verdict::Yes);
    let _held = hold(&sandbox)?;
    let uri = uri(&sandbox);
    const POOL: &str = "dfe224cb-28fb-8dd0-c4b2-64eb3f0f4566";
    const NETWORK: &str = "dd8fe884-6c02-601e-7551-cca97df1c5df";
    for (command, action, details) in [
        ("net-dumpxml default", "network.read", vec![("network_name", "default"), ("network_uuid", NETWORK)]),
        ("net-destroy default", "network.stop", vec![("network_name", "default")]),
        ("pool-info default-pool", "storage-pool.read", vec![("pool_name", "default-pool"), ("pool_uuid", POOL)]),
        (
            "vol-create-as default-pool alpha 1M",
            "storage-vol.create",
            vec![("pool_name", "default-pool"), ("pool_uuid", POOL), ("vol_name", "alpha")],
        ),
        (
            "vol-delete alpha default-pool",
            "storage-vol.delete",
            vec![("pool_name", "default-pool"), ("vol_name", "alpha"), ("vol_key", "/default-pool/alpha")],
        ),
        (
            "iface-dumpxml eth1",
            "interface.read",
            vec![("interface_name", "eth1"), ("interface_macaddr", "aa:bb:cc:dd:ee:ff")],
        ),
        ("nodedev-dumpxml computer", "node-device.read", vec![("node_device_name", "computer")]),
        ("undefine test", "domain.delete", vec![("domain_name", "test")]),
    ] {
        bus.forget();
        let finished = nobody(&sandbox, &uri, command)?;
        let asked = bus.questions();
        let action = format!("org.libvirt.api.{action}");
        let question = asked.iter().find(|question| question.action == action);
        let question =
            question.ok_or_else(|| format!("{command} did not ask for {action}: {asked:?}\n{}", finished.text()))?;
        for (name, value) in details {
            assert_eq!(question.detail(name), value, "{command}: {question:?}");
        }
    }
    Ok(())
}

#[test]
fn old_listings_and_events_are_filtered_by_polkit() -> Outcome {
    let Some((sandbox, bus)) = guarded()? else { return Ok(()) };
    if !Path::new("/usr/lib/python3/dist-packages/libvirt.py").is_file() {
        skip::skip("not installed: python3-libvirt");
        return Ok(());
    }
    bus.decide_by(rule);
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/whole_stack/python/access.py");
    sandbox.python(&program, &[&uri(&sandbox)])?;
    // Somebody was asked about who hears of what.
    let heard = |question: &Question| question.user == NOBODY && question.detail("domain_name") == "other";
    assert!(bus.questions().iter().any(heard), "nobody asked about the events of 'other'");
    Ok(())
}

#[test]
fn without_polkit_nobody_may_anything() -> Outcome {
    let Some((sandbox, mut bus)) = guarded()? else { return Ok(()) };
    bus.decide(Verdict::Yes);
    let uri = uri(&sandbox);
    sandbox.virsh_ok(&uri, &["list"])?;
    bus.vanish()?;
    let refused = sandbox.virsh(&uri, &["list"])?;
    for part in ["denied access", "polkit cannot be asked about action 'org.libvirt.api.connect.getattr'"] {
        assert!(refused.stderr.contains(part), "{}", refused.text());
    }
    bus.appear()?;
    sandbox.virsh_ok(&uri, &["list"])?;
    // The bus itself goes away and comes back.
    drop(bus);
    let refused = sandbox.virsh(&uri, &["list"])?;
    assert!(refused.stderr.contains("the system's D-Bus cannot be reached"), "{}", refused.text());
    let bus = Bus::start(sandbox.root())?;
    bus.decide(Verdict::Yes);
    sandbox.virsh_ok(&uri, &["list"]).map(drop)
}

/// Longer than the daemon waits for polkit.
const PATIENCE: Duration = Duration::from_secs(90);

#[test]
fn a_polkit_that_hangs_is_given_up_and_holds_up_nobody_else() -> Outcome {
    let Some((sandbox, bus)) = guarded()? else { return Ok(()) };
    // It never decides about the second domain, and about nobody's events.
    bus.decide_by(|question| match question.detail("domain_name") {
        "web-2" if question.action.ends_with("domain.getattr") && question.user != 0 => Verdict::Silence,
        _ => Verdict::Yes,
    });
    let mut honest = hold(&sandbox)?;
    furnish(&sandbox)?;
    let path = sandbox.socket();
    // virsh as another user in the meantime; it lists all domains, one of which nobody decides about.
    std::thread::scope(|scope| {
        let listing = scope.spawn(|| nobody(&sandbox, &uri(&sandbox), "list --all"));
        process::wait_for("the question that is never answered", SOON, || {
            bus.questions()
                .iter()
                .any(|question| question.user == NOBODY && question.detail("domain_name") == "web-2")
                .then_some(())
        })?;
        let everything = Xdr::default().unsigned(1).unsigned(0).0;
        for _ in 0..20 {
            honest
                .call(procedure::CONNECT_LIST_ALL_DOMAINS, &everything)
                .map_err(|e| format!("{}: {e}", path.display()))?;
        }
        let refused = listing.join().map_err(|_| "virsh panicked".to_owned())??;
        let wanted = "polkit did not decide about action 'org.libvirt.api.domain.getattr' within 30s";
        match !refused.status.success() && refused.stderr.contains(wanted) {
            true => Ok(()),
            false => Err(sandbox.explain(&refused.text())),
        }
    })?;
    let withdrawn = || bus.withdrawn().iter().any(|question| question.detail("domain_name") == "web-2").then_some(());
    process::wait_for("the question to be withdrawn", PATIENCE, withdrawn)
}
