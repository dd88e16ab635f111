//! What every driver fills in the same way.

use std::collections::{BTreeMap, HashMap, HashSet};

use oxivirt_core::{Error, Result};

use super::devices::{
    AccessMode, Address, ChannelTarget, CharKind, Console, Controller, ControllerType, DeviceMut, Devices, Disk,
    DiskBus, DiskDevice, DriveAddress, FilesystemDriverType, Graphics, GraphicsKind, HostdevSource, InputBus,
    InputType, Listen, MacAddress, MemoryModel, RngBackend, Serial, SmartcardKind, SnapshotLocation, StorageKind,
    Video, VideoType, VirtualPort, VirtualPortType, VsockCid,
};
use super::{
    BootDevice, DomainDefinition, DomainHooks, DomainType, GenId, LoaderType, MemoryAccess, NumaMemory, NumaPlacement,
    OsBoot, OsType, ParseFlags, VcpuEntry, VcpuPlacement,
};
use crate::xml::{KiB, YesNo};

/// The phases between reading and checking, in their order.
pub(super) fn run(def: &mut DomainDefinition, flags: ParseFlags, hooks: &dyn DomainHooks) -> Result<()> {
    sort_disks(&mut def.devices.disks);
    complete_vcpus(def);
    automatic_placement(def);
    def.numatune.take_if(|tune| !tune.says_something());
    if let Some(loader) = def.os.loader.as_mut().filter(|loader| loader.path.is_some()) {
        loader.kind.get_or_insert(LoaderType::Rom);
    }
    hooks.basic_post_parse(def, flags)?;
    if flags.has(ParseFlags::INACTIVE) {
        def.seclabels.retain(|label| label.is_configured());
    }
    memory(def, flags)?;
    boot(def);
    cputune(def)?;
    Devices::visit(def, |device, def| one(device, def, flags, hooks))?;
    number_devices(def)?;
    hooks.definition_post_parse(def, flags)?;
    implied_console(def);
    complete_videos(def);
    // Consoles are numbered by their order, whatever the document says; one
    // that is a serial port has the number of that.
    for (port, console) in (0..).zip(&mut def.devices.consoles) {
        if console.port.is_none() || console.target_type.as_deref() != Some("serial") {
            console.port = Some(port);
        }
    }
    if hooks.adds_implied_controllers() {
        place_scsi_host_devices(&mut def.devices);
        implied_controllers(def);
    }
    sort_controllers(&mut def.devices.controllers);
    assign_places(def);
    hooks.assign_addresses(def, flags)?;
    primary_video(def);
    if let Some(GenId::Generated(id)) = def.genid {
        def.genid = Some(GenId::Given(id));
    }
    Ok(())
}

/// Disks of one bus stand together, in the order of their targets.
fn sort_disks(disks: &mut [Disk]) {
    let mut buses = Vec::new();
    for disk in disks.iter() {
        if !buses.contains(&disk.target.bus) {
            buses.push(disk.target.bus);
        }
    }
    disks.sort_by_cached_key(|disk| (buses.iter().position(|bus| *bus == disk.target.bus), disk.index()));
}

/// Controllers of one type stand together by their numbers, a USB master in
/// front of its companions.
fn sort_controllers(controllers: &mut [Controller]) {
    let mut kinds = Vec::new();
    for controller in controllers.iter() {
        if !kinds.contains(&controller.kind) {
            kinds.push(controller.kind);
        }
    }
    controllers.sort_by_key(|c| {
        let companion = c.kind == ControllerType::Usb && c.info.master_start_port.is_some();
        (kinds.iter().position(|kind| *kind == c.kind), c.index, companion)
    });
}

