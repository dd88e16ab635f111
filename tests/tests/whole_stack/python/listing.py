"""listAllDomains with its filters: atomic, active and inactive together."""
import libvirt
from common import URI, xml

c = libvirt.open(URI)
assert c.listAllDomains() == []
running = c.defineXML(xml("running"))
running.create()
paused = c.createXML(xml("paused"), libvirt.VIR_DOMAIN_START_PAUSED)
c.defineXML(xml("off"))
auto = c.defineXML(xml("auto"))
auto.setAutostart(1)

EVERY = {"running", "paused", "off", "auto"}
for flags, expected in [
    (0, EVERY),
    ("ACTIVE", {"running", "paused"}),
    ("INACTIVE", {"off", "auto"}),
    ("PERSISTENT", {"running", "off", "auto"}),
    ("TRANSIENT", {"paused"}),
    ("RUNNING", {"running"}),
    ("PAUSED", {"paused"}),
    ("SHUTOFF", {"off", "auto"}),
    ("OTHER", set()),
    ("MANAGEDSAVE", set()),
    ("NO_MANAGEDSAVE", EVERY),
    ("AUTOSTART", {"auto"}),
    ("NO_AUTOSTART", {"running", "paused", "off"}),
    ("HAS_SNAPSHOT", set()),
    ("NO_SNAPSHOT", EVERY),
    ("ACTIVE INACTIVE", EVERY),
    ("ACTIVE PERSISTENT", {"running"}),
    ("INACTIVE TRANSIENT", set()),
    ("RUNNING PAUSED TRANSIENT", {"paused"}),
    ("INACTIVE NO_AUTOSTART", {"off"}),
]:
    names = flags.split() if flags else []
    value = sum(getattr(libvirt, "VIR_CONNECT_LIST_DOMAINS_" + n) for n in names)
    found = [d.name() for d in c.listAllDomains(value)]
    assert len(found) == len(set(found)), found
    assert set(found) == expected, f"{flags}: {found}"

assert c.numOfDomains() == 2 and c.numOfDefinedDomains() == 2
assert sorted(c.listDomainsID()) == sorted([running.ID(), paused.ID()])
assert set(c.listDefinedDomains()) == {"off", "auto"}
assert {d.UUIDString() for d in c.listAllDomains()} == {
    c.lookupByName(n).UUIDString() for n in EVERY}
paused.destroy()
running.destroy()
c.close()
