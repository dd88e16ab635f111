//! A RELAX NG grammar, read with the crate's own tree.

use std::collections::HashMap;
use std::path::Path;

use oxivirt_conf::xml::{Document, Node};

/// What a schema allows at one place.
#[derive(Debug, Clone)]
pub(crate) enum Pattern {
    /// Qualified with one of [`PREFIXES`] where it has a namespace.
    Element(String, Box<Pattern>),
    Attribute(String, Box<Pattern>),
    /// A fixed text.
    Value(String),
    /// A type with its parameters.
    Data(String, Vec<(String, String)>),
    Text,
    Choice(Vec<Pattern>),
    Group(Vec<Pattern>),
    Optional(Box<Pattern>),
    Many(Box<Pattern>),
    Ref(String),
    NotAllowed,
}

/// Prefixes of the drivers' namespaces.
pub(crate) const PREFIXES: [(&str, &str); 5] = [
    ("qemu", "http://libvirt.org/schemas/domain/qemu/1.0"),
    ("lxc", "http://libvirt.org/schemas/domain/lxc/1.0"),
    ("xen", "http://libvirt.org/schemas/domain/xen/1.0"),
    ("bhyve", "http://libvirt.org/schemas/domain/bhyve/1.0"),
    ("vmware", "http://libvirt.org/schemas/domain/vmware/1.0"),
];

/// The definitions of a schema and of all that it includes.
#[derive(Debug, Default)]
pub(crate) struct Grammar {
    defines: HashMap<String, Pattern>,
}

impl Grammar {
    /// Reads a schema.
    pub(crate) fn load(file: &Path) -> Self {
        let mut grammar = Self::default();
        grammar.include(file, &mut Vec::new());
        grammar
    }

    /// What a name stands for.
    pub(crate) fn define(&self, name: &str) -> &Pattern {
        self.defines.get(name).unwrap_or_else(|| panic!("the schema does not define '{name}'"))
    }

    fn include(&mut self, file: &Path, done: &mut Vec<String>) {
        let name = file.to_string_lossy().into_owned();
        if done.contains(&name) {
            return;
        }
        done.push(name);
        let text = std::fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let document = Document::parse(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        self.content(document.root(), file, done);
    }

    fn content(&mut self, node: Node<'_>, file: &Path, done: &mut Vec<String>) {
        for child in node.children() {
            match child.name() {
                "include" => {
                    let href = child.attr("href").expect("an include names its file");
                    self.include(&file.with_file_name(href), done);
                    // What stands inside replaces what was included.
                    for define in child.children_named("define") {
                        self.defines.remove(define.attr("name").expect("a define has a name"));
                    }
                    self.content(child, file, done);
                }
                "define" => self.add(child),
                "div" => self.content(child, file, done),
                _ => {}
            }
        }
    }

    fn add(&mut self, node: Node<'_>) {
        let name = node.attr("name").expect("a define has a name").to_owned();
        let pattern = group(node);
        let joined = match self.defines.remove(&name) {
            Some(Pattern::Choice(mut all)) if node.attr("combine").is_some() => {
                all.push(pattern);
                Pattern::Choice(all)
            }
            Some(before) => Pattern::Choice(vec![before, pattern]),
            None => pattern,
        };
        self.defines.insert(name, joined);
    }
}

fn group(node: Node<'_>) -> Pattern {
    let mut inside: Vec<Pattern> = node.children().filter_map(pattern).collect();
    if inside.len() == 1 { inside.remove(0) } else { Pattern::Group(inside) }
}

fn pattern(node: Node<'_>) -> Option<Pattern> {
    let boxed = || Box::new(group(node));
    let name = || node.attr("name").map(str::to_owned);
    Some(match node.name() {
        "element" => Pattern::Element(qualified(node, &name()?), boxed()),
        "attribute" => {
            let inside = if node.children().next().is_none() { Pattern::Text } else { group(node) };
            Pattern::Attribute(name()?, Box::new(inside))
        }
        "value" => Pattern::Value(node.text().trim().to_owned()),
        "data" => Pattern::Data(
            node.attr("type").unwrap_or("string").to_owned(),
            node.children_named("param")
                .map(|p| (p.attr("name").unwrap_or_default().to_owned(), p.text().into_owned()))
                .collect(),
        ),
        "text" => Pattern::Text,
        "choice" => Pattern::Choice(node.children().filter_map(pattern).collect()),
        "group" | "interleave" | "list" => group(node),
        "optional" => Pattern::Optional(boxed()),
        "zeroOrMore" | "oneOrMore" => Pattern::Many(boxed()),
        "ref" => Pattern::Ref(name()?),
        "empty" => Pattern::Group(Vec::new()),
        "notAllowed" => Pattern::NotAllowed,
        "anyName" => return None,
        other => panic!("the schema uses '{other}', which this reader does not know"),
    })
}

fn qualified(node: Node<'_>, name: &str) -> String {
    let ns = std::iter::successors(Some(node), Node::parent).find_map(|n| n.attr("ns"));
    match ns.and_then(|uri| PREFIXES.iter().find(|(_, known)| *known == uri)) {
        Some((prefix, _)) => format!("{prefix}:{name}"),
        None => name.to_owned(),
    }
}
