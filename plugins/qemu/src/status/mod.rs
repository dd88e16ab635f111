//! The driver's part of a status file, in stock libvirt's form: what a daemon
//! needs to find a running guest again, be it this one or the stock one.
//!
//! [`PrivateStatus`] holds the elements beside `<domain>`; [`StorageNotes`]
//! and [`DiskNotes`] those inside of it.

mod block_jobs;
mod helpers;
mod image;
mod job;
mod notes;
mod private;
#[cfg(test)]
mod tests;

pub use block_jobs::{BlockJob, BlockJobs, JobDisk};
pub use helpers::HelperNote;
pub use image::Image;
pub use job::{JobStatus, LongJob, MigratingDisk};
pub use notes::{DiskNotes, Nbdkit, StorageNotes, ThrottleNode, renew};
pub(crate) use notes::{backend_of, last_node, name_nodes, note_backend, note_served, served, served_files};
pub use private::{NO_AGENT_TIMEOUT, Numad, PrivateStatus, SlirpHelper};

use oxivirt_conf::xml::{Node, Writer};
use oxivirt_core::Result;

/// Writes `<name attr='value'/>` if there is a value.
fn leaf_attr(w: &mut Writer, name: &str, attr: &str, value: Option<&str>) {
    if let Some(value) = value {
        w.open(name);
        w.attr_str(attr, value);
        w.close();
    }
}

/// The attribute of a child, where there is such a child.
fn child_attr(node: Node<'_>, child: &str, attr: &str) -> Option<String> {
    node.child(child).and_then(|child| child.attr(attr)).map(str::to_owned)
}

/// A number that stands in an attribute of a child, 0 when it is missing.
fn child_number<T: oxivirt_conf::xml::Value + Default>(node: Node<'_>, child: &str, attr: &str) -> Result<T> {
    Ok(node.child(child).map(|child| child.value(attr)).transpose()?.flatten().unwrap_or_default())
}
