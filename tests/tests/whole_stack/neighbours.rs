//! Guests that need what other drivers keep: a place in a network, a volume
//! of a pool, the value of a secret, a filter. The other drivers are stand-ins
//! that take their objects from files; bridges, images and QEMU are real.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use oxivirt_tests::sandbox::{Program, Sandbox};
use oxivirt_tests::{assets, fixture, process, skip};
use tempfile::TempDir;

use super::bridge::Bridge;
use super::{GUEST_LIMIT, Host, Outcome, SOON};
use crate::plugin_boundary::{folder, neighbour_drivers};

/// A daemon with QEMU and the stand-ins.
struct House {
    host: Host,
    _plugins: TempDir,
}

impl House {
    fn start() -> Result<Option<House>, String> {
        Self::with(true, "")
    }

    /// * `settings` – added to the daemon's configuration.
    fn with(neighbours: bool, settings: &str) -> Result<Option<House>, String> {
        if skip::lacks(&["virsh", "qemu-system-x86_64", "qemu-img"]) {
            return Ok(None);
        }
        let (qemu, others) = (assets::plugin("qemu")?, neighbour_drivers());
        let plugins = if neighbours { folder(&[&qemu, &others]) } else { folder(&[&qemu]) };
        let program = Program::Oxivirt { daemon: assets::daemon()?, plugins: plugins.path().to_owned() };
        let mut sandbox = Sandbox::with(program)?;
        sandbox.configure("libvirtd.conf", &format!("{}{settings}", sandbox.basic_settings()))?;
        sandbox.launch()?;
        let uri = sandbox.uri("qemu", "/system");
        Ok(Some(House { host: Host { sandbox, uri }, _plugins: plugins }))
    }

    fn shelf(&self) -> PathBuf {
        self.host.sandbox.root().join("etc/libvirt/neighbours")
    }

    /// Lays down one of the stand-ins' objects.
    fn lay(&self, path: &str, text: &str) -> Outcome {
        let file = self.shelf().join(path);
        let folder = file.parent().ok_or("a file has a folder")?;
        fs::create_dir_all(folder).and_then(|()| fs::write(&file, text)).map_err(|e| format!("{}: {e}", file.display()))
    }

    /// What lies in a folder of the stand-ins, by name.
    fn lies(&self, path: &str) -> Vec<String> {
        let entries = fs::read_dir(self.shelf().join(path)).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// Notes of what guests hold.
    fn held(&self) -> usize {
        let entries = fs::read_dir(self.host.sandbox.root().join("run/libvirt/qemu")).into_iter().flatten().flatten();
        entries.filter(|entry| entry.path().extension().is_some_and(|extension| extension == "held")).count()
    }

    fn dumpxml(&self, name: &str) -> Result<String, String> {
        self.host.virsh(&["dumpxml", name])
    }

    fn write(&self, name: &str, text: &str) -> Result<String, String> {
        let file = self.host.sandbox.root().join(name);
        fs::write(&file, text).map_err(|e| e.to_string())?;
        Ok(file.display().to_string())
    }

    fn qemu_img(&self, arguments: &[&str]) -> Outcome {
        let mut command = Command::new("qemu-img");
        command.args(arguments).current_dir(self.host.sandbox.root());
        // Sealing an image takes processor time on purpose.
        process::succeed(&mut command, "qemu-img", GUEST_LIMIT).map(drop)
    }

    /// A pool in a folder with one raw volume; gives the path of that.
    fn pool(&self) -> Result<String, String> {
        let folder = self.host.sandbox.root().join("images");
        fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
        let path = folder.join("one.img").display().to_string();
        self.qemu_img(&["create", "-q", "-f", "raw", &path, "4M"])?;
        let (uuid, folder) = ("ae7b6a3d-1d0b-4c5e-9d7a-0e5f6f2f5a01", folder.display());
        let xml = format!(
            "<pool type='dir'><name>images</name><uuid>{uuid}</uuid><target><path>{folder}</path></target></pool>"
        );
        self.lay("pools/images", &xml)?;
        self.lay("pools/images.volumes/one", &format!("0 {path}"))?;
        Ok(path)
    }
}

/// An idle guest with these devices.
fn guest(name: &str, devices: &str) -> String {
    let rest = format!("<features><acpi/></features><devices>{devices}</devices></domain>");
    fixture::idle_guest(name).replace("</domain>", &rest)
}

fn card(network: &str, last: u8, more: &str) -> String {
    format!(
        "<interface type='network'><mac address='52:54:00:0e:51:{last:02x}'/><source network='{network}'/>{more}\
         <model type='virtio'/></interface>"
    )
}

fn on_volume(target: &str, more: &str) -> String {
    format!(
        "<disk type='volume' device='disk'><driver name='qemu' type='raw'/><source pool='images' volume='one'{more}/>\
         <target dev='{target}' bus='virtio'/></disk>"
    )
}

const SECRET: &str = "1b2c3d4e-0000-4000-8000-00000000005a";
const VALUE: &str = "open-sesame-4711";

/// A guest with an image that only a secret opens.
fn locked(house: &House, name: &str) -> Result<String, String> {
    let path = house.host.sandbox.root().join(format!("{name}.luks")).display().to_string();
    let object = format!("secret,id=s,data={VALUE}");
    let options = "key-secret=s,iter-time=10";
    house.qemu_img(&["create", "-q", "--object", &object, "-f", "luks", "-o", options, &path, "1M"])?;
    Ok(guest(
        name,
        &format!(
            "<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{path}'>\
             <encryption format='luks'><secret type='passphrase' uuid='{SECRET}'/></encryption></source>\
             <target dev='vda' bus='virtio'/></disk>"
        ),
    ))
}

/// Whether a file below a folder holds a text.
fn is_in(folder: &Path, text: &str) -> Option<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).find_map(|path| {
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_dir() => is_in(&path, text),
            Ok(found) if found.is_file() => {
                let bytes = fs::read(&path).unwrap_or_default();
                bytes.windows(text.len()).any(|part| part == text.as_bytes()).then_some(path)
            }
            _ => None,
        }
    })
}