/// A list of CPUs names all of them, and says how many there are at the start.
fn complete_vcpus(def: &mut DomainDefinition) {
    if def.vcpus.is_empty() {
        return;
    }
    let given: HashMap<u32, VcpuEntry> = def.vcpus.drain(..).map(|entry| (entry.id, entry)).collect();
    // What is beyond the maximum stays, for the checks to refuse.
    let beyond = given.values().filter(|entry| entry.id >= def.vcpu.maximum).cloned();
    let mut beyond: Vec<_> = beyond.collect();
    beyond.sort_by_key(|entry| entry.id);
    for id in 0..def.vcpu.maximum.min(MOST_VCPUS) {
        let unplugged = || VcpuEntry { id, hotpluggable: Some(YesNo::Yes), ..VcpuEntry::default() };
        let mut entry = given.get(&id).cloned().unwrap_or_else(unplugged);
        entry.hotpluggable.get_or_insert(if entry.enabled.is_yes() { YesNo::No } else { YesNo::Yes });
        def.vcpus.push(entry);
    }
    let current = def.vcpus.iter().filter(|entry| entry.enabled.is_yes()).count();
    def.vcpu.current = u32::try_from(current).unwrap_or(u32::MAX);
    def.vcpus.append(&mut beyond);
}

/// Most CPUs of a list that is completed; no hypervisor has so many.
const MOST_VCPUS: u32 = 16_384;

/// CPUs that the host places take their memory from where they are placed.
fn automatic_placement(def: &mut DomainDefinition) {
    if def.vcpu.placement != VcpuPlacement::Auto {
        return;
    }
    let tune = def.numatune.get_or_insert_default();
    if tune.memory.is_none() && tune.nodes.is_empty() {
        let placement = Some(NumaPlacement::Auto);
        tune.memory = Some(NumaMemory { placement, ..NumaMemory::default() });
    }
    if let Some(memory) = tune.memory.as_mut().filter(|m| m.placement.is_none() && m.nodeset.is_none()) {
        memory.placement = Some(NumaPlacement::Auto);
    }
}

/// Without any port SPICE listens nowhere.
fn silent_spice(graphics: &mut Graphics) {
    let GraphicsKind::Spice(spice) = &graphics.kind else { return };
    let ports = spice.port != 0 || spice.tls_port != 0 || spice.autoport;
    if !ports && matches!(graphics.listens.first(), None | Some(Listen::Address { .. })) {
        graphics.listens = vec![Listen::None];
    }
}

/// A screen needs a video card, and each card has memory and heads.
fn complete_videos(def: &mut DomainDefinition) {
    let kind = match def.kind {
        DomainType::Test | DomainType::Xen if def.os.is_hvm() => VideoType::Cirrus,
        DomainType::Test | DomainType::Xen => VideoType::Xen,
        DomainType::Vbox => VideoType::Vbox,
        DomainType::VmWare => VideoType::Vmvga,
        DomainType::Bhyve => VideoType::Gop,
        DomainType::Vz | DomainType::Parallels if def.os.is_hvm() => VideoType::Vga,
        DomainType::Vz | DomainType::Parallels => VideoType::Parallels,
        // The driver's own choice.
        _ => VideoType::Default,
    };
    let devices = &mut def.devices;
    if devices.videos.is_empty() && !devices.graphics.is_empty() && kind != VideoType::Default {
        devices.videos.push(Video::default());
    }
    for Video { model, .. } in &mut devices.videos {
        if model.kind == VideoType::Default {
            model.kind = kind;
        }
        // In KiB.
        let (ram, vram) = match model.kind {
            VideoType::None | VideoType::Default => continue,
            VideoType::Qxl => (Some(65_536), Some(65_536)),
            VideoType::Vga | VideoType::Cirrus | VideoType::Vmvga | VideoType::Bochs | VideoType::Gop => {
                (None, Some(16_384))
            }
            VideoType::Vbox => (None, Some(8_192)),
            VideoType::Xen => (None, Some(4_096)),
            _ => (None, None),
        };
        model.ram = model.ram.or(ram);
        model.vram = model.vram.or(vram);
        model.heads = model.heads.or(Some(1));
    }
}

