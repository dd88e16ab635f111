"""What is told of networks, pools and devices, and in which order."""
import libvirt

from ask import URI, ask

libvirt.virEventRegisterDefaultImpl()
conn = libvirt.open(URI)
told = []


def hear(register, what, event):
    def callback(_conn, thing, *details):
        told.append((what, thing.name(), *details[:-1]))

    try:
        register(None, event, callback, None)
    except libvirt.libvirtError as e:
        print(f"events of {what} {event}\t{e.get_error_code()}")


hear(conn.networkEventRegisterAny, "network", 0)
hear(conn.storagePoolEventRegisterAny, "pool", 0)
hear(conn.storagePoolEventRegisterAny, "refresh", 1)
hear(conn.nodeDeviceEventRegisterAny, "device", 0)

END = "<network><name>end</name><uuid>99999999-1111-1111-1111-111111111111</uuid></network>"


def step(label, call, *args):
    """Does something and prints what was told until a last event of the program's own."""
    ask(label, call, *args)
    conn.networkCreateXML(END).destroy()
    timer = libvirt.virEventAddTimeout(10000, lambda *_: told.append(("network", "end", 3, 0)), None)
    while ("network", "end", 3, 0) not in told:
        libvirt.virEventRunDefaultImpl()
    libvirt.virEventRemoveTimeout(timer)
    # Networks, pools and devices need not be told in one order.
    mine = [event for event in told if event[1] != "end"]
    print(f"{label}: told\t{sorted(mine, key=lambda event: event[0] == 'device')}")
    told.clear()


NETWORK = "<network><name>m</name><uuid>11111111-1111-1111-1111-111111111111</uuid><bridge name='virbr9'/></network>"
step("defined", conn.networkDefineXML, NETWORK)
net = conn.networkLookupByName("m")
step("defined anew", conn.networkDefineXML, NETWORK)
step("started", net.create)
step("refused", net.create)
step("defined while it runs", conn.networkDefineXML, NETWORK)
step("changed", net.update, 3, 9, -1, "<portgroup name='x'/>", 3)
step("stopped", net.destroy)
step("forgotten", net.undefine)
step("run", conn.networkCreateXML, NETWORK)
step("defined", conn.networkDefineXML, NETWORK)
step("stopped again", net.destroy)

POOL = "<pool type='dir'><name>a</name><uuid>11111111-1111-1111-1111-111111111111</uuid><target><path>/a</path></target></pool>"
step("pool defined", conn.storagePoolDefineXML, POOL, 0)
pool = conn.storagePoolLookupByName("a")
step("pool defined anew", conn.storagePoolDefineXML, POOL, 0)
step("built", pool.build, 0)
step("pool started", pool.create, 0)
step("refreshed", pool.refresh, 0)
step("volume", pool.createXML, "<volume><name>x</name><capacity>100</capacity></volume>", 0)
step("volume gone", pool.storageVolLookupByName("x").delete, 0)
step("pool stopped", pool.destroy)
step("deleted", pool.delete, 0)
step("pool forgotten", pool.undefine)
step("pool run", conn.storagePoolCreateXML, POOL, 0)
step("pool stopped again", pool.destroy)

NAMES = "<wwnn>2000000012341234</wwnn><wwpn>1000000012341236</wwpn>"
DEVICE = f"<device><parent>scsi_host1</parent><capability type='scsi_host'><capability type='fc_host'>{NAMES}</capability></capability></device>"
step("adapter", conn.nodeDeviceCreateXML, DEVICE, 0)
step("adapter gone", conn.nodeDeviceLookupByName("scsi_host12").destroy)
ADAPTER = "<adapter type='fc_host' wwnn='20000000c9831b4b' wwpn='10000000c9831b4b'/>"
SCSI = f"<pool type='scsi'><name>s</name><source>{ADAPTER}</source><target><path>/s</path></target></pool>"
step("pool on an adapter", conn.storagePoolCreateXML, SCSI, 0)
step("pool on an adapter gone", conn.storagePoolLookupByName("s").destroy)
