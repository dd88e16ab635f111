//! Devices that nobody named.

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::{
    Audio, AudioType, BalloonModel, Controller, ControllerType, Graphics, GraphicsKind, Input, InputBus, InputType,
    MemBalloon, Video, Watchdog, WatchdogAction, WatchdogModel,
};

use super::{devices, is_x86};
use crate::capabilities::Emulator;
use crate::settings::HostAudio;
use crate::{arch, command};

/// Devices that the board has, or that every guest gets.
pub(super) fn add(def: &mut DomainDefinition, emulator: Option<&Emulator>, host: &HostAudio) {
    let (q35, i440fx, x86) = (command::is_q35(def), command::is_i440fx(def), is_x86(def));
    let balloon = arch::board(def).is_none_or(|board| board.balloon);
    let d = &mut def.devices;
    let add = |list: &mut Vec<Controller>, kind: ControllerType, model: Option<&str>| {
        list.push(Controller { kind, index: Some(0), model: model.map(str::to_owned), ..Controller::default() });
    };
    let has = |list: &[Controller], kind: ControllerType| list.iter().any(|c| c.kind == kind);
    if !has(&d.controllers, ControllerType::Usb) && (q35 || i440fx) {
        let models: &[(&str, &str)] = match q35 {
            true => &[("qemu-xhci", "qemu-xhci"), ("nec-xhci", "nec-usb-xhci")],
            false => &[("piix3-uhci", "piix3-usb-uhci")],
        };
        let there = |typename: &str| emulator.is_none_or(|emulator| emulator.has_type(typename));
        if let Some((model, _)) = models.iter().find(|(_, typename)| there(typename)) {
            add(&mut d.controllers, ControllerType::Usb, Some(model));
        }
    }
    if q35 && d.controller(ControllerType::Sata, 0).is_none() {
        add(&mut d.controllers, ControllerType::Sata, None);
    }
    if (q35 || i440fx) && d.controller(ControllerType::Pci, 0).is_none() {
        add(&mut d.controllers, ControllerType::Pci, Some(if q35 { "pcie-root" } else { "pci-root" }));
    }
    if d.memballoons.is_empty() && balloon {
        d.memballoons.push(MemBalloon { model: BalloonModel::Virtio, ..MemBalloon::default() });
    }
    if x86 && def.features.ps2.is_none_or(|s| s.0.is_on()) {
        for kind in [InputType::Mouse, InputType::Keyboard] {
            if !d.inputs.iter().any(|i| i.kind == kind && matches!(i.bus, None | Some(InputBus::Ps2))) {
                d.inputs.push(Input { kind, bus: Some(InputBus::Ps2), ..Input::default() });
            }
        }
    }
    if !d.graphics.is_empty() && d.videos.is_empty() {
        let mut card = Video::default();
        devices::video(
            &mut card,
            &DomainDefinition { kind: def.kind, os: def.os.clone(), ..DomainDefinition::default() },
        );
        d.videos.push(card);
    }
    if d.audios.is_empty() {
        d.audios.extend(sound(&d.graphics, host));
    }
    if q35 && !d.watchdogs.iter().any(|w| w.model == WatchdogModel::Itco) {
        let action = d.watchdogs.first().map_or(WatchdogAction::Reset, |w| w.action);
        d.watchdogs.push(Watchdog { model: WatchdogModel::Itco, action, ..Watchdog::default() });
    }
}

/// A display that carries sound gets it; what cannot carry it leaves it to the host where the administrator lets it.
fn sound(graphics: &[Graphics], host: &HostAudio) -> Option<Audio> {
    let shows = |kind: fn(&GraphicsKind) -> bool| graphics.iter().any(|g| kind(&g.kind));
    let plain = |kind: AudioType| Some(Audio { id: 1, kind, ..Audio::default() });
    let silent_unless = |allowed: bool| if allowed { host.audio() } else { plain(AudioType::None) };
    if shows(|g| matches!(g, GraphicsKind::Spice(_))) {
        plain(AudioType::Spice)
    } else if shows(|g| matches!(g, GraphicsKind::Vnc(_))) {
        silent_unless(host.with_vnc)
    } else if shows(|g| matches!(g, GraphicsKind::Sdl { .. })) {
        host.audio()
    } else if graphics.is_empty() {
        silent_unless(host.without_display)
    } else {
        None
    }
}
