//! `<sound>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use super::*;
use crate::xml::{Element, Node, Writer, YesNo};
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
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sound {
    pub model: SoundModel,
    pub multichannel: Option<YesNo>,
    pub streams: Option<u32>,
    pub codecs: Vec<SoundCodec>,
    pub audio: Option<AudioRef>,
    pub driver: VirtioOptions,
    pub info: DeviceInfo,
}

impl Element for Sound {
    fn parse(node: Node<'_>) -> Result<Self> {
        let model = node.require("model")?;
        let virtio = model == SoundModel::Virtio;
        let has_codecs = matches!(model, SoundModel::Ich6 | SoundModel::Ich9);
        Ok(Self {
            model,
            multichannel: node.value("multichannel")?,
            streams: if virtio { Some(node.value("streams")?.unwrap_or(2)) } else { None },
            codecs: if has_codecs { node.child_elements("codec")? } else { Vec::new() },
            audio: node.child_element("audio")?,
            driver: if virtio { node.child_element("driver")?.unwrap_or_default() } else { VirtioOptions::default() },
            info: DeviceInfo::parse(node)?,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("model", &self.model);
        w.attr_opt("multichannel", self.multichannel.as_ref());
        w.attr_opt("streams", self.streams.as_ref());
        w.elements("codec", &self.codecs);
        if let Some(audio) = &self.audio {
            w.element("audio", audio);
        }
        self.info.format(w);
        w.element_unless_empty("driver", &self.driver);
    }
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
