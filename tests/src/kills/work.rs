//! What is done with guests, and what has to be true once it was reported as done.

use std::fs;
use std::path::PathBuf;

use super::look::{Guest, Look, RUNNING};
use super::network::BRIDGE;
use crate::fixture::DOMAIN_TYPE;
use crate::load::Sequence;
use crate::sandbox::Sandbox;

/// The guests that are worked on.
const SLOTS: &[Slot] = &[
    Slot { name: "p0", machine: "pc", kind: Kind::Stored },
    Slot { name: "p1", machine: "pc", kind: Kind::Stored },
    Slot { name: "p2", machine: "q35", kind: Kind::Stored },
    Slot { name: "t0", machine: "pc", kind: Kind::Transient },
    Slot { name: "t1", machine: "pc", kind: Kind::Transient },
    Slot { name: "r0", machine: "pc", kind: Kind::Renamed("r1") },
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Stored,
    Transient,
    /// Never started, and called by one of two names.
    Renamed(&'static str),
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    name: &'static str,
    machine: &'static str,
    kind: Kind,
}

/// One command of virsh.
#[derive(Debug, Clone)]
pub(super) struct Work {
    /// Which kind of work it is; such take about the same time.
    pub(super) kind: &'static str,
    /// For people.
    pub(super) name: String,
    words: Vec<String>,
    guests: Vec<String>,
    expected: Vec<Expected>,
}

/// What is true of the first guest of a piece of work once that is done.
#[derive(Debug, Clone)]
enum Expected {
    Active(bool),
    Running(bool),
    Persistent(bool),
    Autostart(bool),
    There(String, bool),
    /// The XML of the running guest has a text or not.
    Live(String, bool),
    /// The stored one.
    Stored(String, bool),
}

impl Work {
    pub(super) fn words(&self) -> Vec<&str> {
        self.words.iter().map(String::as_str).collect()
    }

    pub(super) fn touches(&self, guest: &str) -> bool {
        self.guests.iter().any(|name| name == guest)
    }

    /// What was reported as done and is not in effect.
    pub(super) fn is_missing_in(&self, look: &Look) -> Vec<String> {
        let guest = self.guests.first().and_then(|name| look.domains.get(name));
        let holds = |expected: &Expected| match (expected, guest) {
            (Expected::There(name, there), _) => look.domains.contains_key(name) == *there,
            // A transient guest that ended is gone, and so is one without a definition.
            (Expected::Active(false), None) => true,
            (_, None) => false,
            (Expected::Active(active), Some(guest)) => guest.active == *active,
            (Expected::Running(running), Some(guest)) => (guest.state == RUNNING) == *running && guest.active,
            (Expected::Persistent(persistent), Some(guest)) => guest.persistent == *persistent,
            (Expected::Autostart(autostart), Some(guest)) => guest.autostart == *autostart,
            (Expected::Live(text, has), Some(guest)) => guest.active && guest.xml.contains(text) == *has,
            (Expected::Stored(text, has), Some(guest)) => guest.inactive.contains(text) == *has,
        };
        let missing = self.expected.iter().filter(|expected| !holds(expected));
        missing.map(|expected| format!("{} was reported as done, and is not: {expected:?}", self.name)).collect()
    }
}

/// What guests are made of.
pub(super) struct World {
    folder: PathBuf,
    cards: bool,
    /// Counts definitions, so that each differs from the one before.
    turn: u32,
}

impl World {
    /// Lays out images; `cards` says whether guests have network cards.
    pub(super) fn new(sandbox: &Sandbox, cards: bool) -> Result<World, String> {
        let folder = sandbox.root().join("images");
        fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        let world = World { folder, cards, turn: 0 };
        for slot in SLOTS {
            for image in ["a", "u", "s", "m1", "m2"] {
                let file = world.image(slot.name, image);
                fs::write(&file, vec![0; 64 * 1024]).map_err(|e| format!("{file}: {e}"))?;
            }
        }
        Ok(world)
    }

    /// Between one and three pieces of work, each on another guest.
    pub(super) fn choose(&mut self, chance: &mut Sequence, look: &Look) -> Result<Vec<Work>, String> {
        let wanted = 1 + chance.below(3);
        let mut slots: Vec<Slot> = SLOTS.to_vec();
        let mut chosen = Vec::new();
        while chosen.len() < wanted && !slots.is_empty() {
            let slot = slots.remove(chance.below(slots.len()));
            let all = self.possible(slot, look)?;
            if !all.is_empty() {
                // One kind of work as often as another, however many variants it has.
                let mut kinds: Vec<&str> = all.iter().map(|work| work.kind).collect();
                kinds.dedup();
                let kind = *chance.pick(&kinds);
                let of_kind: Vec<&Work> = all.iter().filter(|work| work.kind == kind).collect();
                chosen.push((*chance.pick(&of_kind)).clone());
            }
        }
        Ok(chosen)
    }

    fn possible(&mut self, slot: Slot, look: &Look) -> Result<Vec<Work>, String> {
        let name = slot.name;
        if let Kind::Renamed(other) = slot.kind {
            return self.of_a_renamed(slot, other, look);
        }
        match (look.domains.get(name), slot.kind) {
            (None, Kind::Transient) => {
                let (file, _) = self.definition(slot)?;
                let created = |words: &[&str], running| {
                    let mut all = vec!["create", &file];
                    all.extend(words);
                    work("create", name, &all, vec![Expected::Running(running), Expected::Persistent(false)])
                };
                Ok(vec![created(&[], true), created(&["--paused"], false)])
            }
            (None, _) => Ok(vec![self.define(slot)?]),
            (Some(guest), Kind::Transient) => self.of_a_running(slot, guest),
            (Some(guest), _) => {
                let mut all = match guest.active {
                    true => self.of_a_running(slot, guest)?,
                    false => self.of_one_that_is_off(slot, guest)?,
                };
                all.push(self.define(slot)?);
                if guest.persistent {
                    all.push(work(
                        "undefine",
                        name,
                        &["undefine", name],
                        match guest.active {
                            true => vec![Expected::Persistent(false), Expected::Active(true)],
                            false => vec![Expected::There(name.to_owned(), false)],
                        },
                    ));
                    let kib = (24 + self.turn % 24) * 1024;
                    all.push(work(
                        "setmem --config",
                        name,
                        &["setmem", name, &kib.to_string(), "--config"],
                        vec![Expected::Stored(format!("<currentMemory unit='KiB'>{kib}</currentMemory>"), true)],
                    ));
                    all.push(autostart(name, guest));
                }
                Ok(all)
            }
        }
    }

    fn of_a_renamed(&mut self, slot: Slot, other: &str, look: &Look) -> Result<Vec<Work>, String> {
        let (first, second) = (look.domains.get(slot.name), look.domains.get(other));
        let (now, next, guest) = match (first, second) {
            (Some(guest), _) => (slot.name, other, guest),
            (None, Some(guest)) => (other, slot.name, guest),
            (None, None) => return Ok(vec![self.define(slot)?]),
        };
        let mut rename = work(
            "domrename",
            now,
            &["domrename", now, next],
            vec![Expected::There(now.to_owned(), false), Expected::There(next.to_owned(), true)],
        );
        rename.guests.push(next.to_owned());
        Ok(vec![rename, autostart(now, guest)])
    }

    fn of_one_that_is_off(&mut self, slot: Slot, guest: &Guest) -> Result<Vec<Work>, String> {
        let name = slot.name;
        let mut all = vec![
            work("start", name, &["start", name], vec![Expected::Running(true)]),
            work("start", name, &["start", name, "--paused"], vec![Expected::Active(true), Expected::Running(false)]),
        ];
        let (device, text) = self.device(slot, "u", "sdu", "usb")?;
        all.push(plug(name, &device, &text, guest.inactive.contains(&text), "--config", Expected::Stored));
        Ok(all)
    }

    fn of_a_running(&mut self, slot: Slot, guest: &Guest) -> Result<Vec<Work>, String> {
        let name = slot.name;
        let mut all = vec![
            work("destroy", name, &["destroy", name], vec![Expected::Active(false)]),
            work("reset", name, &["reset", name], vec![Expected::Active(true)]),
            work("setmem --live", name, &["setmem", name, "40960", "--live"], vec![Expected::Active(true)]),
        ];
        match guest.state == RUNNING {
            true => {
                all.push(work("suspend", name, &["suspend", name], vec![Expected::Running(false)]));
                all.push(work("shutdown", name, &["shutdown", name], vec![Expected::Active(true)]));
            }
            false => all.push(work("resume", name, &["resume", name], vec![Expected::Running(true)])),
        }
        for (image, target, bus) in [("u", "sdu", "usb"), ("s", "sdv", "scsi")] {
            let (device, text) = self.device(slot, image, target, bus)?;
            let there = guest.xml.contains(&text);
            all.push(plug(name, &device, &text, there, "--live", Expected::Live));
            // One that was stored already cannot be stored again, and the other way round.
            if guest.persistent && guest.inactive.contains(&text) == there {
                let mut both = plug(name, &device, &text, there, "--live", Expected::Live);
                both.words.push("--config".to_owned());
                both.expected.push(Expected::Stored(text.clone(), !there));
                both.name.push_str(" --config");
                all.push(both);
            }
        }
        if self.cards {
            let (device, mac) = self.card(slot)?;
            all.push(plug(name, &device, &mac, guest.xml.contains(&mac), "--live", Expected::Live));
        }
        all.extend(self.media(slot, guest));
        Ok(all)
    }

    fn media(&self, slot: Slot, guest: &Guest) -> Vec<Work> {
        let name = slot.name;
        let target = if slot.machine == "pc" { "hdc" } else { "sdc" };
        let images = [self.image(name, "m1"), self.image(name, "m2")];
        let inside = images.iter().position(|image| guest.xml.contains(image.as_str()));
        let change = |words: &[&str], expected| {
            let mut all = vec!["change-media", name, target];
            all.extend(words);
            all.push("--live");
            work("change-media", name, &all, expected)
        };
        match inside {
            None => images.iter().map(|i| change(&[i, "--insert"], vec![Expected::Live(i.clone(), true)])).collect(),
            Some(at) => {
                let (old, new) = (&images[at], &images[1 - at]);
                let gone = Expected::Live(old.clone(), false);
                vec![
                    change(&["--eject"], vec![gone.clone()]),
                    change(&[new, "--update"], vec![gone, Expected::Live(new.clone(), true)]),
                ]
            }
        }
    }

    fn define(&mut self, slot: Slot) -> Result<Work, String> {
        let (file, title) = self.definition(slot)?;
        let expected = vec![Expected::Persistent(true), Expected::Stored(title, true)];
        Ok(work("define", slot.name, &["define", &file], expected))
    }

    /// Writes a new definition; gives its file and what tells it from others.
    fn definition(&mut self, slot: Slot) -> Result<(String, String), String> {
        self.turn += 1;
        let Slot { name, machine, .. } = slot;
        let title = format!("<title>turn {}</title>", self.turn);
        let number = number(slot);
        let (drive, bus) = if machine == "pc" { ("hdc", "ide") } else { ("sdc", "sata") };
        let card = match self.cards {
            true => format!(
                "<interface type='bridge'><mac address='52:54:00:6b:00:{number:02x}'/><source bridge='{BRIDGE}'/>\
                 <model type='virtio'/></interface>"
            ),
            false => String::new(),
        };
        let image = self.image(name, "a");
        let xml = format!(
            "<domain type='{DOMAIN_TYPE}'>
  <name>{name}</name>
  <uuid>6b11a000-0000-4000-8000-0000000000{number:02x}</uuid>
  {title}
  <memory unit='MiB'>48</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='{machine}'>hvm</type></os>
  <features><acpi/></features>
  <devices>
    <controller type='usb' model='qemu-xhci' ports='8'/>
    <controller type='scsi' index='0' model='virtio-scsi'/>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/>
      <source file='{image}'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <disk type='file' device='cdrom'>
      <driver name='qemu' type='raw'/>
      <target dev='{drive}' bus='{bus}'/>
      <readonly/>
    </disk>
    <serial type='pty'/>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
    {card}
  </devices>
</domain>
"
        );
        self.write(&format!("{name}.xml"), &xml).map(|file| (file, title))
    }

    fn device(&self, slot: Slot, image: &str, target: &str, bus: &str) -> Result<(String, String), String> {
        let file = self.image(slot.name, image);
        let xml = format!(
            "<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{file}'/>\
             <target dev='{target}' bus='{bus}'/></disk>"
        );
        self.write(&format!("{}-{image}.xml", slot.name), &xml).map(|written| (written, file))
    }

    fn card(&self, slot: Slot) -> Result<(String, String), String> {
        let mac = format!("52:54:00:6b:01:{:02x}", number(slot));
        let xml = format!(
            "<interface type='bridge'><mac address='{mac}'/><source bridge='{BRIDGE}'/><model type='usb-net'/>\
             <address type='usb'/></interface>"
        );
        self.write(&format!("{}-card.xml", slot.name), &xml).map(|file| (file, mac))
    }

    fn image(&self, guest: &str, which: &str) -> String {
        self.folder.join(format!("{guest}-{which}.img")).display().to_string()
    }

    /// A file that nothing else is written to while a client may read it.
    fn write(&self, name: &str, text: &str) -> Result<String, String> {
        let file = self.folder.join(name);
        fs::write(&file, text).map_err(|e| format!("{}: {e}", file.display()))?;
        Ok(file.display().to_string())
    }
}

fn number(slot: Slot) -> usize {
    SLOTS.iter().position(|other| other.name == slot.name).unwrap_or_default()
}

fn work(kind: &'static str, guest: &str, words: &[&str], expected: Vec<Expected>) -> Work {
    let short = |word: &&str| word.rsplit('/').next().unwrap_or(word).to_owned();
    Work {
        kind,
        name: words.iter().map(short).collect::<Vec<_>>().join(" "),
        words: words.iter().map(|word| (*word).to_owned()).collect(),
        guests: vec![guest.to_owned()],
        expected,
    }
}

fn autostart(name: &str, guest: &Guest) -> Work {
    let mut words = vec!["autostart", name];
    if guest.autostart {
        words.push("--disable");
    }
    work("autostart", name, &words, vec![Expected::Autostart(!guest.autostart)])
}

/// Plugs a device in, or unplugs it when it is there.
fn plug(
    name: &str,
    device: &str,
    text: &str,
    there: bool,
    which: &str,
    expected: fn(String, bool) -> Expected,
) -> Work {
    let (kind, command) = if there { ("detach-device", "detach-device") } else { ("attach-device", "attach-device") };
    work(kind, name, &[command, name, device, which], vec![expected(text.to_owned(), !there)])
}
