"""Lifecycle callbacks: for all domains, for one, and the same function on two connections.

The client library refuses to register one function twice on one connection;
the daemon does not, see events.rs.
"""
import threading

import libvirt
from common import URI, wait, xml

libvirt.virEventRegisterDefaultImpl()
stop = False


def loop():
    while not stop:
        libvirt.virEventRunDefaultImpl()


threading.Thread(target=loop, daemon=True).start()
tick = libvirt.virEventAddTimeout(50, lambda *_: None, None)

c = libvirt.open(URI)
actor = libvirt.open(URI)
one, two = actor.defineXML(xml("one")), actor.defineXML(xml("two"))
heard = {"all": [], "one": [], "twice": []}


def note(conn, dom, event, detail, key):
    # Whether QEMU still tells of its shutdown while it is being ended is luck.
    if event != libvirt.VIR_DOMAIN_EVENT_SHUTDOWN:
        heard[key].append((dom.name(), event, detail))


LIFECYCLE = libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE
ids = [
    c.domainEventRegisterAny(None, LIFECYCLE, note, "all"),
    c.domainEventRegisterAny(c.lookupByName("one"), LIFECYCLE, note, "one"),
    c.domainEventRegisterAny(c.lookupByName("two"), LIFECYCLE, note, "twice"),
]
assert len(set(ids)) == 3, ids
other = libvirt.open(URI)
again = other.domainEventRegisterAny(other.lookupByName("two"), LIFECYCLE, note, "twice")

for dom in (one, two):
    dom.create()
    dom.suspend()
    dom.resume()
    dom.destroy()

E = libvirt
steps = [
    (E.VIR_DOMAIN_EVENT_RESUMED, E.VIR_DOMAIN_EVENT_RESUMED_UNPAUSED),
    (E.VIR_DOMAIN_EVENT_STARTED, E.VIR_DOMAIN_EVENT_STARTED_BOOTED),
    (E.VIR_DOMAIN_EVENT_SUSPENDED, E.VIR_DOMAIN_EVENT_SUSPENDED_PAUSED),
    (E.VIR_DOMAIN_EVENT_RESUMED, E.VIR_DOMAIN_EVENT_RESUMED_UNPAUSED),
    (E.VIR_DOMAIN_EVENT_STOPPED, E.VIR_DOMAIN_EVENT_STOPPED_DESTROYED),
]
expected = [(name,) + step for name in ("one", "two") for step in steps]
wait("every event of two twice", lambda: len(heard["twice"]) >= len(expected))
wait("the last event", lambda: len(heard["all"]) >= len(expected))
assert heard["all"] == expected, heard["all"]
assert heard["one"] == expected[:5], heard["one"]
assert sorted(heard["twice"]) == sorted(expected[5:] * 2), heard["twice"]

# Taking one of two equal registrations away leaves the other.
c.domainEventDeregisterAny(ids[2])
for key in heard:
    heard[key].clear()
two.create()
two.destroy()
wait("the events of a second start", lambda: len(heard["all"]) >= 3)
wait("the remaining registration", lambda: len(heard["twice"]) >= 3)
assert len(heard["twice"]) == 3, heard["twice"]
assert heard["one"] == [], heard["one"]
for i in ids[:2]:
    c.domainEventDeregisterAny(i)
other.domainEventDeregisterAny(again)
one.undefine()
two.undefine()
stop = True
c.close()
other.close()
actor.close()
