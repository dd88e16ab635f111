//! domain_capabilities
