//! `<permissions>` of a folder or an image.

use oxivirt_core::Result;

use crate::xml::{Element, Node, Writer};

/// `<permissions>`: what is absent stays as it is, or as the system makes it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Permissions {
    /// The mode, 0 to 0o777.
    pub mode: Option<u32>,
    /// Number of the user; never 2³²-1.
    pub owner: Option<u32>,
    /// Number of the group; never 2³²-1.
    pub group: Option<u32>,
    /// The security label.
    pub label: Option<String>,
}

const MOST: u32 = 0o777;

fn mode(node: Node<'_>) -> Result<Option<u32>> {
    let text = node.text();
    if text.is_empty() {
        return Ok(None);
    }
    let digits = text.trim_start();
    let octal = !digits.is_empty() && digits.bytes().all(|b| (b'0'..=b'7').contains(&b));
    let mode = octal.then(|| u32::from_str_radix(digits, 8).ok()).flatten().filter(|mode| *mode <= MOST);
    mode.map(Some).ok_or_else(|| node.bad_text(&text, "an octal number from 0 to 0777"))
}

/// A number of a user or group; -1 stands for none.
fn id(node: Node<'_>) -> Result<Option<u32>> {
    let text = node.text();
    match text.trim_start().parse::<i64>() {
        Ok(-1) => Ok(None),
        Ok(number) if number == i64::from(u32::MAX) => Ok(None),
        // Stock prints large ones as negative numbers.
        Ok(number) if number < 0 && i32::try_from(number).is_ok() => Ok(u32::try_from(number + (1 << 32)).ok()),
        Ok(number) if number >= 0 && u32::try_from(number).is_ok() => Ok(u32::try_from(number).ok()),
        _ => Err(node.bad_text(&text, "a number from 0 to 4294967294, or -1 for none")),
    }
}

impl Element for Permissions {
    fn parse(node: Node<'_>) -> Result<Self> {
        Ok(Self {
            mode: node.child("mode").map(mode).transpose()?.flatten(),
            owner: node.child("owner").map(id).transpose()?.flatten(),
            group: node.child("group").map(id).transpose()?.flatten(),
            label: node.child_text("label").filter(|l| !l.is_empty()).map(|l| l.into_owned()),
        })
    }

    fn format(&self, w: &mut Writer) {
        if let Some(mode) = self.mode {
            w.leaf_str("mode", &format!("0{mode:o}"));
        }
        w.leaf_opt("owner", self.owner.as_ref());
        w.leaf_opt("group", self.group.as_ref());
        w.leaf_opt("label", self.label.as_ref());
    }
}
