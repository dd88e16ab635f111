//! `<pool>`.

use oxivirt_core::{Error, ErrorCode, Result};
use uuid::Uuid;

use super::{PoolNamespace, PoolRefresh, PoolSource, PoolTarget, PoolType};
use crate::object::Definition;
use crate::xml::{Document, Element, Node, Value, WriteMode, Writer, YesNo};

/// A pool: everything that its document says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PoolDefinition {
    /// How it keeps its volumes.
    pub kind: PoolType,
    /// Unique among pools; without `/`.
    pub name: String,
    /// Made when the document has none.
    pub uuid: Uuid,
    /// Bytes. Found when the pool is looked through: printed, never read, as
    /// are the next two.
    pub capacity: u64,
    /// Bytes in use.
    pub allocation: u64,
    /// Bytes that are free.
    pub available: u64,
    /// What the pool's folder can do.
    pub features: PoolFeatures,
    /// What it is made of.
    pub source: PoolSource,
    /// Where it shows on this host.
    pub target: PoolTarget,
    /// How it is looked through.
    pub refresh: PoolRefresh,
    /// Options that are passed on.
    pub namespace: Option<PoolNamespace>,
}

/// `<features><cow state='yes'/></features>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoolFeatures {
    /// Whether files are copied on write; only `dir` and `fs` say it.
    pub cow: Option<YesNo>,
}

impl PoolFeatures {
    fn parse(node: Node<'_>, kind: PoolType) -> Result<Self> {
        let Some(cow) = node.child("cow") else { return Ok(Self::default()) };
        let state: Option<YesNo> = cow.value("state")?;
        if state.is_some() && !kind.has_cow() {
            let text =
                format!("line {}: a pool of type '{kind}' has no feature 'cow', only 'dir' and 'fs' do", cow.line());
            return Err(Error::new(ErrorCode::NO_SUPPORT, text));
        }
        Ok(Self { cow: state })
    }

    fn format(self, w: &mut Writer) {
        if let Some(cow) = self.cow {
            w.open("features");
            w.open("cow");
            w.attr("state", &cow);
            w.close();
            w.close();
        }
    }
}

impl PoolDefinition {
    /// Reads a document and checks it.
    ///
    /// * `xml` – a document whose outermost element is `<pool>`.
    /// * Errors: `XML_DETAIL` not well formed; `XML_ERROR` something missing
    ///   or a value that means nothing; `CONFIG_UNSUPPORTED` an unknown format
    ///   or login; `NO_SUPPORT` a feature that the type does not have.
    pub fn parse(xml: &str) -> Result<Self> {
        let document = Document::parse(xml)?;
        let root = document.root();
        if root.name() != "pool" {
            return Err(Error::xml(format!("expecting root element of 'pool', not '{}'", root.name())));
        }
        <Self as Element>::parse(root)
    }

    /// Prints the document.
    pub fn format(&self) -> String {
        let mut w = Writer::new(WriteMode { live: true, ..WriteMode::default() });
        w.element("pool", self);
        w.finish()
    }
}

/// The pool's name; where the source has a name, that one will do.
fn name(node: Node<'_>, source: &PoolSource) -> Result<String> {
    let own = node.child_text("name").map(|name| name.into_owned()).filter(|name| !name.is_empty());
    let name = own.or_else(|| source.name.clone()).ok_or_else(|| node.missing_child("name"))?;
    if name.contains('/') {
        return Err(node.error(format_args!("name '{name}' cannot contain '/'")));
    }
    Ok(name)
}

impl Element for PoolDefinition {
    fn parse(node: Node<'_>) -> Result<Self> {
        let kind: PoolType = node.require("type")?;
        let mut source = match node.child("source") {
            Some(source) => PoolSource::parse(source, kind)?,
            None => PoolSource::empty(kind),
        };
        let name = name(node, &source)?;
        let uuid = match node.child_text("uuid").filter(|text| !text.is_empty()) {
            None => Uuid::new_v4(),
            Some(text) => Uuid::parse_value(&text)
                .ok_or_else(|| node.error(format_args!("uuid '{text}' is not {}", Uuid::allowed())))?,
        };
        let features = node.child("features").map_or(Ok(PoolFeatures::default()), |f| PoolFeatures::parse(f, kind))?;
        source.complete(node, kind, &name)?;
        let mut target = PoolTarget::default();
        if kind.has_target() {
            target = node.child_element("target")?.unwrap_or_default();
            if let (Some(folder), Some(name)) = (kind.target_folder(), &source.name) {
                target.path = Some(folder.to_owned() + name);
            }
            if target.path.is_none() {
                return Err(node.error("missing storage pool target path"));
            }
        }
        Ok(Self {
            kind,
            name,
            uuid,
            capacity: 0,
            allocation: 0,
            available: 0,
            features,
            source,
            target,
            refresh: node.child_element("refresh")?.unwrap_or_default(),
            namespace: PoolNamespace::parse(node, kind)?,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("type", &self.kind);
        if let Some(namespace) = &self.namespace {
            namespace.format_declaration(w);
        }
        w.leaf("name", &self.name);
        w.leaf("uuid", &self.uuid);
        for (name, bytes) in
            [("capacity", self.capacity), ("allocation", self.allocation), ("available", self.available)]
        {
            w.open(name);
            w.attr_str("unit", "bytes");
            w.text(&bytes);
            w.close();
        }
        self.features.format(w);
        self.source.format(w);
        if self.kind.has_target() {
            w.element("target", &self.target);
        }
        w.element_unless_empty("refresh", &self.refresh);
        if let Some(namespace) = &self.namespace {
            namespace.format(w);
        }
    }
}

impl Definition for PoolDefinition {
    const NOUN: &'static str = "pool";
    const LOOKUP_NOUN: &'static str = "storage pool";
    const MISSING: ErrorCode = ErrorCode::NO_STORAGE_POOL;

    fn name(&self) -> &str {
        &self.name
    }

    fn uuid(&self) -> Uuid {
        self.uuid
    }
}
