"""Talks with a guest through `virsh console` on a terminal of its own, and leaves it with ^]."""
import os
import pty
import select
import sys
import time

uri, name = sys.argv[1:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp("virsh", ["virsh", "-c", uri, "console", name])
seen = b""


def until(text, limit=60, nudge=b""):
    global seen
    end = time.monotonic() + limit
    while text not in seen:
        if time.monotonic() > end:
            raise SystemExit(f"waited {limit} s for {text!r}, saw {seen!r}")
        if not select.select([terminal], [], [], 1)[0]:
            os.write(terminal, nudge)
            continue
        try:
            seen += os.read(terminal, 4096)
        except OSError:
            raise SystemExit(f"virsh ended before {text!r}, having shown {seen!r}")
    seen = seen.split(text, 1)[1]


until(b"Escape character is")
# The guest's serial line is a second late in noticing that someone came.
until(b"guest# ", nudge=b"\r")
os.write(terminal, b"echo sum-$((6*7))\r")
until(b"sum-42")
os.write(terminal, b"\x1d")
end = time.monotonic() + 30
while time.monotonic() < end:
    if select.select([terminal], [], [], 0.1)[0]:
        try:
            os.read(terminal, 4096)
        except OSError:
            pass
    done, status = os.waitpid(pid, os.WNOHANG)
    if done:
        sys.exit(os.waitstatus_to_exitcode(status))
os.kill(pid, 9)
raise SystemExit("virsh console did not leave on ^]")
