//! The `<filter>` document.
