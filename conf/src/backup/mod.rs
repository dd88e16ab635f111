//! The `<domainbackup>` document.
