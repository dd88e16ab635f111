"""A host from a file."""
import libvirt

from ask import URI, ask, each

conn = libvirt.open(URI)
each(
    "lists",
    [
        "listAllNetworks",
        "listAllInterfaces",
        "listAllStoragePools",
        "listAllDevices",
        "listAllDomains",
        "listNetworks",
        "listInterfaces",
        "listStoragePools",
    ],
    conn,
)
for net in sorted(conn.listAllNetworks(), key=lambda net: net.name()):
    each(net.name(), ["isActive", "isPersistent", "autostart", "bridgeName", "XMLDesc"], net)
for interface in sorted(conn.listAllInterfaces(), key=lambda interface: interface.name()):
    each(interface.name(), ["isActive", "MACString", "XMLDesc"], interface)
for device in sorted(conn.listAllDevices(), key=lambda device: device.name()):
    each(device.name(), ["isActive", "isPersistent", "parent", "listCaps", "XMLDesc"], device)
for pool in sorted(conn.listAllStoragePools(), key=lambda pool: pool.name()):
    each(pool.name(), ["isActive", "isPersistent", "autostart", "info", "XMLDesc"], pool)
    for vol in sorted(pool.listAllVolumes(), key=lambda vol: vol.name()):
        each(f"{pool.name()}: {vol.name()}", ["info", "key", "path", "XMLDesc"], vol)
