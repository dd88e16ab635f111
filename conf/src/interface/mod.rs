//! The `<interface>` document of a host interface.
