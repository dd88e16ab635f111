"""What the programs in this folder share."""
import sys
import time

import libvirt

URI, TEMPLATE = sys.argv[1:3]
libvirt.registerErrorHandler(lambda *_: None, None)


def xml(name):
    return open(TEMPLATE).read().replace("@NAME@", name)


def wait(what, done, limit=20):
    """Asks until it is so; bounded."""
    end = time.monotonic() + limit
    while not done():
        if time.monotonic() > end:
            raise SystemExit(f"waited {limit} s for {what}")
        time.sleep(0.02)


def refused(code, call, *args):
    """The call must fail with that error number."""
    try:
        call(*args)
    except libvirt.libvirtError as e:
        assert e.get_error_code() == code, f"error {e.get_error_code()} ({e}) instead of {code}"
        return e
    raise SystemExit(f"{call} succeeded instead of failing with {code}")
