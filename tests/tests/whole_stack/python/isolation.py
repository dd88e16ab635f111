"""The process of a driver ends again and again under a client that stays.

Arguments: URI of the driver, URI of another one, process id of the daemon,
a part of the name of the plugin's file.
"""
import os
import signal
import sys
import threading
import time

import libvirt

URI, OTHER, DAEMON, PLUGIN = sys.argv[1:]
LIMIT = 60
libvirt.registerErrorHandler(lambda *_: None, None)
libvirt.virEventRegisterDefaultImpl()


def loop():
    while True:
        libvirt.virEventRunDefaultImpl()


libvirt.virEventAddTimeout(50, lambda *_: None, None)
threading.Thread(target=loop, daemon=True).start()


def wait(what, probe):
    end = time.monotonic() + LIMIT
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > end:
            raise SystemExit(f"waited {LIMIT} s for {what}")
        time.sleep(0.02)


def host():
    """The process of the plugin."""
    for entry in os.listdir("/proc"):
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as f:
                line = f.read()
            with open(f"/proc/{entry}/stat") as f:
                parent = f.read().rsplit(")", 1)[1].split()[1]
        except (OSError, IndexError):
            continue
        if parent == DAEMON and b"--host-plugin" in line and PLUGIN.encode() in line:
            return int(entry)
    return None


closed, heard = [], []
conn, other = libvirt.open(URI), libvirt.open(OTHER)
conn.domainEventRegisterAny(
    None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, lambda c, dom, event, detail, _: heard.append((dom.name(), event)), None
)


def names():
    """The domains, or nothing while the driver is being started again."""
    try:
        return [dom.name() for dom in conn.listAllDomains()]
    except libvirt.libvirtError as e:
        assert e.get_error_code() == libvirt.VIR_ERR_RPC, (e.get_error_code(), e)
        assert e.get_error_domain() == libvirt.VIR_FROM_RPC, e.get_error_domain()
        assert "driver TEST" in str(e) and "process" in str(e), e
        return None


def upload(name, size):
    pool = conn.storagePoolLookupByName("default-pool")
    vol = pool.createXML(f"<volume><name>{name}</name><capacity>{size}</capacity></volume>", 0)
    stream = conn.newStream(0)
    vol.upload(stream, 0, 0, 0)
    piece, left = os.urandom(1 << 20), size
    while left:
        left -= stream.send(piece[: min(left, 1 << 20)])
    stream.finish()
    return vol


pid = wait("the process", host)
for round in range(4):
    # The client library calls it once.
    if round:
        conn.unregisterCloseCallback()
    conn.registerCloseCallback(lambda c, reason, opaque: closed.append(reason), None)
    assert names() == ["test"], names()
    stream = None
    if round % 2:
        stream = conn.newStream(0)
        upload("data", 32 << 20).download(stream, 0, 0, 0)
        assert stream.recv(1 << 16)
    os.kill(pid, signal.SIGKILL)
    if stream:
        try:
            while stream.recv(1 << 16):
                pass
            raise SystemExit("a stream ended well though its driver is gone")
        except libvirt.libvirtError as e:
            assert f"driver TEST (process {pid})" in str(e), e
        try:
            stream.abort()
        except libvirt.libvirtError:
            pass
    wait("the close event", lambda: len(closed) == round + 1)
    assert closed[-1] == libvirt.VIR_CONNECT_CLOSE_REASON_EOF, closed
    assert other.getVersion() == 0, "another driver answers"
    wait("the driver to be back", names)
    new = wait("a new process", lambda: host() not in (None, pid) and host())
    pid = new
    # Its objects are what a new test driver has, and the connection's callbacks hear of them.
    del heard[:]
    dom = conn.lookupByName("test")
    dom.suspend()
    wait("an event", lambda: ("test", libvirt.VIR_DOMAIN_EVENT_SUSPENDED) in heard)
    dom.resume()
    fresh = libvirt.open(URI)
    assert fresh.numOfDomains() == 1
    fresh.close()
assert len(closed) == 4, closed
conn.close()
other.close()
