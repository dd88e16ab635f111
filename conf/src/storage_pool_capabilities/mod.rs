//! The `<storagepoolCapabilities>` document.
