"""Monitor events, descriptors and streams of QEMU guests through the stock bindings."""

import os
import socket
import sys
import threading
import time

import libvirt
import libvirt_qemu

LIMIT = 60


def refused(text, call, *args):
    try:
        call(*args)
    except libvirt.libvirtError as error:
        assert text in str(error), error
    else:
        raise AssertionError(f"{call} was not refused")


libvirt.registerErrorHandler(lambda *_: None, None)
libvirt.virEventRegisterDefaultImpl()
threading.Thread(target=lambda: [libvirt.virEventRunDefaultImpl() for _ in iter(int, 1)], daemon=True).start()
conn = libvirt.open(sys.argv[1])
guest = conn.lookupByName("g")

heard, tuned = [], []
exact = libvirt_qemu.qemuMonitorEventRegister(conn, guest, "STOP", lambda *event: heard.append(event[2:6]), None)
every = libvirt_qemu.qemuMonitorEventRegister(
    conn, None, "re.*", lambda *event: heard.append(("re",) + event[2:6]), None,
    libvirt_qemu.VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_REGEX
    | libvirt_qemu.VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_NOCASE)
conn.domainEventRegisterAny(guest, libvirt.VIR_DOMAIN_EVENT_ID_TUNABLE, lambda *event: tuned.append(event[2]), None)
guest.suspend()
guest.resume()
guest.pinVcpu(0, (True,) + (False,) * (conn.getInfo()[2] - 1))
end = time.monotonic() + LIMIT
while time.monotonic() < end and not (len(heard) >= 2 and tuned):
    time.sleep(0.05)
assert ("STOP" in [event[0] for event in heard]), heard
assert ("RESUME" in [event[1] for event in heard if event[0] == "re"]), heard
assert tuned[0] == {"cputune.vcpupin0": "0"}, tuned
libvirt_qemu.qemuMonitorEventDeregister(conn, exact)
libvirt_qemu.qemuMonitorEventDeregister(conn, every)

# A visitor of the screen with a socket of the daemon's, and with its own.
seen = conn.lookupByName("seen")
with socket.socket(fileno=seen.openGraphicsFD(0, libvirt.VIR_DOMAIN_OPEN_GRAPHICS_SKIPAUTH)) as visitor:
    visitor.settimeout(LIMIT)
    assert visitor.recv(12).startswith(b"RFB "), "no VNC server at the other end"
ours, theirs = socket.socketpair()
seen.openGraphics(0, theirs.fileno(), 0)
theirs.close()
ours.settimeout(LIMIT)
assert ours.recv(12).startswith(b"RFB "), "no VNC server at the other end"
ours.close()
refused("No graphics backend with index 1", seen.openGraphicsFD, 1)

# Memory is looked at, and what is not there is refused.
assert len(guest.memoryPeek(0, 16, libvirt.VIR_MEMORY_PHYSICAL)) == 16
refused("cannot find channel nope", guest.openChannel, "nope", conn.newStream(0))
refused("not configured", guest.hostname, 0)
refused("Duration not supported", guest.pMSuspendForDuration, 0, 1)
refused("mutually exclusive", guest.setVcpusFlags, 2, libvirt.VIR_DOMAIN_VCPU_GUEST | libvirt.VIR_DOMAIN_AFFECT_CONFIG)
assert guest.launchSecurityInfo() == {}
assert guest.jobInfo()[0] == libvirt.VIR_DOMAIN_JOB_NONE
refused("no job is active on the domain", guest.abortJob)

# A descriptor that goes with a command.
if hasattr(libvirt_qemu, "qemuMonitorCommandWithFiles"):
    read, write = os.pipe()
    answer, _ = libvirt_qemu.qemuMonitorCommandWithFiles(
        guest, '{"execute":"add-fd","arguments":{"fdset-id":77}}', [write], 0)
    assert '"fdset-id":77' in answer, answer
    os.close(read)
    os.close(write)
conn.close()