/// From start over hot plug to the end, as seen by the network and the bridge.
fn lives_on_its_network(house: &House, bridge: &Bridge) -> Outcome {
    house.lay("networks/lan", &format!("<plug type='network' bridge='{}'/>", bridge.0))?;
    house.host.define(&guest("web", &card("lan", 1, "")))?;
    house.host.virsh(&["start", "web"])?;
    let (taps, ports) = (bridge.ports()?, house.lies("ports/lan"));
    assert_eq!((taps.len(), ports.len(), house.held()), (1, 1, 1), "{taps:?} {ports:?}");
    let port = fs::read_to_string(house.shelf().join("ports/lan").join(&ports[0])).map_err(|e| e.to_string())?;
    assert!(port.contains("<name>web</name>") && port.contains("52:54:00:0e:51:01"), "{port}");
    let live = house.dumpxml("web")?;
    let source = format!("<source network='lan' portid='{}' bridge='{}'/>", ports[0], bridge.0);
    assert!(live.contains("<interface type='network'>") && live.contains(&source), "{live}");
    assert!(!house.host.virsh(&["dumpxml", "--inactive", "web"])?.contains("portid"));
    // A link is changed with what the running guest's document says.
    house.host.virsh(&["domif-setlink", "web", &taps[0], "down"])?;

    let second = house.write("card.xml", &card("lan", 2, ""))?;
    house.host.virsh(&["attach-device", "web", &second, "--live"])?;
    assert_eq!((bridge.ports()?.len(), house.lies("ports/lan").len()), (2, 2));
    house.host.virsh(&["destroy", "web"])?;
    assert_eq!((bridge.ports()?.len(), house.lies("ports/lan").len(), house.held()), (0, 0, 0));
    Ok(())
}

#[test]
fn a_guest_is_on_the_network_that_it_names() -> Outcome {
    let (Some(house), Some(bridge)) = (House::start()?, Bridge::new()) else { return Ok(()) };
    lives_on_its_network(&house, &bridge)
}

#[test]
fn what_a_network_passes_on_takes_the_place_of_what_was_asked_for() -> Outcome {
    let (Some(house), Some(bridge)) = (House::start()?, Bridge::new()) else { return Ok(()) };
    house.lay("networks/passed-on", &format!("<plug type='bridge' bridge='{}'/>", bridge.0))?;
    house.host.define(&guest("web", &card("passed-on", 1, "")))?;
    house.host.virsh(&["start", "web"])?;
    let live = house.dumpxml("web")?;
    assert!(live.contains("<interface type='bridge'>") && live.contains("network='passed-on'"), "{live}");
    let status = house.host.sandbox.root().join("run/libvirt/qemu/web.xml");
    let status = fs::read_to_string(status).map_err(|e| e.to_string())?;
    let actual = format!("<actual type='bridge'>\n          <source bridge='{}'/>", bridge.0);
    assert!(status.contains("<interface type='network'>") && status.contains(&actual), "{status}");
    let taps = bridge.ports()?;
    house.host.virsh(&["domif-setlink", "web", &taps[0], "down"]).map(drop)
}

