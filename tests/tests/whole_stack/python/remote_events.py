"""Events of every kind reach a client, filtered and not, until it takes its callbacks back."""
import sys
import threading
import time

import libvirt

LIMIT = 60


def loop():
    while True:
        libvirt.virEventRunDefaultImpl()


libvirt.virEventRegisterDefaultImpl()
# Wakes the loop, which else sleeps for ever when nothing happens.
libvirt.virEventAddTimeout(100, lambda timer, opaque: None, None)
threading.Thread(target=loop, daemon=True).start()

heard = []


def hears(what):
    return lambda conn, thing, *details: heard.append((what, thing.name() if hasattr(thing, 'name') else '?') + details[:-1])


def wait(what, name=None):
    """Waits for one event and forgets it and what came before."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        for at, event in enumerate(heard):
            if event[0] == what and name in (None, event[1]):
                del heard[:at + 1]
                return event
        time.sleep(0.02)
    sys.exit('nothing heard of %s %s, but %s' % (what, name, heard))


conn = libvirt.open(sys.argv[1])
dom = conn.lookupByName('test')

# Domains: the old call, all, one, and one that is not there.
old = hears('old')
conn.domainEventRegister(old, None)
every = conn.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, hears('every'), None)
this = conn.domainEventRegisterAny(dom, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, hears('this'), None)
dom.suspend()
wait_for = {'old', 'every', 'this'}
end = time.monotonic() + LIMIT
while {event[0] for event in heard} != wait_for and time.monotonic() < end:
    time.sleep(0.02)
assert {event[0] for event in heard} == wait_for, heard
assert all(event[2] == libvirt.VIR_DOMAIN_EVENT_SUSPENDED for event in heard), heard
del heard[:]
other = conn.defineXML("<domain type='test'><name>other</name><memory>1024</memory><os><type>hvm</type></os></domain>")
wait('every', 'other')
conn.domainEventDeregister(old)
conn.domainEventDeregisterAny(every)
other.undefine()
dom.resume()
event = wait('this')
assert event[2] == libvirt.VIR_DOMAIN_EVENT_RESUMED, event
assert not [event for event in heard if event[0] != 'this'], heard
conn.domainEventDeregisterAny(this)

# Networks.
net = conn.networkLookupByName('default')
number = conn.networkEventRegisterAny(net, libvirt.VIR_NETWORK_EVENT_ID_LIFECYCLE, hears('network'), None)
net.destroy()
assert wait('network', 'default')[2] == libvirt.VIR_NETWORK_EVENT_STOPPED
net.create()
assert wait('network', 'default')[2] == libvirt.VIR_NETWORK_EVENT_STARTED
conn.networkEventDeregisterAny(number)

# Storage pools.
pool = conn.storagePoolLookupByName('default-pool')
life = conn.storagePoolEventRegisterAny(None, libvirt.VIR_STORAGE_POOL_EVENT_ID_LIFECYCLE, hears('pool'), None)
fresh = conn.storagePoolEventRegisterAny(pool, libvirt.VIR_STORAGE_POOL_EVENT_ID_REFRESH, hears('refresh'), None)
pool.refresh()
wait('refresh', 'default-pool')
pool.destroy()
assert wait('pool', 'default-pool')[2] == libvirt.VIR_STORAGE_POOL_EVENT_STOPPED
conn.storagePoolEventDeregisterAny(life)
conn.storagePoolEventDeregisterAny(fresh)

# Devices of the host.
number = conn.nodeDeviceEventRegisterAny(None, libvirt.VIR_NODE_DEVICE_EVENT_ID_LIFECYCLE, hears('device'), None)
device = conn.nodeDeviceCreateXML(
    "<device><name>told</name><parent>scsi_host1</parent><capability type='scsi_host'><capability type='fc_host'>"
    "<wwnn>2000000012341234</wwnn><wwpn>2100000012341234</wwpn></capability></capability></device>", 0)
assert wait('device')[2] == libvirt.VIR_NODE_DEVICE_EVENT_CREATED
device.destroy()
assert wait('device')[2] == libvirt.VIR_NODE_DEVICE_EVENT_DELETED
conn.nodeDeviceEventDeregisterAny(number)

# Secrets, where the other daemon has them.
if sys.argv[2]:
    secrets = libvirt.open(sys.argv[2])
    life = secrets.secretEventRegisterAny(None, libvirt.VIR_SECRET_EVENT_ID_LIFECYCLE, hears('secret'), None)
    value = secrets.secretEventRegisterAny(None, libvirt.VIR_SECRET_EVENT_ID_VALUE_CHANGED, hears('value'), None)
    secret = secrets.secretDefineXML("<secret ephemeral='no' private='no'><description>told</description></secret>")
    assert wait('secret')[2] == libvirt.VIR_SECRET_EVENT_DEFINED
    secret.setValue(b'abc')
    wait('value')
    assert secret.value() == b'abc'
    secret.undefine()
    assert wait('secret')[2] == libvirt.VIR_SECRET_EVENT_UNDEFINED
    secrets.secretEventDeregisterAny(life)
    secrets.secretEventDeregisterAny(value)

assert conn.isAlive() == 1 and conn.isSecure() == 1 and conn.isEncrypted() == 0
print('all heard')
