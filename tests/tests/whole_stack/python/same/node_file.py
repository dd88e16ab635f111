"""Opens each host file of a folder and prints all of the host, or why there is none.

Arguments: a URI in which FILE stands for the path of a file, the folder.
"""
import os
import sys

import libvirt

URI, FOLDER = sys.argv[1:]
libvirt.registerErrorHandler(lambda _, error: None, None)


def moments(domain):
    known = sorted(domain.listAllSnapshots(), key=lambda snapshot: snapshot.getName())
    roots = sorted(snapshot.getName() for snapshot in domain.listAllSnapshots(libvirt.VIR_DOMAIN_SNAPSHOT_LIST_ROOTS))
    texts = [snapshot.getXMLDesc().replace(domain.UUIDString(), "UUID") for snapshot in known]
    return roots, [(snapshot.getName(), snapshot.isCurrent()) for snapshot in known], texts


def domain(it):
    facts = [it.name(), max(it.ID(), 0), it.state(), it.isPersistent(), it.hasManagedSaveImage(), moments(it)]
    return facts + [it.XMLDesc().replace(it.UUIDString(), "UUID")]


def host(conn):
    facts = [conn.getInfo(), conn.getFreeMemory(), conn.getMaxVcpus(None)]
    facts += [domain(it) for it in sorted(conn.listAllDomains(), key=lambda it: it.name())]
    facts += sorted((it.name(), it.isActive(), it.isPersistent()) for it in conn.listAllNetworks())
    facts += sorted((it.name(), it.isActive(), sorted(v.name() for v in it.listAllVolumes())) for it in conn.listAllStoragePools())
    facts += sorted((it.name(), it.isActive()) for it in conn.listAllInterfaces())
    return facts + sorted(it.name() for it in conn.listAllDevices())


def tell(name):
    path = os.path.join(FOLDER, name)
    try:
        said = host(libvirt.open(URI.replace("FILE", path)))
    except libvirt.libvirtError as e:
        # What is wrong with a text that is no document is each parser's own word.
        said = e.err[:2] if e.err[0] == libvirt.VIR_ERR_XML_DETAIL else e.err[:3]
    print(f"{name}\t{said}".replace(FOLDER, "/FOLDER"), flush=True)


for name in sorted(name for name in os.listdir(FOLDER) if name.startswith("host-")):
    # There are files that the client library does not survive.
    child = os.fork()
    if child == 0:
        tell(name)
        os._exit(0)
    if os.waitpid(child, 0)[1] != 0:
        print(f"{name}\tdied", flush=True)