/// The size comes from the document; from the NUMA nodes and modules where
/// it has none, or where the document may change to today's defaults. The
/// balloon starts full.
fn memory(def: &mut DomainDefinition, flags: ParseFlags) -> Result<()> {
    let modules = def.devices.memories.iter().fold(0_u64, |sum, m| sum.saturating_add(m.target.size.0));
    let mut numa = 0_u64;
    if let Some(nodes) = def.cpu.as_mut().and_then(|c| c.numa.as_mut()) {
        nodes.complete_ids()?;
        for cell in &nodes.cells {
            numa = numa.saturating_add(cell.memory.0);
        }
        nodes.cells.sort_by_key(|cell| cell.id);
        nodes.complete_distances();
    }
    if numa > 0 && (def.memory.0 == 0 || flags.has(ParseFlags::ABI_UPDATE)) {
        def.memory = KiB(numa.saturating_add(modules));
    } else if modules > def.memory.0 {
        return Err(Error::xml("Total size of memory devices exceeds the total memory size"));
    }
    if def.memory.0 == modules {
        return Err(Error::xml("Memory size must be specified via <memory> or in the <numa> configuration"));
    }
    if def.current_memory.0 == 0 || def.current_memory.0 > def.memory.0 {
        def.current_memory = def.memory;
    }
    Ok(())
}

/// Without any boot order a virtual machine boots from its hard disk.
fn boot(def: &mut DomainDefinition) {
    // Without a menu nobody waits for a choice.
    if let Some(menu) = def.os.bootmenu.as_mut().filter(|m| m.enable != Some(YesNo::Yes)) {
        menu.timeout = None;
    }
    let per_device = def.devices.iter().any(|d| d.info().is_some_and(|i| i.boot.is_some()));
    let hvm = def.os.kind.kind == Some(OsType::Hvm);
    if hvm && def.os.boot.is_empty() && !per_device && def.bootloader.is_none() {
        def.os.boot.push(OsBoot { dev: BootDevice::Hd });
    }
}

/// Shares for CPUs that the domain does not have are dropped; two shares for
/// one CPU are refused.
fn cputune(def: &mut DomainDefinition) -> Result<()> {
    let maximum = def.vcpu.maximum;
    let Some(tune) = &mut def.cputune else { return Ok(()) };
    tune.vcpupin.retain(|pin| pin.vcpu < maximum);
    for share in &mut tune.cachetune {
        share.vcpus.truncate(maximum);
    }
    for share in &mut tune.memorytune {
        share.vcpus.truncate(maximum);
    }
    tune.cachetune.retain(|share| !share.vcpus.is_empty());
    tune.memorytune.retain(|share| !share.vcpus.is_empty());
    Ok(())
}

/// The defaults of one device; the list of its kind in `def` is empty.
pub(super) fn one(
    mut device: DeviceMut<'_>,
    def: &DomainDefinition,
    flags: ParseFlags,
    hooks: &dyn DomainHooks,
) -> Result<()> {
    hooks.device_post_parse(device.reborrow(), def, flags)?;
    generic_device(device, def, hooks)
}

fn generic_device(device: DeviceMut<'_>, def: &DomainDefinition, hooks: &dyn DomainHooks) -> Result<()> {
    match device {
        DeviceMut::Disk(disk) => {
            disk_bus(disk, def);
            disk.readonly |= disk.device == DiskDevice::CdRom;
            disk_source(disk);
        }
        DeviceMut::Interface(interface) => {
            // All zero stands for none.
            interface.mac = interface.mac.filter(|mac| *mac != MacAddress::default());
            interface.mac.get_or_insert_with(|| generated_mac(hooks.mac_prefix()));
            if let Some(port) = interface.virtualport.as_mut() {
                name_port(port);
            }
        }
        DeviceMut::Memory(memory) if memory.model == MemoryModel::VirtioPmem => {
            memory.access.get_or_insert(MemoryAccess::Shared);
        }
        DeviceMut::Filesystem(fs) if fs.driver.kind != Some(FilesystemDriverType::Virtiofs) => {
            fs.accessmode.get_or_insert(AccessMode::Passthrough);
        }
        DeviceMut::Graphics(graphics) => silent_spice(graphics),
        DeviceMut::Rng(rng) => {
            if let RngBackend::Random(path @ None) = &mut rng.backend {
                *path = Some("/dev/random".to_owned());
            }
        }
        DeviceMut::Vsock(vsock) => {
            vsock.cid.get_or_insert(VsockCid { auto: Some(YesNo::Yes), address: None });
        }
        DeviceMut::Input(input) if input.bus.is_none() => {
            input.bus = Some(match input.kind {
                InputType::Passthrough => InputBus::Virtio,
                InputType::Evdev => InputBus::None,
                InputType::Mouse | InputType::Keyboard if is_x86(def) => InputBus::Ps2,
                _ => InputBus::Usb,
            });
        }
        _ => {}
    }
    Ok(())
}

