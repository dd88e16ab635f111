"""Storage pools."""
import libvirt

from ask import URI, ask, each, refused

conn = libvirt.open(URI)
UUID = "11111111-1111-1111-1111-11111111111%d"
XML = "<pool type='%s'><name>%s</name><uuid>%s</uuid><source>%s</source><target><path>/%s</path></target></pool>"
VOLUME = "<volume><name>v</name><capacity>1000</capacity></volume>"
SOURCES = {
    "dir": "",
    "fs": "<device path='/dev/sda1'/>",
    "netfs": "<host name='h'/><dir path='/x'/>",
    "logical": "<device path='/dev/sdb'/>",
    "disk": "<device path='/dev/sdc'/>",
    "iscsi": "<host name='h'/><device path='iqn.x'/>",
    "iscsi-direct": "<host name='h'/><device path='iqn.x'/><initiator><iqn name='iqn.y'/></initiator>",
    "scsi": "<adapter name='scsi_host1'/>",
    "mpath": "",
    "rbd": "<host name='h'/><name>x</name>",
    "gluster": "<host name='h'/><name>x</name>",
    "zfs": "<name>z</name>",
    "vstorage": "<name>z</name>",
}


def xml(name, number, path, kind="dir", source=""):
    return XML % (kind, name, UUID % number, source, path)


def lists(when):
    for flags in [0, 3, 12, 48, 66] + [1 << bit for bit in range(21)]:
        ask(f"{when}: listed with {flags}", conn.listAllStoragePools, flags)
    each(when, ["numOfStoragePools", "numOfDefinedStoragePools"], conn)
    each(when, ["listStoragePools", "listDefinedStoragePools"], conn)


ASKED = ["info", "isActive", "isPersistent", "autostart", "numOfVolumes", "listVolumes"]
lists("in the beginning")
default = conn.storagePoolLookupByName("default-pool")
each("default", ASKED + ["UUIDString", "listAllVolumes"], default)
for flags in (0, 1, 2):
    ask(f"default: printed with {flags}", default.XMLDesc, flags)
ask("nobody", conn.storagePoolLookupByName, "nobody")
ask("no such uuid", conn.storagePoolLookupByUUIDString, "99999999-9999-9999-9999-999999999998")
ask("by path", conn.storagePoolLookupByTargetPath, "/default-pool")
ask("capabilities are told", lambda: conn.getStoragePoolCapabilities(0)[:25])

for kind in ("logical", "netfs", "iscsi", "dir", "nonsense", "fs", "disk", "scsi"):
    ask(f"sources of {kind}", conn.findStoragePoolSources, kind, None, 0)
    ask(f"sources of {kind} on a host", conn.findStoragePoolSources, kind, "<source><host name='h'/></source>", 0)
    refused(f"sources of {kind} by a bad document", conn.findStoragePoolSources, kind, "<x/>", 0)
ask("sources with flags", conn.findStoragePoolSources, "logical", None, 1)

ask("running: started", default.create, 0)
ask("running: started with flags", default.create, 8)
each("running", ["build", "delete"], default, 0)
each("running with flags", ["build", "delete", "refresh", "listAllVolumes"], default, 1)
each("running", ["undefine", "refresh"], default)

pool = ask("defined", conn.storagePoolDefineXML, xml("a", 1, "a"), 0)
ask("defined: printed", pool.XMLDesc, 0)
each("defined", ASKED + ["destroy", "refresh", "listAllVolumes"], pool)
ask("defined: a volume", pool.createXML, VOLUME, 0)
ask("defined: a volume by its name", pool.storageVolLookupByName, "v")
ask("the name is taken", conn.storagePoolDefineXML, xml("a", 2, "a"), 0)
ask("the uuid is taken", conn.storagePoolDefineXML, xml("b", 1, "b"), 0)
ask("the path is taken", conn.storagePoolDefineXML, xml("c", 2, "a"), 0)
ask("the path of another is taken", conn.storagePoolCreateXML, xml("c", 2, "default-pool"), 0)
ask("defined anew", conn.storagePoolDefineXML, xml("a", 1, "aa"), 0)
ask("defined anew: printed", pool.XMLDesc, 0)
ask("built", pool.build, 0)
ask("started", pool.create, 0)
each("started", ASKED, pool)
ask("defined while it runs", conn.storagePoolDefineXML, xml("a", 1, "ab"), 0)
ask("defined while it runs: printed", pool.XMLDesc, 0)
ask("run while it runs", conn.storagePoolCreateXML, xml("a", 1, "ab"), 0)
ask("autostart", pool.setAutostart, 1)
ask("autostart is", pool.autostart)
lists("in the middle")
ask("stopped", pool.destroy)
ask("stopped: printed", pool.XMLDesc, 0)
ask("deleted", pool.delete, 0)
ask("run while defined", conn.storagePoolCreateXML, xml("a", 1, "ac"), 0)
each("run while defined", ["isActive", "isPersistent"], pool)
ask("run while defined: stopped", pool.destroy)
each("gone", ASKED + ["destroy", "undefine", "refresh", "listAllVolumes"], pool)
each("gone", ["create", "build", "delete", "XMLDesc"], pool, 0)
ask("gone: autostart set", pool.setAutostart, 1)
ask("gone: a volume", pool.createXML, VOLUME, 0)
ask("gone: a volume by its name", pool.storageVolLookupByName, "v")