#[test]
fn an_interface_of_the_host_is_shared_while_the_guest_runs() -> Outcome {
    let (Some(house), Some(bridge)) = (House::start()?, Bridge::new()) else { return Ok(()) };
    let below = || -> Result<usize, String> {
        let text = process::succeed(Command::new("ip").args(["-o", "link"]), "ip", SOON)?.stdout;
        Ok(text.lines().filter(|line| line.contains(&format!("@{}:", bridge.0))).count())
    };
    house.lay("networks/shared", &format!("<plug type='direct' dev='{}' mode='bridge'/>", bridge.0))?;
    let direct = format!("<interface type='direct'><source dev='{}' mode='private'/></interface>", bridge.0);
    house.host.define(&guest("web", &(card("shared", 1, "") + &direct)))?;
    if let Err(message) = house.host.virsh(&["start", "web"]) {
        // Some kernels have no such devices.
        if message.contains("Operation not supported") || message.contains("macvtap tap device /dev/") {
            skip::skip(&message);
            return Ok(());
        }
        return Err(message);
    }
    let live = house.dumpxml("web")?;
    let source = format!("dev='{}' mode='bridge'/>", bridge.0);
    assert!(live.contains("<source network='shared' portid=") && live.contains(&source), "{live}");
    assert!(live.matches("<target dev='macvtap").count() == 2, "{live}");
    assert_eq!((below()?, house.held()), (2, 1));
    house.host.virsh(&["destroy", "web"])?;
    assert_eq!((below()?, house.held(), house.lies("ports/shared").len()), (0, 0, 0));
    Ok(())
}

#[test]
fn a_start_that_fails_leaves_no_port_and_says_why() -> Outcome {
    let (Some(house), Some(bridge)) = (House::start()?, Bridge::new()) else { return Ok(()) };
    house.lay("networks/off", "inactive")?;
    house.lay("networks/lan", &format!("<plug type='network' bridge='{}'/>", bridge.0))?;
    for (name, devices, says) in [
        ("one", card("nowhere", 1, ""), "no network with matching name 'nowhere'"),
        ("two", card("off", 2, ""), "network 'off' is not active"),
        // The first card has a port by then.
        ("three", card("lan", 3, "") + &card("off", 4, ""), "network 'off' is not active"),
        ("four", card("lan", 5, "<filterref filter='no-such-filter'/>"), "no nwfilter with matching name"),
    ] {
        house.host.define(&guest(name, &devices))?;
        let message = house.host.refused(&["start", name])?;
        assert!(message.contains(says), "{name}: {message}");
        assert!(house.lies("ports/lan").is_empty() && house.lies("bindings").is_empty(), "{name}");
        assert_eq!((house.held(), bridge.ports()?.len()), (0, 0), "{name}");
    }
    house.host.start_idle("five")?;
    let file = house.write("card.xml", &card("lan", 6, "<filterref filter='no-such-filter'/>"))?;
    house.host.refused(&["attach-device", "five", &file, "--live"])?;
    assert_eq!((house.lies("ports/lan").len(), house.held()), (0, 0), "a card that was not plugged in");
    Ok(())
}

#[test]
fn without_the_other_driver_the_error_names_it() -> Outcome {
    let Some(house) = House::with(false, "")? else { return Ok(()) };
    let binding = "<interface type='ethernet'><mac address='52:54:00:0e:51:09'/><model type='virtio'/>\
                   <filterref filter='clean'/></interface>";
    for (name, xml, scheme) in [
        ("networked", guest("networked", &card("lan", 1, "")), "network"),
        ("stored", guest("stored", &on_volume("vda", "")), "storage"),
        ("locked", locked(&house, "locked")?, "secret"),
        ("filtered", guest("filtered", binding), "nwfilter"),
    ] {
        house.host.define(&xml)?;
        let message = house.host.refused(&["start", name])?;
        assert!(message.contains(&format!("{scheme}:///system")), "{name}: {message}");
        assert!(message.contains("no driver plugin for scheme"), "{name}: {message}");
        assert_eq!(house.held(), 0, "{name}");
    }
    Ok(())
}

