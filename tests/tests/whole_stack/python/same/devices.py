"""Devices of the host."""
import libvirt

from ask import URI, ask, each, refused

conn = libvirt.open(URI)
PARENTS = {
    "by its name": "<parent>scsi_host1</parent>",
    "by its other name": "<parent>scsi_host2</parent>",
    "by nothing": "",
    "by its world-wide names": "<parent wwnn='2000000012341234' wwpn='1000000012341234'/>",
    "by its fabric": "<parent fabric_wwn='2000000043214321'/>",
    "that is none": "<parent>computer</parent>",
    "that is not there": "<parent>scsi_host99</parent>",
    "of a fabric that is not there": "<parent fabric_wwn='2000000043219999'/>",
}
NAMES = "<wwnn>2000000012341234</wwnn><wwpn>1000000012341236</wwpn>"


def xml(parent, inside=f"<capability type='fc_host'>{NAMES}</capability>"):
    return f"<device>{parent}<capability type='scsi_host'>{inside}</capability></device>"


def lists(when):
    for flags in [0] + [1 << bit for bit in range(24)] + [1 << 28, 1 << 29, 1 << 30, 1 << 31, 33]:
        ask(f"{when}: listed with {flags}", conn.listAllDevices, flags)
    for cap in (None, "scsi_host", "fc_host", "vports", "system", "pci", "scsi", "nonsense", ""):
        ask(f"{when}: names of {cap}", conn.listDevices, cap, 0)
        ask(f"{when}: number of {cap}", conn.numOfDevices, cap, 0)


lists("in the beginning")
ask("names with flags", conn.listDevices, None, 1)
for name in sorted(conn.listDevices(None, 0)):
    device = conn.nodeDeviceLookupByName(name)
    for flags in (0, 1, 2):
        ask(f"{name}: printed with {flags}", device.XMLDesc, flags)
    each(name, ["parent", "numOfCaps", "listCaps", "isActive", "isPersistent"], device)
    each(name, ["dettach", "reAttach", "reset", "autostart"], device)
    ask(f"{name}: created", device.create, 0)
    ask(f"{name}: forgotten", device.undefine, 0)
ask("nobody", conn.nodeDeviceLookupByName, "nobody")
ask("by world-wide names", conn.nodeDeviceLookupSCSIHostByWWN, "2000000012341234", "1000000012341234", 0)
ask("defined", conn.nodeDeviceDefineXML, xml(PARENTS["by its name"]), 0)

for what, parent in PARENTS.items():
    made = ask(f"on a parent {what}", conn.nodeDeviceCreateXML, xml(parent), 0)
    if made is None:
        continue
    ask(f"on a parent {what}: printed", made.XMLDesc, 0)
    each(f"on a parent {what}", ["parent", "listCaps", "isActive", "isPersistent"], made)
    for flags in (0, 1 << 28, 1 << 29):
        ask(f"on a parent {what}: listed with {flags}", conn.listAllDevices, flags)
    each(f"on a parent {what}", ["destroy", "destroy", "numOfCaps"], made)
    ask(f"on a parent {what}: gone", made.XMLDesc, 0)
unnamed = ask("names are made up", conn.nodeDeviceCreateXML, xml(PARENTS["by its name"], "<capability type='fc_host'/>"), 0)
ask("names are made up: gone", unnamed.destroy)
ask("with flags", conn.nodeDeviceCreateXML, xml(PARENTS["by its name"]), 8)
ask("not as the schema says", conn.nodeDeviceCreateXML, xml(PARENTS["by its name"]), 1)
ask("no fibre channel", conn.nodeDeviceCreateXML, xml(PARENTS["by its name"], ""), 0)
for number, bad in enumerate(["<x/>", "nope", "<device/>", "<device><capability type='foo'/></device>", ""]):
    refused(f"bad document {number}", conn.nodeDeviceCreateXML, bad, 0)
for name in ("scsi_host1", "scsi_host2"):
    ask(f"{name} taken away", conn.nodeDeviceLookupByName(name).destroy)
lists("in the end")
