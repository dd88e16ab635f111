"""Looks at every guest of a daemon through the stock bindings, and holds what the daemon says against what QEMU says.

Prints one JSON object: {"domains": {NAME: {…}}, "problems": [TEXT…]}.
"""

import json
import re
import sys
import xml.etree.ElementTree as ET

import libvirt
import libvirt_qemu

RUNNING, PAUSED = libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_PAUSED
problems = []


def ask(domain, command, **arguments):
    order = {"execute": command}
    if arguments:
        order["arguments"] = arguments
    answer = json.loads(libvirt_qemu.qemuMonitorCommand(domain, json.dumps(order), 0))
    if "return" not in answer:
        raise RuntimeError(f"{command}: {answer}")
    return answer["return"]


def is_implied(device):
    """Whether QEMU has a device without it having been named to it."""
    kind, model = device.get("type"), device.get("model") or ""
    if device.tag == "controller":
        return model in ("pci-root", "pcie-root") or kind in ("ide", "fdc") or (kind == "sata" and device.get("index") == "0")
    return (device.tag == "input" and device.get("bus") == "ps2") or device.tag in ("audio", "graphics", "console") \
        or (device.tag == "watchdog" and model == "itco")


def differ(name, what, ours, theirs):
    ours, theirs = set(ours), set(theirs)
    if ours - theirs:
        problems.append(f"{name}: {what} {sorted(ours - theirs)} in the XML, and not in QEMU")
    if theirs - ours:
        problems.append(f"{name}: {what} {sorted(theirs - ours)} in QEMU, and not in the XML")


def compare(name, domain, devices, state):
    status = ask(domain, "query-status")
    if status["running"] != (state == RUNNING):
        problems.append(f"{name}: QEMU says {status}, the daemon says state {state}")
    # The first console is another name of the first serial line.
    aliases = {d.find("alias").get("name"): d for d in reversed(devices) if d.find("alias") is not None}
    named = {entry["name"] for entry in ask(domain, "qom-list", path="/machine/peripheral")} - {"type"}
    differ(name, "devices", (a for a, d in aliases.items() if a in named or not is_implied(d)),
           (n for n in named if not n.startswith("vcpu")))
    disks = {a: d for a, d in aliases.items() if d.tag == "disk"}
    source = {a: (d.find("source").get("file") if d.find("source") is not None else None) for a, d in disks.items()}
    inside = {}
    for drive in ask(domain, "query-block"):
        alias = next((part for part in drive.get("qdev", "").split("/") if part in disks), None)
        inside[alias] = drive.get("inserted", {}).get("image", {}).get("filename")
        if drive.get("tray_open"):
            problems.append(f"{name}: the tray of {alias} is open")
    if inside != source:
        problems.append(f"{name}: media are {inside} in QEMU, {source} in the XML")
    nodes = [n for n in ask(domain, "query-named-block-nodes", flat=True) if n.get("node-name", "").startswith("libvirt-")]
    differ(name, "images", (f for f in source.values() if f), (n["file"] for n in nodes))
    storage = [n for n in nodes if n["drv"] == "file"]
    if len(storage) != len([f for f in source.values() if f]):
        problems.append(f"{name}: {len(storage)} nodes for {source}: {[n['node-name'] for n in nodes]}")
    network = libvirt_qemu.qemuMonitorCommand(domain, "info network", 1)
    differ(name, "network back ends", ("host" + a for a, d in aliases.items() if d.tag == "interface"),
           re.findall(r"^\s*\\?\s*(hostnet\d+):", network, re.M))
    with_chardev = {"serial", "channel", "parallel"}
    differ(name, "character devices", ("char" + a for a, d in aliases.items() if d.tag in with_chardev),
           (c["label"] for c in ask(domain, "query-chardev") if c["label"].startswith("char") and c["label"] != "charmonitor"))
    differ(name, "objects", ("obj" + a for a, d in aliases.items() if d.tag == "rng"),
           (o["name"] for o in ask(domain, "qom-list", path="/objects") if o["name"].startswith("obj")))
    left = [s for s in ask(domain, "query-fdsets") if not any(a in (f.get("opaque") or "") for f in s["fds"] for a in aliases)]
    if left:
        problems.append(f"{name}: descriptors are left in QEMU: {left}")


def look(connection, domain):
    name = domain.name()
    state = domain.state()[0]
    seen = {
        "id": domain.ID(), "uuid": domain.UUIDString(), "state": state, "active": bool(domain.isActive()),
        "persistent": bool(domain.isPersistent()), "xml": domain.XMLDesc(libvirt.VIR_DOMAIN_XML_SECURE), "taps": [],
        "inactive": domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE),
        "autostart": bool(domain.autostart()) if domain.isPersistent() else False,
    }
    devices = list(ET.fromstring(seen["xml"]).find("devices"))
    if seen["active"]:
        if seen["id"] < 1 or connection.lookupByID(seen["id"]).UUID() != domain.UUID():
            problems.append(f"{name}: runs under the number {seen['id']}, and is not found by it")
        seen["taps"] = [d.find("target").get("dev") for d in devices if d.tag == "interface" and d.find("target") is not None]
        compare(name, domain, devices, state)
    elif seen["id"] != -1:
        problems.append(f"{name}: is off and has the number {seen['id']}")
    return name, seen


libvirt.registerErrorHandler(lambda *_: None, None)
connection = libvirt.open(sys.argv[1])
domains = {}
for domain in connection.listAllDomains():
    try:
        name, seen = look(connection, domain)
        domains[name] = seen
    except (libvirt.libvirtError, RuntimeError, KeyError, AttributeError) as error:
        problems.append(f"{domain.name()}: cannot be looked at: {error!r}")
print(json.dumps({"domains": domains, "problems": problems}))
