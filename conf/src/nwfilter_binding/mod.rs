//! The `<filterbinding>` document.