/// A port of a switch is known by an id of its own.
fn name_port(port: &mut VirtualPort) {
    let parameters = &mut port.parameters;
    if matches!(port.kind, None | Some(VirtualPortType::Qbg)) {
        parameters.instanceid.get_or_insert_with(uuid::Uuid::new_v4);
    }
    if matches!(port.kind, None | Some(VirtualPortType::OpenVSwitch)) {
        parameters.interfaceid.get_or_insert_with(uuid::Uuid::new_v4);
    }
}

/// What a disk's source means where it says nothing.
fn disk_source(disk: &mut Disk) {
    match &mut disk.source.kind {
        StorageKind::Nvme { managed, .. } => {
            managed.get_or_insert(YesNo::Yes);
        }
        StorageKind::VhostUser { .. } => {
            disk.snapshot.get_or_insert(SnapshotLocation::No);
        }
        StorageKind::Network(net) => net.complete_ports(),
        _ => {}
    }
}

fn is_x86(def: &DomainDefinition) -> bool {
    matches!(def.os.arch(), "x86_64" | "i686")
}

/// The prefix of the target suggests the bus.
fn disk_bus(disk: &mut Disk, def: &DomainDefinition) {
    if disk.target.bus.is_some() {
        return;
    }
    let dev = disk.target.dev.as_str();
    disk.target.bus = match disk.device {
        DiskDevice::Floppy => Some(DiskBus::Fdc),
        _ if dev.starts_with("hd") => Some(DiskBus::Ide),
        _ if dev.starts_with("sd") => Some(DiskBus::Scsi),
        _ if dev.starts_with("vd") => Some(DiskBus::Virtio),
        _ if dev.starts_with("xvd") => Some(DiskBus::Xen),
        _ if dev.starts_with("ubd") => Some(DiskBus::Uml),
        _ if def.os.is_hvm() => Some(DiskBus::Ide),
        _ => None,
    };
}

/// A hardware address nobody else is likely to have.
fn generated_mac(prefix: [u8; 3]) -> MacAddress {
    let random = uuid::Uuid::new_v4();
    let [a, b, c, ..] = *random.as_bytes();
    let [x, y, z] = prefix;
    MacAddress([x, y, z, a, b, c])
}

/// The model of a controller that makes up USB 2 together with others under one index.
fn ensemble_part(controller: &Controller) -> Option<String> {
    let model = controller.model.as_ref().filter(|_| controller.kind == ControllerType::Usb)?;
    model.starts_with("ich9-").then(|| model.clone())
}