#[test]
fn ports_outlive_a_daemon_as_long_as_their_guests_do() -> Outcome {
    let (Some(mut house), Some(bridge)) = (House::start()?, Bridge::new()) else { return Ok(()) };
    house.lay("networks/lan", &format!("<plug type='network' bridge='{}'/>", bridge.0))?;
    for (name, last) in [("stays", 1), ("goes", 2)] {
        house.host.define(&guest(name, &card("lan", last, "")))?;
        house.host.virsh(&["start", name])?;
    }
    let before = house.dumpxml("stays")?;
    let goes = house.host.sandbox.guest_pid("goes")?;
    house.host.sandbox.kill();
    process::signal(goes, rustix::process::Signal::KILL);
    process::wait_for("the guest to be gone", SOON, || (!process::alive(goes)).then_some(()))?;
    assert_eq!(house.lies("ports/lan").len(), 2);
    // The network forgets a port meanwhile.
    for port in house.lies("ports/lan").iter().filter(|port| before.contains(*port)) {
        fs::remove_file(house.shelf().join("ports/lan").join(port)).map_err(|e| e.to_string())?;
    }
    house.host.sandbox.launch()?;
    let known = |house: &House| {
        let ports = house.lies("ports/lan");
        (ports.len() == 1 && before.contains(&ports[0])).then_some(())
    };
    process::wait_for("the port of the guest that runs, and no other", SOON, || known(&house))
        .map_err(|e| house.host.sandbox.explain(&e))?;
    assert_eq!(house.dumpxml("stays")?, before);
    house.host.virsh(&["destroy", "stays"])?;
    assert_eq!((house.lies("ports/lan").len(), house.held()), (0, 0));
    Ok(())
}

#[test]
fn filters_are_bound_while_the_guest_runs() -> Outcome {
    let (Some(house), Some(bridge)) = (House::start()?, Bridge::new()) else { return Ok(()) };
    house.lay("networks/lan", &format!("<plug type='network' bridge='{}'/>", bridge.0))?;
    let filter = "<filterref filter='clean'><parameter name='IP' value='10.0.0.7'/></filterref>";
    house.host.define(&guest("web", &card("lan", 1, filter)))?;
    house.host.virsh(&["start", "web"])?;
    assert_eq!(house.lies("bindings"), bridge.ports()?);
    let text = fs::read_to_string(house.shelf().join("bindings").join(&house.lies("bindings")[0]));
    let text = text.map_err(|e| e.to_string())?;
    assert!(text.contains("<name>web</name>") && text.contains("value='10.0.0.7'"), "{text}");
    house.host.virsh(&["destroy", "web"])?;
    assert_eq!((house.lies("bindings").len(), house.held()), (0, 0));
    Ok(())
}

#[test]
fn leases_and_listeners_come_from_the_network() -> Outcome {
    let (Some(house), Some(bridge)) = (House::start()?, Bridge::new()) else { return Ok(()) };
    let mut ip = Command::new("ip");
    ip.args(["addr", "add", "127.51.7.1/32", "dev", &bridge.0]);
    process::succeed(&mut ip, "ip", SOON)?;
    process::succeed(Command::new("ip").args(["link", "set", &bridge.0, "up"]), "ip", SOON)?;
    house.lay("networks/lan", &format!("<plug type='network' bridge='{}'/>", bridge.0))?;
    house.lay("networks/lan.leases", "52:54:00:0e:51:01 10.9.8.7 24\n52:54:00:0e:51:02 10.9.8.8 24\n")?;
    let screen = "<graphics type='vnc' autoport='yes'><listen type='network' network='lan'/></graphics>";
    house.host.define(&guest("web", &(card("lan", 1, "") + screen)))?;
    house.host.virsh(&["start", "web"])?;
    let leases = house.host.virsh(&["domifaddr", "web", "--source", "lease"])?;
    assert!(leases.contains("10.9.8.7/24") && !leases.contains("10.9.8.8"), "{leases}");
    let live = house.dumpxml("web")?;
    assert!(live.contains("<listen type='network' address='127.51.7.1' network='lan'/>"), "{live}");
    assert!(house.host.virsh(&["vncdisplay", "web"])?.starts_with("127.51.7.1:"));
    Ok(())
}

