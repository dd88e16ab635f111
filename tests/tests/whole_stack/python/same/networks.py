"""Virtual networks."""
import libvirt

from ask import URI, ask, each, refused

conn = libvirt.open(URI)
UUID = "11111111-1111-1111-1111-11111111111%d"
XML = (
    "<network><name>%s</name><uuid>%s</uuid><forward mode='nat'/><bridge name='%s'/>"
    "<ip address='10.0.%d.1' netmask='255.255.255.0'><dhcp><range start='10.0.%d.2' end='10.0.%d.9'/></dhcp></ip></network>"
)


def xml(name, number, bridge, net=1):
    return XML % (name, UUID % number, bridge, net, net, net)


def lists(when):
    for flags in (0, 1, 2, 4, 8, 16, 32, 3, 12, 48, 9, 64):
        ask(f"{when}: listed with {flags}", conn.listAllNetworks, flags)
    each(when, ["numOfNetworks", "numOfDefinedNetworks", "listNetworks", "listDefinedNetworks"], conn)


ASKED = ["isActive", "isPersistent", "autostart", "bridgeName"]
lists("in the beginning")
default = conn.networkLookupByName("default")
each("default", ASKED + ["UUIDString", "create"], default)
for flags in (0, 1, 2, 4):
    ask(f"default: printed with {flags}", default.XMLDesc, flags)
ask("leases", default.DHCPLeases)
ask("ports", default.listAllPorts)
ask("nobody", conn.networkLookupByName, "nobody")
ask("no such uuid", conn.networkLookupByUUIDString, "99999999-9999-9999-9999-999999999998")

net = ask("defined", conn.networkDefineXML, xml("m", 1, "virbr7"))
ask("defined: printed", net.XMLDesc, 0)
each("defined", ASKED, net)
ask("a bridge may be shared", conn.networkDefineXML, xml("m2", 2, "virbr7"))
ask("the name is taken", conn.networkDefineXML, xml("m", 3, "virbr9"))
ask("the uuid is taken", conn.networkDefineXML, xml("mm", 1, "virbr9"))
ask("the name is taken for a run", conn.networkCreateXML, xml("m", 3, "virbr9"))
ask("defined anew", conn.networkDefineXML, xml("m", 1, "virbr8"))
ask("defined anew: bridge", net.bridgeName)
bare = ask("without a bridge", conn.networkDefineXML, f"<network><name>nb</name><uuid>{UUID % 4}</uuid></network>")
ask("without a bridge: printed", bare.XMLDesc, 0)
ask("without a bridge: bridge", bare.bridgeName)
ask("stopped while off", net.destroy)
ask("started", net.create)
ask("started twice", net.create)
ask("autostart", net.setAutostart, 1)
each("started", ASKED, net)
ask("defined while it runs", conn.networkDefineXML, xml("m", 1, "virbr6", 2))
ask("defined while it runs: printed", net.XMLDesc, 0)
ask("run while it runs", conn.networkCreateXML, xml("m", 1, "virbr6", 2))
ask("forgotten while it runs", net.undefine)
ask("transient", conn.networkCreateXML, xml("tr", 5, "virbr5", 5))
brief = conn.networkLookupByName("tr")
each("transient", ASKED + ["undefine"], brief)
ask("transient: autostart", brief.setAutostart, 1)
ask("transient: autostart is", brief.autostart)
lists("in the middle")
ask("stopped", net.destroy)
ask("after a stop: printed", net.XMLDesc, 0)
ask("transient: stopped", brief.destroy)
ask("run while defined", conn.networkCreateXML, xml("m", 1, "virbr6", 3))
each("run while defined", ASKED, net)
ask("run while defined: stopped", net.destroy)
each("run while defined, stopped", ["isActive", "isPersistent"], net)

for flags in (0, 1, 2):
    ask(f"defined with flags {flags}", conn.networkDefineXMLFlags, xml("v", 6, "virbr15"), flags)
    ask(f"run with flags {flags}", conn.networkCreateXMLFlags, xml("w", 7, "virbr16"), flags)
ask("not as the schema says", conn.networkDefineXMLFlags, "<network><name>v</name><foo/></network>", 1)
for number, bad in enumerate(["<x/>", "<network/>", "<network><name>a/b</name></network>", "nope", "<network", ""]):
    refused(f"bad document {number}", conn.networkDefineXML, bad)
    refused(f"bad document {number} to run", conn.networkCreateXML, bad)

HOST = "<host mac='52:54:00:00:00:%02d' ip='192.168.122.%d'/>"
for flags in (0, 1, 3, 8):
    ask(f"a host added with {flags}", default.update, 3, 4, -1, HOST % (flags, flags + 3), flags)
ask("the live hosts", default.XMLDesc, 0)
ask("a host taken out", default.update, 2, 4, -1, "<host mac='52:54:00:00:00:03'/>", 3)
ask("a host taken out twice", default.update, 2, 4, -1, "<host mac='52:54:00:00:00:03'/>", 3)
ask("a host of no address", default.update, 3, 4, 7, HOST % (9, 9), 3)
ask("an unknown part", default.update, 3, 99, -1, "<host/>", 0)
ask("no part", default.update, 3, 0, -1, "<host/>", 0)
ask("an unknown change", default.update, 9, 9, -1, "<portgroup name='q'/>", 0)
refused("a bad part", default.update, 3, 4, -1, "<host", 0)
ask("a group of ports", default.update, 3, 9, -1, "<portgroup name='x'/>", 3)
ask("a name", default.update, 3, 10, -1, "<host ip='192.168.122.9'><hostname>a</hostname></host>", 0)
ask("a changed host", default.update, 1, 4, -1, "<host mac='52:54:00:00:00:00' ip='192.168.122.77'/>", 1)
ask("after all changes", default.XMLDesc, 0)
ask("a change of a run that is not", bare.update, 3, 9, -1, "<portgroup name='x'/>", 1)
ask("a change while off", bare.update, 3, 9, -1, "<portgroup name='x'/>", 0)
ask("a change while off: printed", bare.XMLDesc, 0)
ask("run again", conn.networkCreateXML, xml("tr", 5, "virbr5", 5))
ask("a change of what is not defined", conn.networkLookupByName("tr").update, 3, 9, -1, "<portgroup name='x'/>", 2)

ask("default: stopped", default.destroy)
ask("default: forgotten", default.undefine)
each("gone", ASKED + ["create", "destroy", "undefine"], default)
ask("gone: printed", default.XMLDesc, 0)
ask("gone: autostart set", default.setAutostart, 1)
ask("gone: changed", default.update, 3, 9, -1, "<portgroup name='x'/>", 0)
lists("in the end")
