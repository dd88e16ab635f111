//! The `<domainsnapshot>` document.
