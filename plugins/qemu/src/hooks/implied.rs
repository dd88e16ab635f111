//! Devices that nobody named.

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::{
    Audio, AudioType, BalloonModel, Controller, ControllerType, GraphicsKind, Input, InputBus, InputType, MemBalloon,
    Video, Watchdog, WatchdogAction, WatchdogModel,
};

use super::{devices, is_x86};
use crate::{arch, command};

/// Devices that the board has, or that every guest gets.
pub(super) fn add(def: &mut DomainDefinition) {
    let (q35, i440fx, x86) = (command::is_q35(def), command::is_i440fx(def), is_x86(def));
    let balloon = arch::board(def).is_none_or(|board| board.balloon);
    let d = &mut def.devices;
    let add = |list: &mut Vec<Controller>, kind: ControllerType, model: Option<&str>| {
        list.push(Controller { kind, index: Some(0), model: model.map(str::to_owned), ..Controller::default() });
    };
    let has = |list: &[Controller], kind: ControllerType| list.iter().any(|c| c.kind == kind);
    if !has(&d.controllers, ControllerType::Usb) && (q35 || i440fx) {
        add(&mut d.controllers, ControllerType::Usb, Some(if q35 { "qemu-xhci" } else { "piix3-uhci" }));
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
        // A display that carries sound gets it; without any display sound goes
        // nowhere, and displays without sound get none.
        let shows = |kind: fn(&GraphicsKind) -> bool| d.graphics.iter().any(|g| kind(&g.kind));
        let carried = if shows(|g| matches!(g, GraphicsKind::Spice(_))) {
            Some(AudioType::Spice)
        } else {
            shows(|g| matches!(g, GraphicsKind::Vnc(_))).then_some(AudioType::None)
        };
        if let Some(kind) = carried.or(d.graphics.is_empty().then_some(AudioType::None)) {
            d.audios.push(Audio { id: 1, kind, ..Audio::default() });
        }
    }
    if q35 && !d.watchdogs.iter().any(|w| w.model == WatchdogModel::Itco) {
        let action = d.watchdogs.first().map_or(WatchdogAction::Reset, |w| w.action);
        d.watchdogs.push(Watchdog { model: WatchdogModel::Itco, action, ..Watchdog::default() });
    }
}
