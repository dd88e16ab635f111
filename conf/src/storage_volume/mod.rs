//! The `<volume>` document.