brief = ask("transient", conn.storagePoolCreateXML, xml("tr", 3, "tr"), 0)
each("transient", ["isPersistent", "autostart", "undefine"], brief)
ask("transient: autostart set", brief.setAutostart, 1)
ask("transient, then defined", conn.storagePoolDefineXML, xml("tr", 3, "tr"), 0)
ask("transient, then defined: stays", brief.isPersistent)
for flags in (1, 2, 4, 8):
    ask(f"run with {flags}", conn.storagePoolCreateXML, xml("f", 5, "f"), flags)
    ask(f"defined with {flags}", conn.storagePoolDefineXML, xml("df", 6, "df"), flags)
ask("not as the schema says", conn.storagePoolDefineXML, "<pool type='dir'><name>q</name><foo/></pool>", 1)
for number, bad in enumerate(
    ["<x/>", "nope", "<pool/>", "<pool type='foo'/>", "<pool type='dir'/>", "<pool type='dir'><name>ab</name></pool>", ""]
):
    refused(f"bad document {number}", conn.storagePoolDefineXML, bad, 0)
    refused(f"bad document {number} to run", conn.storagePoolCreateXML, bad, 0)

for kind, source in SOURCES.items():
    made = ask(f"{kind}: defined", conn.storagePoolDefineXML, xml("x", 7, "x", kind, source), 0)
    ask(f"{kind}: a second of the source", conn.storagePoolDefineXML, xml("y", 8, "y", kind, source), 0)
    if (second := [pool for pool in conn.listAllStoragePools(0) if pool.name() == "y"]):
        second[0].undefine()
    each(f"{kind}", ["build", "create", "XMLDesc"], made, 0)
    volume = ask(f"{kind}: volume", made.createXML, VOLUME, 0)
    ask(f"{kind}: volume printed", volume.XMLDesc, 0)
    ask(f"{kind}: volume told", volume.info)
    ask(f"{kind}: with a volume", made.XMLDesc, 0)
    ask(f"{kind}: listed", conn.listAllStoragePools, 1 << 6 + list(SOURCES).index(kind))
    each(f"{kind}", ["destroy", "delete", "undefine"], made)

ADAPTER = "<adapter type='fc_host' wwnn='20000000c9831b4b' wwpn='10000000c9831b4b'/>"
made = ask("adapter: run", conn.storagePoolCreateXML, xml("s", 9, "s", "scsi", ADAPTER), 0)
ask("adapter: devices", conn.listAllDevices, 0)
ask("adapter: stopped", made.destroy)
ask("adapter: devices after", conn.listAllDevices, 0)
made = ask("adapter: defined", conn.storagePoolDefineXML, xml("s", 9, "s", "scsi", ADAPTER), 0)
ask("adapter: started", made.create, 0)
ask("adapter: stopped when started", made.destroy)
ask("adapter: forgotten", made.undefine)
MISSING = "<adapter type='fc_host' parent='scsi_host77' wwnn='20000000c9831b4b' wwpn='10000000c9831b4b'/>"
refused("adapter: without parent", conn.storagePoolDefineXML(xml("s", 9, "s", "scsi", MISSING), 0).create, 0)
each("adapter: without parent", ["isActive", "destroy", "undefine"], conn.storagePoolLookupByName("s"))
lists("in the end")
