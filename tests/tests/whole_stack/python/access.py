"""Old listings and events, as a user who may see `web-*` only."""

import os
import pwd
import sys
import threading
import time

import libvirt

uri = sys.argv[1]
XML = "<domain type='test'><name>%s</name><memory>8192</memory><os><type>hvm</type></os></domain>"

libvirt.registerErrorHandler(lambda *_: None, None)
libvirt.virEventRegisterDefaultImpl()


def turn():
    while True:
        libvirt.virEventRunDefaultImpl()


threading.Thread(target=turn, daemon=True).start()
root = libvirt.open(uri)
for name in ["web-1", "web-2", "keep", "web-off"]:
    root.defineXML(XML % name)
for name in ["web-1", "keep"]:
    root.lookupByName(name).create()

# Peer credentials are those of the moment of connecting.
nobody = pwd.getpwnam("nobody")
os.setegid(nobody.pw_gid)
os.seteuid(nobody.pw_uid)
conn = libvirt.open(uri)
os.seteuid(0)
os.setegid(0)

web = root.lookupByName("web-1").ID()
assert conn.listDomainsID() == [web], conn.listDomainsID()
assert conn.numOfDomains() == 1
assert sorted(conn.listDefinedDomains()) == ["web-2", "web-off"], conn.listDefinedDomains()
assert conn.numOfDefinedDomains() == 2
assert sorted(d.name() for d in conn.listAllDomains()) == ["web-1", "web-2", "web-off"]
try:
    conn.lookupByName("keep")
    raise SystemExit("keep was found")
except libvirt.libvirtError as error:
    assert error.get_error_code() == libvirt.VIR_ERR_ACCESS_DENIED, error
    assert error.get_error_domain() == libvirt.VIR_FROM_ACCESS, error

VOLUME = "<volume><name>%s</name><capacity>1048576</capacity></volume>"
pool = root.storagePoolLookupByName("default-pool")
for name in ["alpha", "beta"]:
    pool.createXML(VOLUME % name)
theirs = conn.storagePoolLookupByName("default-pool")
assert theirs.listVolumes() == ["alpha"], theirs.listVolumes()
assert theirs.numOfVolumes() == 1
assert [v.name() for v in theirs.listAllVolumes()] == ["alpha"]
try:
    theirs.listAllVolumes()[0].delete()
    raise SystemExit("a volume was deleted")
except libvirt.libvirtError as error:
    assert error.get_error_code() == libvirt.VIR_ERR_ACCESS_DENIED, error

seen = []
conn.domainEventRegisterAny(
    None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, lambda c, d, e, detail, o: seen.append((d.name(), e)), None
)
for name in ["other", "web-2", "web-off"]:
    domain = root.lookupByName(name) if name != "other" else root.defineXML(XML % name)
    domain.create()
deadline = time.time() + 20
while len(seen) < 2 and time.time() < deadline:
    time.sleep(0.05)
time.sleep(0.3)
assert seen == [("web-2", 2), ("web-off", 2)], seen
print("fine")
