//! `<input>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use super::*;
use crate::xml::{Element, Node, OnOff, Writer};
use crate::xml_enum;

xml_enum! {
    pub enum InputType { Mouse = "mouse", Tablet = "tablet", Keyboard = "keyboard", Passthrough = "passthrough", Evdev = "evdev" }
}

xml_enum! {
    pub enum InputBus { Ps2 = "ps2", Usb = "usb", Xen = "xen", Parallels = "parallels", Virtio = "virtio", None = "none" }
}

/// `<input>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Input {
    pub kind: InputType,
    /// `None`: chosen after parsing.
    pub bus: Option<InputBus>,
    pub model: Option<VirtioModel>,
    pub driver: VirtioOptions,
    pub source: Option<InputSource>,
    pub info: DeviceInfo,
}

xml_enum! {
    pub enum GrabToggle {
        CtrlCtrl = "ctrl-ctrl", AltAlt = "alt-alt", ShiftShift = "shift-shift", MetaMeta = "meta-meta",
        Scrolllock = "scrolllock", CtrlScrolllock = "ctrl-scrolllock",
    }
}

xml_enum! {
    pub enum InputGrab { All = "all" }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InputSource {
    pub path: String,
    pub grab: Option<InputGrab>,
    pub grab_toggle: Option<GrabToggle>,
    pub repeat: Option<OnOff>,
}

impl Element for Input {
    fn parse(node: Node<'_>) -> Result<Self> {
        let kind = node.require("type")?;
        let source = match (kind, node.child("source")) {
            (InputType::Passthrough, Some(source)) => {
                Some(InputSource { path: source.require("evdev")?, ..InputSource::default() })
            }
            (InputType::Evdev, Some(source)) => Some(InputSource {
                path: source.require("dev")?,
                grab: source.value("grab")?,
                grab_toggle: source.value("grabToggle")?,
                repeat: source.value("repeat")?,
            }),
            (InputType::Passthrough | InputType::Evdev, None) => return Err(node.missing_child("source")),
            _ => None,
        };
        Ok(Self {
            kind,
            bus: node.value("bus")?,
            model: node.value("model")?,
            driver: node.child_element("driver")?.unwrap_or_default(),
            source,
            info: DeviceInfo::parse(node)?,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("type", &self.kind);
        w.attr_opt("bus", self.bus.as_ref().filter(|b| **b != InputBus::None));
        w.attr_opt("model", self.model.as_ref());
        w.element_unless_empty("driver", &self.driver);
        if let Some(source) = &self.source {
            w.open("source");
            w.attr(if self.kind == InputType::Evdev { "dev" } else { "evdev" }, &source.path);
            w.attr_opt("grab", source.grab.as_ref());
            w.attr_opt("grabToggle", source.grab_toggle.as_ref());
            w.attr_opt("repeat", source.repeat.as_ref());
            w.close();
        }
        self.info.format(w);
    }
}
