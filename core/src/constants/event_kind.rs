//! Kinds of events about other objects than domains.

crate::constants::constants! {
    /// Kinds of network events.
    pub struct NetworkEventId(i32) {
        LIFECYCLE = 0,
        METADATA_CHANGE = 1,
    }

    /// What happened in the life of a network.
    pub struct NetworkEventType(i32) {
        DEFINED = 0,
        UNDEFINED = 1,
        STARTED = 2,
        STOPPED = 3,
    }

    /// Kinds of storage pool events.
    pub struct StoragePoolEventId(i32) {
        LIFECYCLE = 0,
        REFRESH = 1,
    }

    /// What happened in the life of a storage pool.
    pub struct StoragePoolEventType(i32) {
        DEFINED = 0,
        UNDEFINED = 1,
        STARTED = 2,
        STOPPED = 3,
        CREATED = 4,
        DELETED = 5,
    }

    /// Kinds of node device events.
    pub struct NodeDeviceEventId(i32) {
        LIFECYCLE = 0,
        UPDATE = 1,
    }

    /// What happened in the life of a node device.
    pub struct NodeDeviceEventType(i32) {
        CREATED = 0,
        DELETED = 1,
        DEFINED = 2,
        UNDEFINED = 3,
    }

    /// Kinds of secret events.
    pub struct SecretEventId(i32) {
        LIFECYCLE = 0,
        VALUE_CHANGED = 1,
    }

    /// What happened in the life of a secret.
    pub struct SecretEventType(i32) {
        DEFINED = 0,
        UNDEFINED = 1,
    }
}
