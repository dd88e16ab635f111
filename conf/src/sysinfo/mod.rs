//! The `<sysinfo>` document.
