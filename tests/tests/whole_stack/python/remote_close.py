"""Tells when the driver behind the daemon loses its connection, and what a call says then."""
import sys
import threading
import time

import libvirt

closed = threading.Event()


def loop():
    while True:
        libvirt.virEventRunDefaultImpl()


def hears(conn, reason, opaque):
    print('closed', reason)
    closed.set()


libvirt.virEventRegisterDefaultImpl()
libvirt.virEventAddTimeout(100, lambda timer, opaque: None, None)
threading.Thread(target=loop, daemon=True).start()
conn = libvirt.open(sys.argv[1])
conn.registerCloseCallback(hears, None)
conn.getHostname()
print('ready')
if not closed.wait(60):
    sys.exit('nothing was told')
try:
    conn.lookupByName('test')
    sys.exit('a lost connection works')
except libvirt.libvirtError as error:
    print('then:', error)
