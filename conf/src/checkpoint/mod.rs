//! The `<domaincheckpoint>` document.