/// Indexes and ports that were left open.
fn number_devices(def: &mut DomainDefinition) -> Result<()> {
    let devices = &mut def.devices;
    let mut taken: HashSet<(ControllerType, u32)> =
        devices.controllers.iter().filter_map(|c| Some((c.kind, c.index?))).collect();
    let mut next: HashMap<ControllerType, u32> = HashMap::new();
    let mut ensembles: BTreeMap<u32, HashSet<String>> = BTreeMap::new();
    for controller in &devices.controllers {
        if let (Some(index), Some(model)) = (controller.index, ensemble_part(controller)) {
            ensembles.entry(index).or_default().insert(model);
        }
    }
    // The ensemble of USB 2 that the last part belonged to, else the first one that is there.
    let mut latest = ensembles.keys().next().copied();
    for controller in &mut devices.controllers {
        let kind = controller.kind;
        let part = ensemble_part(controller);
        if let Some(index) = controller.index {
            latest = if part.is_some() { Some(index) } else { latest };
            continue;
        }
        if let Some(model) = &part
            && let Some(index) = latest
            && ensembles.entry(index).or_default().insert(model.clone())
        {
            controller.index = Some(index);
            continue;
        }
        let next = next.entry(kind).or_default();
        while !taken.insert((kind, *next)) {
            *next = next.saturating_add(1);
        }
        controller.index = Some(*next);
        if let Some(model) = part {
            ensembles.entry(*next).or_default().insert(model);
            latest = Some(*next);
        }
    }
    macro_rules! ports {
        ($list:expr) => {
            let mut next = $list.iter().filter_map(|d| d.port).max().map_or(0, |p| p.saturating_add(1));
            for device in &mut $list {
                if device.port.is_none() {
                    device.port = Some(next);
                    next = next.saturating_add(1);
                }
            }
        };
    }
    ports!(devices.serials);
    ports!(devices.parallels);
    let used: HashSet<u32> = devices.audios.iter().map(|a| a.id).collect();
    let mut free = (1..=u32::MAX).filter(|id| !used.contains(id));
    for audio in devices.audios.iter_mut().filter(|a| a.id == 0) {
        audio.id = free.next().unwrap_or_default();
    }
    let mut seen = HashSet::new();
    for controller in &devices.controllers {
        // USB companions share the index of their master.
        if controller.kind != ControllerType::Usb && !seen.insert((controller.kind, controller.index)) {
            return Err(Error::xml(format!(
                "controller of type '{}' with index {} is given twice",
                controller.kind,
                controller.index.unwrap_or_default()
            )));
        }
    }
    Ok(())
}

/// A serial port of a virtual machine is its first console too, and the
/// other way round.
fn implied_console(def: &mut DomainDefinition) {
    if !def.os.is_hvm() {
        return;
    }
    let devices = &mut def.devices;
    let first_is_serial =
        devices.consoles.first().is_some_and(|c| matches!(c.target_type.as_deref(), None | Some("serial")));
    if first_is_serial && devices.serials.is_empty() {
        let source = devices.consoles.first().map(|c| c.source.clone()).unwrap_or_default();
        devices.serials.push(Serial { source, port: Some(0), ..Serial::default() });
    }
    let Some(serial) = devices.serials.first() else { return };
    let mirror = Console {
        source: serial.source.clone(),
        target_type: Some("serial".to_owned()),
        port: serial.port,
        info: serial.info.clone(),
    };
    let standard = matches!(
        serial.target_type.as_deref(),
        None | Some("isa-serial" | "spapr-vio-serial" | "system-serial" | "sclp-serial")
    );
    match devices.consoles.first_mut() {
        Some(first) if first_is_serial => *first = mirror,
        _ if standard => {
            devices.consoles.insert(0, mirror);
            for (port, console) in (0..).zip(&mut devices.consoles).skip(1) {
                console.port = Some(port);
            }
        }
        _ => {}
    }
}

/// Devices on a SCSI controller; the controller itself is the eighth.
const SCSI_UNITS: u32 = 7;

/// SCSI host devices fill the free places of the controllers, in front of new
/// ones.
fn place_scsi_host_devices(devices: &mut Devices) {
    let is_open = |h: &super::devices::Hostdev| matches!(h.source, HostdevSource::Scsi(_)) && h.info.address.is_none();
    if !devices.hostdevs.iter().any(is_open) {
        return;
    }
    let disks = devices.disks.iter().filter(|disk| disk.target.bus == Some(DiskBus::Scsi));
    let of_disks = disks.filter_map(|disk| match &disk.info.address {
        Some(Address::Drive(place)) => Some(*place),
        _ => disk.default_place(),
    });
    let hostdevs = devices.hostdevs.iter().filter(|h| matches!(h.source, HostdevSource::Scsi(_)));
    let of_hostdevs = hostdevs.filter_map(|hostdev| match &hostdev.info.address {
        Some(Address::Drive(place)) => Some(*place),
        _ => None,
    });
    let mut taken: HashSet<DriveAddress> = of_disks.chain(of_hostdevs).collect();
    // The first controllers with a free place; those before them stay full.
    let (mut controller, mut unit) = (0, 0);
    for hostdev in devices.hostdevs.iter_mut().filter(|h| is_open(h)) {
        let place = loop {
            let place = DriveAddress { controller, bus: 0, target: 0, unit };
            unit += 1;
            if unit == SCSI_UNITS {
                (controller, unit) = (controller.saturating_add(1), 0);
            }
            if taken.insert(place) {
                break place;
            }
        };
        hostdev.info.address = Some(Address::Drive(place));
    }
}

