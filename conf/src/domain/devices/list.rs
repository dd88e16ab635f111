//! All devices of a domain, by kind, and ways to look at any of them.
#![allow(missing_docs, reason = "fields are named as the elements they hold")]

use oxivirt_core::{Error, ErrorCode, Result};

use super::*;
use crate::domain::security::DeviceSecLabel;
use crate::rare::Rare;
use crate::xml::{Document, Element, Node, WriteMode, Writer};

/// Declares the lists and the three enums over one device, in the order in
/// which devices are printed; of kinds with `few` most domains have none.
macro_rules! devices {
    ($($(#[$doc:meta])* $variant:ident($type:ty) $list:ident $name:literal $each:ident $often:ident;)+) => {
        /// `<devices>`: the emulator and a list per kind, in printing order.
        #[derive(Debug, Clone, PartialEq, Default)]
        pub struct Devices {
            /// Path of the hypervisor's program.
            pub emulator: Option<String>,
            $($(#[$doc])* pub $list: devices!(@list $often $type),)+
            /// Which USB devices may be redirected.
            pub redir_filter: Option<RedirFilter>,
        }

        /// One device of any kind.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Device { $($variant(Box<$type>),)+ }

        /// A look at one device of a domain.
        #[derive(Debug, Clone, Copy)]
        pub enum DeviceRef<'d> { $($variant(&'d $type),)+ }

        /// A device that may be changed.
        #[derive(Debug)]
        pub enum DeviceMut<'d> { $($variant(&'d mut $type),)+ }

        impl Device {
            /// Reads one device from its own document, such as that of an
            /// attach call.
            ///
            /// Errors: `CONFIG_UNSUPPORTED` when the element is no device.
            pub fn parse(xml: &str, flags: crate::domain::ParseFlags) -> Result<Self> {
                let document = Document::parse(xml)?.with_mode(flags.mode());
                let node = document.root();
                match node.qualified_name() {
                    $($name => Ok(Self::$variant(Box::new(<$type>::parse(node)?))),)+
                    other => {
                        let text = format!("unknown device type '{other}'");
                        Err(Error::new(ErrorCode::CONFIG_UNSUPPORTED, text))
                    }
                }
            }

            /// Prints the device as a document of its own.
            pub fn format(&self, flags: crate::domain::FormatFlags) -> String {
                self.as_ref().format(flags.mode())
            }

            /// A copy of a device of a domain.
            pub fn of(device: DeviceRef<'_>) -> Self {
                match device { $(DeviceRef::$variant(device) => Self::$variant(Box::new(device.clone())),)+ }
            }

            /// A look at it.
            pub fn as_ref(&self) -> DeviceRef<'_> {
                match self { $(Self::$variant(device) => DeviceRef::$variant(device),)+ }
            }

            /// A look at it that may change it.
            pub fn as_mut(&mut self) -> DeviceMut<'_> {
                match self { $(Self::$variant(device) => DeviceMut::$variant(device),)+ }
            }
        }

        impl<'d> DeviceRef<'d> {
            /// Name of the element.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)+ }
            }

            /// Alias, address, boot order; `None` for kinds without.
            pub fn info(self) -> Option<&'d DeviceInfo> {
                match self { $(Self::$variant(device) => devices!(@info $each device &),)+ }
            }

            fn format(self, mode: WriteMode) -> String {
                let mut w = Writer::new(mode);
                match self { $(Self::$variant(device) => w.element($name, device),)+ }
                w.finish()
            }
        }

        impl<'d> DeviceMut<'d> {
            /// Name of the element.
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $name,)+ }
            }

            /// The same device, borrowed for a shorter time.
            pub fn reborrow(&mut self) -> DeviceMut<'_> {
                match self { $(Self::$variant(device) => DeviceMut::$variant(device),)+ }
            }

            /// Alias, address, boot order; `None` for kinds without.
            pub fn info(self) -> Option<&'d mut DeviceInfo> {
                match self { $(Self::$variant(device) => devices!(@info $each device &mut),)+ }
            }
        }

        impl Devices {
            /// All devices, in the order in which they are printed.
            pub fn iter(&self) -> impl Iterator<Item = DeviceRef<'_>> {
                let none = std::iter::empty();
                $(let none = none.chain(self.$list.iter().map(DeviceRef::$variant));)+
                none
            }

            /// Calls `change` on all devices, in the order in which they are
            /// printed; the first error ends it.
            pub fn for_each_mut(&mut self, mut change: impl FnMut(DeviceMut<'_>) -> Result<()>) -> Result<()> {
                $(for device in &mut self.$list {
                    change(DeviceMut::$variant(device))?;
                })+
                Ok(())
            }

            /// Calls `change` on all devices, giving the domain as well. While
            /// a kind is visited its list in the domain is empty.
            pub(crate) fn visit(
                def: &mut crate::domain::DomainDefinition,
                mut change: impl FnMut(DeviceMut<'_>, &crate::domain::DomainDefinition) -> Result<()>,
            ) -> Result<()> {
                $(
                    let mut list = std::mem::take(&mut def.devices.$list);
                    let result = list.iter_mut().try_for_each(|device| change(DeviceMut::$variant(device), def));
                    def.devices.$list = list;
                    result?;
                )+
                Ok(())
            }

            /// Takes out the device with this alias; `false` when there is none.
            pub fn remove_by_alias(&mut self, alias: &str) -> bool {
                $(
                    let mut list = self.$list.iter();
                    let found = list.position(|device| {
                        DeviceRef::$variant(device).info().and_then(|info| info.alias.as_deref()) == Some(alias)
                    });
                    if let Some(at) = found {
                        self.$list.remove(at);
                        return true;
                    }
                )+
                false
            }

            /// The device at a place among those of the kind of `like`.
            pub fn nth(&self, like: DeviceRef<'_>, at: usize) -> Option<DeviceRef<'_>> {
                match like { $(DeviceRef::$variant(_) => self.$list.get(at).map(DeviceRef::$variant),)+ }
            }

            /// The device at a place among those of the kind of `like`, to be changed.
            pub fn nth_mut(&mut self, like: DeviceRef<'_>, at: usize) -> Option<DeviceMut<'_>> {
                match like { $(DeviceRef::$variant(_) => self.$list.get_mut(at).map(DeviceMut::$variant),)+ }
            }

            /// The place of the first device of the kind of `like` that fits.
            pub fn position(&self, like: DeviceRef<'_>, fits: impl Fn(DeviceRef<'_>) -> bool) -> Option<usize> {
                match like { $(DeviceRef::$variant(_) => self.$list.iter().position(|d| fits(DeviceRef::$variant(d))),)+ }
            }

            /// How many devices of the kind of `like` there are.
            pub fn count(&self, like: DeviceRef<'_>) -> usize {
                match like { $(DeviceRef::$variant(_) => self.$list.len(),)+ }
            }

            /// Takes out the device at a place among those of the kind of `like`.
            pub fn remove(&mut self, like: DeviceRef<'_>, at: usize) -> Option<Device> {
                match like {
                    $(DeviceRef::$variant(_) => {
                        let found = at < self.$list.len();
                        found.then(|| Device::$variant(Box::new(self.$list.remove(at))))
                    })+
                }
            }

            /// Puts a device in the place of another one of its kind.
            ///
            /// * Returns what was there; none, and nothing is changed, when there is no such place.
            pub fn replace(&mut self, at: usize, device: Device) -> Option<Device> {
                match device {
                    $(Device::$variant(device) => {
                        let place = self.$list.get_mut(at)?;
                        Some(Device::$variant(Box::new(std::mem::replace(place, *device))))
                    })+
                }
            }

            /// Takes out all devices of the kind of `like`.
            pub(crate) fn clear_kind(&mut self, like: DeviceRef<'_>) {
                match like { $(DeviceRef::$variant(_) => self.$list.clear(),)+ }
            }

            /// Adds a device behind those of its kind.
            pub fn push(&mut self, device: Device) {
                match device {
                    $(Device::$variant(device) => {
                        // Lists live as long as the domain and rarely grow.
                        self.$list.reserve_exact(1);
                        self.$list.push(*device);
                    })+
                }
            }

            /// Gives back memory that the lists hold beyond their length.
            pub fn shrink_to_fit(&mut self) {
                $(for device in &mut self.$list {
                    if let Some(info) = DeviceMut::$variant(device).info() {
                        info.shrink();
                    }
                }
                self.$list.shrink_to_fit();)+
            }
        }

        /// How many devices of each kind there are.
        #[derive(Default)]
        struct Counts { $($list: usize,)+ }

        impl Element for Devices {
            fn parse(node: Node<'_>) -> Result<Self> {
                // Lists of the exact size from the start: growing and cutting
                // off leaves holes that nothing else fits in.
                let mut counts = Counts::default();
                for child in node.children() {
                    match child.qualified_name() {
                        $($name => counts.$list += 1,)+
                        _ => {}
                    }
                }
                let mut devices = Self { $($list: devices!(@room $often counts.$list),)+ ..Self::default() };
                for child in node.children() {
                    match child.qualified_name() {
                        "emulator" if devices.emulator.is_none() => {
                            devices.emulator = Some(child.text().into_owned()).filter(|e| !e.is_empty());
                        }
                        "redirfilter" => devices.redir_filter = Some(RedirFilter::parse(child)?),
                        $($name => devices.$list.push(<$type>::parse(child)?),)+
                        _ => {}
                    }
                }
                Ok(devices)
            }

            fn format(&self, w: &mut Writer) {
                w.leaf_opt("emulator", self.emulator.as_ref());
                $(
                    for device in &self.$list {
                        w.element($name, device);
                    }
                    devices!(@after $list self w);
                )+
            }
        }
    };
    (@info info $device:ident $($borrow:tt)+) => { Some($($borrow)+ $device.info) };
    (@info plain $device:ident $($borrow:tt)+) => {{
        let _ = $device;
        None
    }};
    (@list many $type:ty) => { Vec<$type> };
    (@list few $type:ty) => { Rare<Vec<$type>> };
    (@room many $count:expr) => { Vec::with_capacity($count) };
    (@room few $count:expr) => {{
        let _ = $count;
        Rare::default()
    }};
    (@after redirdevs $self:ident $w:ident) => {
        if let Some(filter) = &$self.redir_filter {
            $w.element_unless_empty("redirfilter", filter);
        }
    };
    (@after $list:ident $self:ident $w:ident) => {};
}

