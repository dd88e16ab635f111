//! The `<secret>` document.