#[test]
fn volumes_are_disks_from_start_to_end() -> Outcome {
    let Some(mut house) = House::start()? else { return Ok(()) };
    let path = house.pool()?;
    house.host.define(&guest("store", &on_volume("vda", "")))?;
    house.host.virsh(&["start", "store"])?;
    let live = house.dumpxml("store")?;
    assert!(live.contains("<disk type='volume'") && live.contains("pool='images' volume='one'"), "{live}");
    assert!(!live.contains(&path), "{live}");
    let info = house.host.virsh(&["domblkinfo", "store", "vda"])?;
    assert_eq!(super::field(&info, "Capacity"), "4194304", "{info}");
    let status = house.host.sandbox.root().join("run/libvirt/qemu/store.xml");
    let noted = fs::read_to_string(&status).map_err(|e| e.to_string())?;
    assert!(noted.contains(&format!("pool='images' volume='one' actualType='file' file='{path}'")), "{noted}");

    house.lay("pools/images.volumes/two", &format!("0 {path}2"))?;
    house.qemu_img(&["create", "-q", "-f", "raw", &format!("{path}2"), "2M"])?;
    let second = on_volume("vdb", "").replace("'one'", "'two'");
    let file = house.write("disk.xml", &second)?;
    house.host.virsh(&["attach-device", "store", &file, "--live"])?;
    // A new daemon knows where they are without asking.
    house.host.sandbox.kill();
    fs::remove_file(house.shelf().join("pools/images")).map_err(|e| e.to_string())?;
    house.host.sandbox.launch()?;
    assert_eq!(super::field(&house.host.virsh(&["domblkinfo", "store", "vdb"])?, "Capacity"), "2097152");
    house.host.virsh(&["destroy", "store"]).map(drop)
}

#[test]
fn volumes_that_are_not_there_are_told_or_done_without() -> Outcome {
    let Some(house) = House::start()? else { return Ok(()) };
    house.pool()?;
    let missing = on_volume("vda", "").replace("'one'", "'none'");
    house.lay("pools/asleep", "inactive")?;
    house.lay("pools/asleep.volumes/one", "0 /nonexistent")?;
    for (name, devices, says) in [
        ("a", missing.clone(), "none"),
        ("b", on_volume("vda", "").replace("'images'", "'nowhere'"), "nowhere"),
        (
            "c",
            on_volume("vda", "").replace("'images'", "'asleep'"),
            "storage pool 'asleep' containing volume 'one' is not active",
        ),
    ] {
        house.host.define(&guest(name, &devices))?;
        let message = house.host.refused(&["start", name])?;
        assert!(message.contains(says), "{name}: {message}");
    }
    let optional = on_volume("vda", " startupPolicy='optional'").replace("'images'", "'asleep'");
    house.host.define(&guest("d", &(optional + &on_volume("vdb", ""))))?;
    house.host.virsh(&["start", "d"])?;
    let disks = house.host.virsh(&["domblklist", "d"])?;
    assert!(!disks.contains("vda") && disks.contains("vdb"), "{disks}");
    Ok(())
}

/// A locked image opens, and nobody sees what opens it.
fn opens_what_is_locked(house: &House) -> Outcome {
    let xml = locked(house, "safe")?;
    house.host.define(&xml)?;
    let message = house.host.refused(&["start", "safe"])?;
    assert!(message.contains("Secret not found") && message.contains(SECRET), "{message}");
    house.lay(&format!("secrets/{SECRET}"), &format!("1\n/images/safe\nprivate\n{VALUE}\n"))?;
    house.host.virsh(&["start", "safe"])?;
    assert_eq!(house.host.state("safe")?, "running (booted)");

    // The same, later and by what it is for.
    let path = house.host.sandbox.root().join("late.luks").display().to_string();
    fs::copy(house.host.sandbox.root().join("safe.luks"), &path).map_err(|e| e.to_string())?;
    let late = format!(
        "<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{path}'><encryption \
         format='luks'><secret type='passphrase' usage='/images/safe'/></encryption></source>\
         <target dev='vdb' bus='virtio'/></disk>"
    );
    let file = house.write("disk.xml", &late)?;
    house.host.virsh(&["attach-device", "safe", &file, "--live"])?;
    let wrong = house.write("disk.xml", &late.replace("vdb", "vdc").replace("/images/safe", "/images/other"))?;
    let message = house.host.refused(&["attach-device", "safe", &wrong, "--live"])?;
    assert!(message.contains("Secret not found"), "{message}");

    // A client does not get it, and it is written nowhere.
    let secrets = house.host.sandbox.uri("secret", "/system");
    let asked = house.host.sandbox.virsh(&secrets, &["secret-get-value", SECRET])?;
    assert!(!asked.status.success() && asked.stderr.contains("private"), "{}", asked.text());
    for folder in ["run", "var"] {
        assert_eq!(is_in(&house.host.sandbox.root().join(folder), VALUE), None);
    }
    let log = fs::read_to_string(house.host.sandbox.root().join("daemon.log")).map_err(|e| e.to_string())?;
    assert!(!log.contains(VALUE));
    let pid = house.host.sandbox.guest_pid("safe")?;
    let words = fs::read(format!("/proc/{pid}/cmdline")).map_err(|e| e.to_string())?;
    assert!(!String::from_utf8_lossy(&words).contains(VALUE));
    house.host.virsh(&["destroy", "safe"]).map(drop)
}