devices! {
    Disk(Disk) disks "disk" info many;
    Controller(Controller) controllers "controller" info many;
    Lease(Lease) leases "lease" plain few;
    Filesystem(Filesystem) filesystems "filesystem" info few;
    Interface(Interface) interfaces "interface" info many;
    Smartcard(Smartcard) smartcards "smartcard" info few;
    Serial(Serial) serials "serial" info many;
    Parallel(Parallel) parallels "parallel" info few;
    Console(Console) consoles "console" info many;
    Channel(Channel) channels "channel" info many;
    Input(Input) inputs "input" info many;
    Tpm(Tpm) tpms "tpm" info few;
    Graphics(Graphics) graphics "graphics" info many;
    Sound(Sound) sounds "sound" info few;
    Audio(Audio) audios "audio" plain few;
    Video(Video) videos "video" info many;
    Hostdev(Hostdev) hostdevs "hostdev" info few;
    RedirDev(RedirDev) redirdevs "redirdev" info few;
    Hub(Hub) hubs "hub" info few;
    Watchdog(Watchdog) watchdogs "watchdog" info few;
    MemBalloon(MemBalloon) memballoons "memballoon" info many;
    Rng(Rng) rngs "rng" info many;
    Nvram(NvramDevice) nvrams "nvram" info few;
    Panic(Panic) panics "panic" info few;
    Shmem(Shmem) shmems "shmem" info few;
    Memory(MemoryDevice) memories "memory" info few;
    Iommu(Iommu) iommus "iommu" info few;
    Vsock(Vsock) vsocks "vsock" info few;
    Crypto(Crypto) cryptos "crypto" info few;
    Pstore(Pstore) pstores "pstore" info few;
}

impl Devices {
    /// The device with this alias.
    pub fn by_alias(&self, alias: &str) -> Option<DeviceRef<'_>> {
        self.iter().find(|d| d.info().and_then(|i| i.alias.as_deref()) == Some(alias))
    }

    /// The disk whose target is `dev`, or whose source is that path.
    pub fn disk(&self, dev: &str) -> Option<&Disk> {
        self.disks
            .iter()
            .find(|d| d.target.dev == dev)
            .or_else(|| self.disks.iter().find(|d| dev.starts_with('/') && d.source.path() == Some(dev)))
    }

    /// The controller of a type with an index.
    pub fn controller(&self, kind: ControllerType, index: u32) -> Option<&Controller> {
        self.controllers.iter().find(|c| c.kind == kind && c.index == Some(index))
    }

    /// The labels of all sources, for the security drivers.
    pub fn source_labels(&self) -> impl Iterator<Item = &DeviceSecLabel> {
        self.disks.iter().flat_map(|d| &d.source.seclabels)
    }
}
