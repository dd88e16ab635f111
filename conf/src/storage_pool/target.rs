//! `<target>`: where the pool shows on this host.

use oxivirt_core::Result;

use super::Permissions;
use crate::xml::{Element, Node, Writer};

/// `<target>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PoolTarget {
    /// The folder; absent for pools that are only reached through the network.
    pub path: Option<String>,
    /// Of the folder, when it is made.
    pub permissions: Permissions,
}

/// A path with single slashes and none at the end.
///
/// Two slashes in front, and only two, are kept: they may mean something else
/// than one.
pub fn tidy_path(path: &str) -> String {
    let root = match path.len() - path.trim_start_matches('/').len() {
        0 => "",
        2 => "//",
        _ => "/",
    };
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    root.to_owned() + &parts.join("/")
}

impl Element for PoolTarget {
    fn parse(node: Node<'_>) -> Result<Self> {
        let path = node.child_text("path").filter(|path| !path.is_empty()).map(|path| tidy_path(&path));
        Ok(Self { path, permissions: node.child_element("permissions")?.unwrap_or_default() })
    }

    fn format(&self, w: &mut Writer) {
        w.leaf_opt("path", self.path.as_ref());
        w.element_unless_empty("permissions", &self.permissions);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_are_tidied() {
        for (given, tidy) in [
            ("/", "/"),
            ("//", "//"),
            ("///", "/"),
            ("//a//b/", "//a/b"),
            ("///a", "/a"),
            ("rel/x//y", "rel/x/y"),
            ("volume", "volume"),
            ("/a/b", "/a/b"),
        ] {
            assert_eq!(tidy_path(given), tidy, "{given}");
            assert_eq!(tidy_path(tidy), tidy, "{given}");
        }
    }
}
