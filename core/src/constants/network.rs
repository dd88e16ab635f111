//! Flags and numbers of calls about networks, interfaces and filters.

crate::constants::flags! {
    /// What to print of a network.
    pub struct NetworkXmlFlags(u32) {
        INACTIVE = 1,
    }

    /// Which networks to list; flags of one group are alternatives, groups combine.
    pub struct ListNetworksFlags(u32) {
        INACTIVE = 1,
        ACTIVE = 2,
        PERSISTENT = 4,
        TRANSIENT = 8,
        AUTOSTART = 16,
        NO_AUTOSTART = 32,
    }

    /// Whether a change touches the active network, its definition or both.
    pub struct NetworkUpdateFlags(u32) {
        CURRENT = 0,
        LIVE = 1,
        CONFIG = 2,
    }

    /// How to define a network.
    pub struct NetworkDefineFlags(u32) {
        VALIDATE = 1,
    }

    /// How to start a network.
    pub struct NetworkCreateFlags(u32) {
        VALIDATE = 1,
    }

    /// How to make a port.
    pub struct NetworkPortCreateFlags(u32) {
        RECLAIM = 1,
        VALIDATE = 2,
    }

    /// What to print of an interface.
    pub struct InterfaceXmlFlags(u32) {
        INACTIVE = 1,
    }

    /// How to define an interface.
    pub struct InterfaceDefineFlags(u32) {
        VALIDATE = 1,
    }

    /// Which interfaces to list.
    pub struct ListInterfacesFlags(u32) {
        INACTIVE = 1,
        ACTIVE = 2,
    }

    /// How to bind a filter.
    pub struct NwFilterBindingCreateFlags(u32) {
        VALIDATE = 1,
    }

    /// How to define a filter.
    pub struct NwFilterDefineFlags(u32) {
        VALIDATE = 1,
    }
}

crate::constants::constants! {
    /// What to do with a part of a network.
    pub struct NetworkUpdateCommand(u32) {
        NONE = 0,
        MODIFY = 1,
        DELETE = 2,
        ADD_FIRST = 4,
    }

    /// Parts of a network.
    pub struct NetworkUpdateSection(u32) {
        NONE = 0,
        BRIDGE = 1,
        DOMAIN = 2,
        IP = 3,
        IP_DHCP_HOST = 4,
        IP_DHCP_RANGE = 5,
        FORWARD = 6,
        FORWARD_INTERFACE = 7,
        FORWARD_PF = 8,
        PORTGROUP = 9,
        DNS_HOST = 10,
        DNS_TXT = 11,
        DNS_SRV = 12,
    }

    /// Kinds of metadata of a network.
    pub struct NetworkMetadataType(i32) {
        DESCRIPTION = 0,
        TITLE = 1,
        ELEMENT = 2,
    }
}