#[test]
fn secrets_open_images_and_show_nowhere() -> Outcome {
    let Some(house) = House::start()? else { return Ok(()) };
    opens_what_is_locked(&house)
}

#[test]
fn a_secret_closes_the_state_of_a_tpm() -> Outcome {
    let Some(house) = House::start()? else { return Ok(()) };
    if skip::lacks(&["swtpm", "swtpm_setup"]) {
        return Ok(());
    }
    let tpm = format!(
        "<tpm model='tpm-crb'><backend type='emulator' version='2.0' persistent_state='yes'>\
         <encryption secret='{SECRET}'/></backend></tpm>"
    );
    house.host.define(&guest("sealed", &tpm))?;
    let message = house.host.refused(&["start", "sealed"])?;
    assert!(message.contains("Secret not found"), "{message}");
    let secret = |value: &str| house.lay(&format!("secrets/{SECRET}"), &format!("5\nsealed\nprivate\n{value}\n"));
    secret(VALUE)?;
    for _ in 0..2 {
        house.host.virsh(&["start", "sealed"])?;
        house.host.virsh(&["destroy", "sealed"])?;
    }
    for folder in ["run", "var"] {
        assert_eq!(is_in(&house.host.sandbox.root().join(folder), VALUE), None);
    }
    // Nothing else opens what it closed.
    secret("another-value")?;
    house.host.refused(&["start", "sealed"])?;
    secret(VALUE)?;
    house.host.virsh(&["start", "sealed"]).map(drop)
}

#[test]
fn drivers_in_processes_of_their_own_reach_each_other() -> Outcome {
    let (Some(house), Some(bridge)) = (House::with(true, "isolation = \"process\"\n")?, Bridge::new()) else {
        return Ok(());
    };
    lives_on_its_network(&house, &bridge)?;
    opens_what_is_locked(&house)?;
    // The other driver's process ends, and the next guest starts all the same.
    let hosts_them = |pid: &i32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains("neighbour_drivers")
    };
    let pid = process::children(house.host.sandbox.pid()).into_iter().find(hosts_them).ok_or("it has no process")?;
    process::signal(pid, rustix::process::Signal::KILL);
    process::wait_for("another process", SOON, || {
        process::children(house.host.sandbox.pid()).into_iter().find(|other| hosts_them(other) && *other != pid)
    })?;
    house.host.virsh(&["start", "web"])?;
    assert_eq!(house.lies("ports/lan").len(), 1);
    Ok(())
}

#[test]
fn a_driver_that_hangs_costs_its_caller_a_limit_and_others_nothing() -> Outcome {
    let Some(house) = House::start()? else { return Ok(()) };
    house.lay("networks/lan", "<plug type='network' bridge='oxi-no-bridge'/>")?;
    house.host.define(&guest("web", &card("lan", 1, "")))?;
    house.lay("hang", "")?;
    let message = std::thread::scope(|scope| {
        let starting = scope.spawn(|| house.host.refused(&["start", "web"]));
        // While that one waits.
        house.host.virsh(&["list", "--all"])?;
        house.host.virsh(&["dominfo", "web"])?;
        house.host.start_idle("other")?;
        starting.join().map_err(|_| "the client panicked".to_owned())?
    })?;
    assert!(message.contains("network:///system did not answer"), "{message}");
    fs::remove_file(house.shelf().join("hang")).map_err(|e| e.to_string())?;
    // It is asked again as if nothing had been.
    let message = house.host.refused(&["start", "web"])?;
    assert!(message.contains("oxi-no-bridge"), "{message}");
    Ok(())
}
