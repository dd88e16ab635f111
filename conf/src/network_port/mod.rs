//! The `<networkport>` document.
