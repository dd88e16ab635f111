//! The `<device>` document.
