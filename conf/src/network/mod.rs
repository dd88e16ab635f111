//! The `<network>` document.