/// Every device that sits on a controller gets one.
fn implied_controllers(def: &mut DomainDefinition) {
    let mut last: BTreeMap<ControllerType, u32> = BTreeMap::new();
    for disk in &def.devices.disks {
        let kind = match disk.target.bus {
            Some(DiskBus::Ide) => ControllerType::Ide,
            Some(DiskBus::Fdc) => ControllerType::Fdc,
            Some(DiskBus::Scsi) => ControllerType::Scsi,
            Some(DiskBus::Sata) => ControllerType::Sata,
            _ => continue,
        };
        let at = match &disk.info.address {
            Some(Address::Drive(drive)) => drive.controller,
            _ => disk.default_place().map_or(0, |drive| drive.controller),
        };
        let last = last.entry(kind).or_default();
        *last = at.min(255).max(*last);
    }
    // Those for host devices alone are like the one that is there.
    let for_disks = last.get(&ControllerType::Scsi).copied();
    let like = def.devices.controllers.iter().find(|c| c.kind == ControllerType::Scsi && c.model.is_some());
    let like = like.and_then(|c| c.model.clone());
    for hostdev in &def.devices.hostdevs {
        if let (HostdevSource::Scsi(_), Some(Address::Drive(place))) = (&hostdev.source, &hostdev.info.address) {
            let last = last.entry(ControllerType::Scsi).or_default();
            *last = place.controller.min(255).max(*last);
        }
    }
    // Drives count through all controllers, so none may be missing.
    let mut wanted: Vec<(ControllerType, u32)> =
        last.into_iter().flat_map(|(kind, last)| (0..=last).map(move |index| (kind, index))).collect();
    // By kind, however the disks stand.
    const ORDER: [ControllerType; 4] =
        [ControllerType::Scsi, ControllerType::Fdc, ControllerType::Ide, ControllerType::Sata];
    wanted.sort_by_key(|(kind, index)| (ORDER.iter().position(|first| first == kind), *index));
    for device in def.devices.iter() {
        match device.info().and_then(|i| i.address.as_ref()) {
            Some(Address::Ccid { controller, .. }) if device.name() == "smartcard" => {
                wanted.push((ControllerType::Ccid, *controller));
            }
            address => {
                let virtio = match device {
                    super::DeviceRef::Channel(c) => matches!(c.target, ChannelTarget::Virtio { .. }),
                    super::DeviceRef::Console(c) => c.target_type.as_deref() == Some("virtio"),
                    _ => false,
                };
                let at = match address {
                    Some(Address::VirtioSerial { controller, .. }) => *controller,
                    _ => 0,
                };
                if virtio {
                    wanted.push((ControllerType::VirtioSerial, at));
                }
            }
        }
    }
    if def.devices.smartcards.iter().any(|s| s.info.address.is_none()) {
        wanted.push((ControllerType::Ccid, 0));
    }
    let present: HashSet<(ControllerType, Option<u32>)> =
        def.devices.controllers.iter().map(|c| (c.kind, c.index)).collect();
    let mut added = HashSet::new();
    for (kind, index) in wanted {
        if !present.contains(&(kind, Some(index))) && added.insert((kind, index)) {
            def.devices.controllers.reserve_exact(1);
            let alone = kind == ControllerType::Scsi && for_disks.is_none_or(|last| index > last);
            let model = like.clone().filter(|_| alone);
            def.devices.controllers.push(Controller { kind, index: Some(index), model, ..Controller::default() });
        }
    }
}

