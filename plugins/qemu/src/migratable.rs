//! The definition that goes to another host: without the parts that every
//! host adds by itself, so that one which never wrote them down reads it too.

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::{
    Audio, AudioType, Controller, ControllerType, Input, InputBus, InputType, Watchdog, WatchdogAction, WatchdogModel,
};

/// Leaves out what goes without saying.
pub(crate) fn reduce(definition: &mut DomainDefinition) {
    let is_x86 = matches!(definition.os.arch(), "x86_64" | "i686");
    let devices = &mut definition.devices;
    let is_alone = |kind: ControllerType, model: &str, controllers: &[Controller]| {
        let mut all = controllers.iter().filter(|controller| controller.kind == kind);
        matches!((all.next(), all.next()), (Some(only), None)
            if only.index == Some(0) && only.model.as_deref() == Some(model))
    };
    let usb = is_x86 && is_alone(ControllerType::Usb, "piix3-uhci", &devices.controllers);
    let pci = is_alone(ControllerType::Pci, "pci-root", &devices.controllers);
    devices.controllers.retain(|controller| match controller.kind {
        ControllerType::Usb => !usb,
        ControllerType::Pci => !pci,
        _ => true,
    });
    if is_x86 {
        devices.inputs.retain(|input| !is_implied_keyboard(input));
    }
    if let [audio] = devices.audios.as_slice()
        && *audio == (Audio { id: audio.id, kind: AudioType::None, ..Audio::default() })
    {
        devices.audios.clear();
    }
    devices.watchdogs.retain(|watchdog| !is_of_the_board(watchdog));
}

fn is_implied_keyboard(input: &Input) -> bool {
    input.kind == InputType::Keyboard && input.bus == Some(InputBus::Ps2)
}

/// The watchdog inside every q35 board, as it is when nobody asked for it.
fn is_of_the_board(watchdog: &Watchdog) -> bool {
    watchdog.model == WatchdogModel::Itco && watchdog.action == WatchdogAction::Reset
}

#[cfg(test)]
mod tests {
    use oxivirt_conf::domain::{FormatFlags, NoHooks, ParseFlags};

    use super::*;

    fn reduced(devices: &str) -> String {
        let xml = format!(
            "<domain type='qemu'><name>moving</name><memory>1024</memory><os><type arch='x86_64'>hvm</type></os>
            <devices>{devices}</devices></domain>"
        );
        let flags = ParseFlags::INACTIVE | ParseFlags::SKIP_POST_PARSE;
        let mut definition = DomainDefinition::parse(&xml, flags, &NoHooks).expect("a valid document");
        reduce(&mut definition);
        definition.format(FormatFlags::INACTIVE).expect("printable")
    }

    #[test]
    fn what_every_host_adds_is_left_out() {
        let text = reduced(
            "<controller type='usb' index='0' model='piix3-uhci'/><controller type='pci' index='0' model='pci-root'/>
            <input type='mouse' bus='ps2'/><input type='keyboard' bus='ps2'/><audio id='1' type='none'/>
            <watchdog model='itco' action='reset'/>",
        );
        assert!(text.contains("type='mouse'"), "{text}");
        for gone in ["<controller", "keyboard", "<audio", "<watchdog"] {
            assert!(!text.contains(gone), "{gone} is left: {text}");
        }
    }

    #[test]
    fn what_was_chosen_stays() {
        let text = reduced(
            "<controller type='usb' index='0' model='piix3-uhci'/><controller type='usb' index='1' model='qemu-xhci'/>
            <controller type='pci' index='0' model='pci-root'/><controller type='pci' index='1' model='pci-bridge'/>
            <input type='keyboard' bus='usb'/><audio id='1' type='sdl'/><watchdog model='itco' action='poweroff'/>",
        );
        assert_eq!(text.matches("<controller").count(), 4, "{text}");
        for kept in ["keyboard", "<audio", "<watchdog"] {
            assert!(text.contains(kept), "{kept} is gone: {text}");
        }
    }
}
