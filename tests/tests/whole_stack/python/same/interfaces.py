"""Network interfaces of the host."""
import libvirt

from ask import URI, ask, each, refused

conn = libvirt.open(URI)
XML = (
    "<interface type='ethernet' name='%s'><start mode='onboot'/><mac address='%s'/><mtu size='1492'/>"
    "<protocol family='ipv4'><ip address='192.168.0.5' prefix='24'/><route gateway='192.168.0.1'/></protocol></interface>"
)
BRIDGE = (
    "<interface type='bridge' name='br0'><start mode='onboot'/><bridge stp='off' delay='0.01'>"
    "<interface type='ethernet' name='eth9'><mac address='aa:bb:cc:dd:ee:09'/></interface></bridge></interface>"
)


def lists(when):
    for flags in (0, 1, 2, 3, 4):
        ask(f"{when}: listed with {flags}", conn.listAllInterfaces, flags)
    each(when, ["numOfInterfaces", "numOfDefinedInterfaces", "listInterfaces", "listDefinedInterfaces"], conn)


lists("in the beginning")
eth1 = conn.interfaceLookupByName("eth1")
for flags in (0, 1, 2):
    ask(f"printed with {flags}", eth1.XMLDesc, flags)
each("eth1", ["MACString", "isActive"], eth1)
for mac in ("aa:bb:cc:dd:ee:ff", "AA:BB:CC:DD:EE:FF", "aa:bb:cc:dd:ee:00", "zz"):
    ask(f"by {mac}", conn.interfaceLookupByMACString, mac)
ask("nobody", conn.interfaceLookupByName, "nope")
ask("up twice", eth1.create, 0)
ask("up with flags", eth1.create, 1)
ask("down with flags", eth1.destroy, 1)
ask("defined while it is up", conn.interfaceDefineXML, XML % ("eth1", "aa:bb:cc:dd:ee:f0"), 0)
ask("defined while it is up: state", eth1.isActive)
ask("forgotten while it is up", eth1.undefine)
for flags in (0, 1, 2):
    ask(f"defined with {flags}", conn.interfaceDefineXML, XML % (f"eth{flags + 2}", "aa:bb:cc:dd:ee:f0"), flags)
ask("several of one address", conn.interfaceLookupByMACString, "aa:bb:cc:dd:ee:f0")
eth2 = conn.interfaceLookupByName("eth2")
ask("defined: printed", eth2.XMLDesc, 0)
ask("down twice", eth2.destroy, 0)
ask("up", eth2.create, 0)
ask("bridge", conn.interfaceDefineXML, BRIDGE, 0)
ask("bridge: printed", conn.interfaceLookupByName("br0").XMLDesc, 0)
ask("bridge: address", conn.interfaceLookupByName("br0").MACString)
lists("in the middle")
ask("down", eth2.destroy, 0)
ask("forgotten", eth2.undefine)
each("gone", ["undefine", "isActive"], eth2)
each("gone", ["create", "destroy", "XMLDesc"], eth2, 0)
for number, bad in enumerate(
    ["<x/>", "nope", "<interface/>", "<interface type='foo' name='a'/>", "<interface type='ethernet'/>", ""]
):
    refused(f"bad document {number}", conn.interfaceDefineXML, bad, 0)

each("no changes", ["changeCommit", "changeRollback"], conn)
each("with flags", ["changeBegin", "changeCommit", "changeRollback"], conn, 1)
each("changes", ["changeBegin", "changeBegin"], conn)
ask("in changes", conn.interfaceDefineXML, XML % ("eth7", "aa:bb:cc:dd:ee:f7"), 0)
ask("in changes: up", conn.interfaceLookupByName("eth7").create, 0)
ask("in changes: down", conn.interfaceLookupByName("eth3").create, 0)
lists("before they are taken back")
ask("taken back", conn.changeRollback)
lists("after they are taken back")
ask("changes again", conn.changeBegin)
ask("in changes again", conn.interfaceDefineXML, XML % ("eth8", "aa:bb:cc:dd:ee:f8"), 0)
ask("kept", conn.changeCommit)
lists("after they are kept")
ask("taken back after they were kept", conn.changeRollback)