/// Places that follow from names and order alone.
fn assign_places(def: &mut DomainDefinition) {
    let mut taken: HashSet<(Option<DiskBus>, DriveAddress)> = def
        .devices
        .disks
        .iter()
        .filter_map(|d| match &d.info.address {
            Some(Address::Drive(place)) => Some((d.target.bus, *place)),
            _ => None,
        })
        .collect();
    for disk in &mut def.devices.disks {
        if disk.info.address.is_none()
            && let Some(place) = disk.default_place()
            && taken.insert((disk.target.bus, place))
        {
            disk.info.address = Some(Address::Drive(place));
        }
    }
    let mut slots: HashSet<(u32, u32)> = def
        .devices
        .smartcards
        .iter()
        .filter_map(|s| match &s.info.address {
            Some(Address::Ccid { controller, slot }) => Some((*controller, *slot)),
            _ => None,
        })
        .collect();
    let mut next_slot = 0;
    for card in &mut def.devices.smartcards {
        let usb_redirected = matches!(&card.kind, SmartcardKind::Passthrough(s) if s.kind == CharKind::Null);
        if card.info.address.is_none() && !usb_redirected {
            while !slots.insert((0, next_slot)) {
                next_slot = next_slot.saturating_add(1);
            }
            card.info.address = Some(Address::Ccid { controller: 0, slot: next_slot });
        }
    }
}

/// One graphics card is the primary one; the first if nothing is said.
fn primary_video(def: &mut DomainDefinition) {
    let videos = &mut def.devices.videos;
    if videos.iter().any(|v| v.model.primary == Some(YesNo::Yes)) {
        // The primary card is printed first.
        videos.sort_by_key(|v| v.model.primary != Some(YesNo::Yes));
    } else if let Some(first) = videos.first_mut()
        && first.model.kind != VideoType::None
    {
        first.model.primary = Some(YesNo::Yes);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::NoHooks;
    use super::*;

    /// Model and index of every controller, after the numbering.
    fn numbered(controllers: &str) -> Vec<(String, u32)> {
        let xml = format!(
            "<domain type='test'><name>x</name><memory>1024</memory><os><type>hvm</type></os>\
             <devices>{controllers}</devices></domain>"
        );
        let domain = DomainDefinition::parse(&xml, ParseFlags::INACTIVE, &NoHooks).unwrap();
        let list = domain.devices.controllers.iter();
        list.map(|c| (c.model.clone().unwrap_or_default(), c.index.unwrap())).collect()
    }

    #[test]
    fn parts_of_one_usb_2_controller_share_an_index() {
        let set = "<controller type='usb' model='ich9-ehci1'/>\
                   <controller type='usb' model='ich9-uhci1'><master startport='0'/></controller>";
        let of = |parts: &[(&str, u32)]| parts.iter().map(|(m, i)| ((*m).to_owned(), *i)).collect::<Vec<_>>();
        assert_eq!(numbered(set), of(&[("ich9-ehci1", 0), ("ich9-uhci1", 0)]));
        assert_eq!(
            numbered(&format!("{set}{set}")),
            of(&[("ich9-ehci1", 0), ("ich9-uhci1", 0), ("ich9-ehci1", 1), ("ich9-uhci1", 1)])
        );
        assert_eq!(
            numbered(&format!("<controller type='usb' model='nec-xhci'/>{set}")),
            of(&[("nec-xhci", 0), ("ich9-ehci1", 1), ("ich9-uhci1", 1)])
        );
        // A companion goes with the parts before it, not with an older controller that lacks one.
        let (first, second) =
            ("<controller type='usb' model='ich9-uhci1'/>", "<controller type='usb' model='ich9-uhci2'/>");
        assert_eq!(
            numbered(&format!("{set}{first}{second}")),
            of(&[("ich9-ehci1", 0), ("ich9-uhci1", 0), ("ich9-uhci1", 1), ("ich9-uhci2", 1)])
        );
    }
}
