//! Title, description and foreign metadata.

use oxivirt_core::interface::{DomainMetadata, implements};

use crate::TestConnection;

#[implements]
impl DomainMetadata for TestConnection {}
