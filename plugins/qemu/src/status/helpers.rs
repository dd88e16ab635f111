//! The programs beside QEMU, as the next daemon finds them.

use std::path::PathBuf;

use oxivirt_conf::xml::{Element, Node, Writer};
use oxivirt_core::Result;

use super::leaf_attr;

/// `<helper kind='swtpm' alias='tpm0' pid='17' startTime='4711'><file path='…'/></helper>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HelperNote {
    /// What it does: `swtpm`, `passt`…
    pub kind: String,
    /// The device that it serves.
    pub alias: String,
    /// Its process.
    pub pid: i32,
    /// When that started, in clock ticks since the host did; unknown of those of another daemon.
    pub start_time: Option<u64>,
    /// What is removed with it.
    pub files: Vec<PathBuf>,
}

impl Element for HelperNote {
    fn parse(node: Node<'_>) -> Result<Self> {
        let files = node.children_named("file").map(|file| file.require::<String>("path").map(PathBuf::from));
        Ok(Self {
            kind: node.require("kind")?,
            alias: node.attr("alias").unwrap_or_default().to_owned(),
            pid: node.require("pid")?,
            start_time: node.value("startTime")?,
            files: files.collect::<Result<_>>()?,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("kind", &self.kind);
        w.attr("alias", &self.alias);
        w.attr("pid", &self.pid);
        w.attr_opt("startTime", self.start_time.as_ref());
        for file in &self.files {
            leaf_attr(w, "file", "path", Some(&file.to_string_lossy()));
        }
    }
}
