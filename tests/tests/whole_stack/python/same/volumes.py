"""Storage volumes."""
import libvirt

from ask import URI, ask, each, refused

conn = libvirt.open(URI)
pool = conn.storagePoolLookupByName("default-pool")
XML = "<volume><name>%s</name><capacity unit='bytes'>%d</capacity><allocation unit='bytes'>%d</allocation></volume>"
FULL = (
    "<volume type='file'><name>full</name><key>mykey</key><capacity unit='G'>1</capacity>"
    "<target><path>/elsewhere/x</path><format type='qcow2'/>"
    "<permissions><mode>0644</mode><owner>1</owner><group>2</group></permissions></target>"
    "<backingStore><path>/b</path><format type='raw'/></backingStore></volume>"
)
GIB = 1 << 30
ASKED = ["info", "path", "key", "name"]

vol = ask("made", pool.createXML, XML % ("v1", 10 * GIB, GIB), 0)
each("made", ASKED, vol)
ask("made: printed", vol.XMLDesc, 0)
ask("made: printed with flags", vol.XMLDesc, 1)
ask("made: pool", vol.storagePoolLookupByVolume)
ask("made: space", pool.info)
ask("the name is taken", pool.createXML, XML % ("v1", GIB, 0), 0)
ask("too large", pool.createXML, XML % ("v2", GIB, 200 * GIB), 0)
ask("a large one that is empty", pool.createXML, XML % ("v3", 200 * GIB, 0), 0)
ask("one that takes the rest", pool.createXML, XML % ("v4", 0, 99 * GIB), 0)
ask("one byte too many", pool.createXML, XML % ("v5", 0, 1), 0)
ask("full: space", pool.info)
ask("full: printed", pool.XMLDesc, 0)
ask("the rest is given back", pool.storageVolLookupByName("v4").delete, 0)
for flags in (1, 2, 3, 8):
    ask(f"made with {flags}", pool.createXML, XML % ("f", GIB, 0), flags)
    ask(f"copied with {flags}", pool.createXMLFrom, XML % ("g", GIB, 0), vol, flags)
ask("not as the schema says", pool.createXML, XML % ("h", GIB, 0), 4)
full = ask("everything said", pool.createXML, FULL, 0)
ask("everything said: printed", full.XMLDesc, 0)
ask("everything said: by its key", conn.storageVolLookupByKey, "mykey")
for name, capacity, allocation in [("c1", 0, 0), ("c1", 0, 0), ("c2", GIB, 0), ("c3", GIB, 200 * GIB), ("c4", 20 * GIB, 5)]:
    copy = ask(f"copied to {name} of {allocation}", pool.createXMLFrom, XML % (name, capacity, allocation), vol, 0)
    if copy:
        ask(f"copied to {name}: printed", copy.XMLDesc, 0)
for number, bad in enumerate(
    ["<x/>", "nope", "<volume/>", "<volume type='foo'><name>a</name><capacity>1</capacity></volume>", "<volume><name>a</name></volume>", ""]
):
    refused(f"bad document {number}", pool.createXML, bad, 0)
    refused(f"bad document {number} of a copy", pool.createXMLFrom, bad, vol, 0)

each("all", ["listVolumes", "numOfVolumes", "listAllVolumes"], pool)
for path in ("/default-pool/v1", "/zz", "default-pool/v1"):
    ask(f"by the path {path}", conn.storageVolLookupByPath, path)
    ask(f"by the key {path}", conn.storageVolLookupByKey, path)
for name in ("v1", "zz"):
    ask(f"by the name {name}", pool.storageVolLookupByName, name)
ask("resized", vol.resize, 11 * GIB, 0)
ask("wiped", vol.wipe, 0)
ask("wiped by zeros", vol.wipePattern, 0, 0)
ask("physical size", vol.infoFlags, 1)
for flags in (1, 2):
    ask(f"deleted with {flags}", vol.delete, flags)

other = conn.storagePoolDefineXML("<pool type='dir'><name>o</name><target><path>/o</path></target></pool>", 0)
other.create(0)
ask("copied from another pool", other.createXMLFrom, XML % ("w", 1000, 0), vol, 0)
own = ask("in another pool", other.createXML, XML % ("v1", 1000, 0), 0)
each("in another pool", ASKED, own)

ask("deleted", vol.delete, 0)
ask("deleted: space", pool.info)
each("deleted", ["info", "path", "storagePoolLookupByVolume"], vol)
each("deleted", ["delete", "XMLDesc"], vol, 0)
ask("deleted: copied", pool.createXMLFrom, XML % ("c9", 0, 0), vol, 0)
ask("stopped", other.destroy)
each("stopped", ["info", "path", "storagePoolLookupByVolume"], own)
each("stopped", ["delete", "XMLDesc"], own, 0)
ask("stopped: by the key", conn.storageVolLookupByKey, "/o/v1")
ask("stopped: by the path", conn.storageVolLookupByPath, "/o/v1")
ask("stopped: space", other.info)
ask("started again", other.create, 0)
ask("started again: all", other.listVolumes)
ask("deleted with the pool", other.destroy)
ask("the pool is forgotten", other.undefine)
each("without a pool", ["info", "path", "storagePoolLookupByVolume"], own)
each("without a pool", ["delete", "XMLDesc"], own, 0)
