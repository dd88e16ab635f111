//! `<sound>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use super::*;
use crate::xml::{Element, YesNo};
use crate::xml_enum;

xml_enum! {
    pub enum SoundModel {
        Sb16 = "sb16", Es1370 = "es1370", PcSpk = "pcspk", Ac97 = "ac97", Ich6 = "ich6", Ich9 = "ich9", Usb = "usb",
        Ich7 = "ich7", Virtio = "virtio",
    }
}

xml_enum! {
    pub enum CodecType { Duplex = "duplex", Micro = "micro", Output = "output" }
}

/// `<sound>`: a sound card.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Sound {
    #[xml(attr)]
    pub model: SoundModel,
    #[xml(attr)]
    pub multichannel: Option<YesNo>,
    #[xml(attr)]
    pub streams: Option<u32>,
    #[xml(children = "codec")]
    pub codecs: Vec<SoundCodec>,
    #[xml(child)]
    pub audio: Option<AudioRef>,
    #[xml(child)]
    pub driver: VirtioOptions,
    #[xml(flatten)]
    pub info: DeviceInfo,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct SoundCodec {
    #[xml(attr = "type")]
    pub kind: CodecType,
}

/// `<audio id='1'/>` inside another device: which backend it uses.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct AudioRef {
    #[xml(attr)]
    pub id: u32,
}
