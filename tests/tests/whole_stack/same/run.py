"""Runs the lines of a file as Python and prints what each one gives.

Arguments: a URI, the file, a folder for files. Known in the lines: libvirt as L,
the connection C, its domain D, the folder T, and the functions below. A line that
begins with ! is run without a word. Errors print as their numbers and texts.
"""
import os
import re
import sys
import threading
import time
import libvirt as L

URI, FILE, T = sys.argv[1:]
os.chdir(T)
L.registerErrorHandler(lambda _, error: None, None)
L.virEventRegisterDefaultImpl()
SEEN = []
SIZE = {}


def loop():
    while True:
        L.virEventRunDefaultImpl()


def watch(connection):
    """Notes every event of a connection that the test driver knows."""
    def note(name):
        return lambda _, domain, *rest: SEEN.append((name, domain.name()) + rest[:-1])
    kinds = {k[len("VIR_DOMAIN_EVENT_ID_"):].lower(): getattr(L, k) for k in dir(L) if k.startswith("VIR_DOMAIN_EVENT_ID_")}
    for name in ("lifecycle", "pmsuspend", "pmwakeup", "pmsuspend_disk", "device_added", "device_removed", "tunable",
                 "metadata_change", "agent_lifecycle", "balloon_change", "job_completed", "block_job", "reboot"):
        connection.domainEventRegisterAny(None, kinds[name], note(name), None)


def events(count):
    """The events since the last time, once there are so many."""
    end = time.time() + 5
    while len(SEEN) < count and time.time() < end:
        time.sleep(0.01)
    time.sleep(0.2)
    found = SEEN[:]
    SEEN.clear()
    return found


def xml(name, extra="", devices=""):
    return (f"<domain type='test'><name>{name}</name><uuid>00000000-0000-4000-8000-{len(name):012d}</uuid>"
            f"<memory>1048576</memory><vcpu>2</vcpu><os><type>hvm</type></os>{extra}<devices>{devices}</devices></domain>")


def names(items):
    return [item.getName() if hasattr(item, "getName") else item.name() for item in items]


def shape(value):
    """A value with the types in place of numbers that change."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [shape(inner) for inner in value]
    return type(value).__name__


def stream(call):
    """What a call says and how its stream begins."""
    pipe = C.newStream(0)
    said = call(pipe)
    data = b""
    while True:
        part = pipe.recv(65536)
        if not part:
            break
        data += part
    pipe.finish()
    return said, data[:8], len(data) > 8


def steady(text):
    """Leaves out folders, times, and an element that says nothing."""
    text = str(text).replace(T, "/T").replace("      <bandwidth>\n      </bandwidth>\n", "")
    return re.sub(r"\b1[789]\d{8}\b", "TIME", text)


def error(problem):
    if not isinstance(problem, L.libvirtError) or problem.err is None:
        return f"{type(problem).__name__}: {problem}"
    if problem.err[0] == L.VIR_ERR_XML_DETAIL:
        # What is wrong with a text that is no document is each parser's own word.
        return f"refused {problem.err[:2]}"
    return f"refused {problem.err}"


threading.Thread(target=loop, daemon=True).start()
C = L.open(URI)
watch(C)
D = C.lookupByName("test")
for number, line in enumerate(open(FILE), 1):
    line = line.rstrip("\n")
    if not line or line.startswith("#"):
        continue
    quiet = line.startswith("!")
    code = line[1:] if quiet else line
    try:
        try:
            compiled = compile(code, FILE, "eval")
        except SyntaxError:
            compiled = None
        value = eval(compiled) if compiled else exec(code)
        if isinstance(value, (L.virDomain, L.virDomainSnapshot, L.virDomainCheckpoint)):
            value = names([value])[0]
        if value is not None and not quiet:
            print(steady(f"{number}: {code} -> {value if isinstance(value, str) else repr(value)}"))
        elif not quiet:
            print(steady(f"{number}: {code} -> done"))
    except Exception as problem:
        print(steady(f"{number}: {code} -> {error(problem)}"))
os._exit(0)
