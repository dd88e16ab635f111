//! The `<pool>` document.
