"""What the Python bindings show of the test driver: one line per call, the same for every good daemon."""
import asyncio
import sys

import libvirt
import libvirtaio

URI = sys.argv[1]
libvirt.registerErrorHandler(lambda *_: None, None)


def plain(value):
    if isinstance(value, (list, tuple)):
        parts = [plain(one) for one in value]
        # No order of names or objects is promised.
        return sorted(parts) if all(isinstance(one, str) for one in parts) else parts
    if isinstance(value, dict):
        return {key: plain(one) for key, one in sorted(value.items())}
    for kind in (libvirt.virDomain, libvirt.virNetwork, libvirt.virStoragePool, libvirt.virStorageVol,
                 libvirt.virInterface, libvirt.virNodeDevice, libvirt.virDomainSnapshot,
                 libvirt.virDomainCheckpoint, libvirt.virSecret, libvirt.virNWFilter, libvirt.virNetworkPort):
        if isinstance(value, kind):
            name = getattr(value, "getName", None) or getattr(value, "name", None) or value.UUIDString
            return "<%s %s>" % (kind.__name__, name())
    return value


def show(label, call, *arguments, **named):
    try:
        value = call(*arguments, **named)
        print("%s: %r" % (label, plain(value)))
        return value
    except libvirt.libvirtError as e:
        print("%s: error %s of %s: %s" % (label, e.get_error_code(), e.get_error_domain(), e))
    except (TypeError, AttributeError) as e:
        print("%s: %s" % (label, e))
    return None


# Counters that the stock driver derives from the time of day: only their shape is shown.
MOVING = {"blockStats", "interfaceStats", "getCPUStats"}


def shape(value):
    if isinstance(value, (list, tuple)):
        return [shape(one) for one in value]
    return sorted(value) if isinstance(value, dict) else type(value).__name__


def each(what, handle, methods):
    """Calls methods that take nothing, or the arguments that follow the name."""
    for method in methods.split():
        name, *arguments = method.split(",")
        arguments = [int(one) if one.lstrip("-").isdigit() else one for one in arguments]
        call = lambda: getattr(handle, name)(*arguments)  # noqa: E731
        show("%s.%s" % (what, method), (lambda: shape(call())) if name in MOVING else call)


LOOP = asyncio.new_event_loop()
libvirtaio.virEventRegisterAsyncIOImpl(loop=LOOP)
c = libvirt.open(URI)
each("conn", c, """getType getVersion getLibVersion getURI isAlive isEncrypted isSecure getMaxVcpus,test
    getInfo getCellsFreeMemory,0,2 getCapabilities getDomainCapabilities,,i686,,test,0
    getCPUModelNames,x86_64 getCPUMap getSecurityModel getSysinfo,0
    numOfDomains listDomainsID numOfDefinedDomains listDefinedDomains listAllDomains listAllDomains,1 listAllDomains,2
    numOfNetworks listNetworks numOfDefinedNetworks listDefinedNetworks listAllNetworks
    numOfStoragePools listStoragePools numOfDefinedStoragePools listDefinedStoragePools listAllStoragePools
    numOfInterfaces listInterfaces numOfDefinedInterfaces listDefinedInterfaces listAllInterfaces
    numOfDevices,,0 listDevices,,0 listAllDevices numOfSecrets listSecrets listAllSecrets
    numOfNWFilters listNWFilters listAllNWFilters getMemoryParameters getAllDomainStats,1""")
for label, call in (("by name", lambda: c.lookupByName("test")), ("by id", lambda: c.lookupByID(1)),
                    ("by uuid", lambda: c.lookupByUUIDString("6695eb01-f6a4-8304-79aa-97f2502e193f")),
                    ("no name", lambda: c.lookupByName("nobody")), ("no id", lambda: c.lookupByID(99)),
                    ("no uuid", lambda: c.lookupByUUIDString("6695eb01-f6a4-8304-79aa-97f2502e1930")),
                    ("no xml", lambda: c.defineXML("<domain/>")), ("half xml", lambda: c.createXML("<domain"))):
    show("lookup " + label, call)

d = c.lookupByName("test")
each("dom", d, """name UUIDString ID OSType isActive isPersistent isUpdated state maxMemory maxVcpus XMLDesc
    XMLDesc,2 autostart hasManagedSaveImage,0 vcpusFlags,0 vcpusFlags,4 vcpuPinInfo,0 schedulerType
    schedulerParameters schedulerParametersFlags,0 memoryParameters,0 blkioParameters,0 numaParameters,0
    interfaceParameters,aa:bb:cc:dd:ee:ff,0 blockInfo,vda blockStats,vda interfaceStats,testnet0
    diskErrors getTime fsInfo,0 hostname metadata,0,, controlInfo
    snapshotNum snapshotListNames listAllSnapshots hasCurrentSnapshot listAllCheckpoints securityLabel messages,0
    emulatorPinInfo,0 guestVcpus jobInfo getCPUStats,1 launchSecurityInfo perfEvents""")
each("dom", d, """suspend state resume state setMemory,1048576 setMaxMemory,9000000 maxMemory setVcpus,2 setVcpusFlags,1,2
    setAutostart,1 autostart setAutostart,0 reboot state shutdown state create state reset destroy state destroy
    managedSave create managedSave state hasManagedSaveImage managedSaveRemove hasManagedSaveImage create state
    rename,other sendKey,0,0 injectNMI abortJob suspend save,/nowhere/x destroy""")
show("title", d.setMetadata, libvirt.VIR_DOMAIN_METADATA_TITLE, "A title", None, None, 0)
show("title back", d.metadata, libvirt.VIR_DOMAIN_METADATA_TITLE, None, 0)
show("note", d.setMetadata, libvirt.VIR_DOMAIN_METADATA_ELEMENT, "<a x='1'/>", "k", "urn:x", 0)
show("note back", d.metadata, libvirt.VIR_DOMAIN_METADATA_ELEMENT, "urn:x", 0)
show("scheduler", d.setSchedulerParametersFlags, {"weight": 100})
show("iothreads", d.addIOThread, 3, 2)
show("iothread list", d.ioThreadInfo, 2)
show("snapshot", lambda: d.snapshotCreateXML("<domainsnapshot><name>s</name></domainsnapshot>"))
show("snapshots", d.snapshotListNames)
snapshot = show("snapshot s", lambda: d.snapshotLookupByName("s"))
if snapshot:
    each("snapshot", snapshot, "getName numChildren isCurrent hasMetadata delete")

n = show("network", lambda: c.networkLookupByName("default"))
if n:
    each("net", n, """name UUIDString bridgeName isActive isPersistent autostart XMLDesc DHCPLeases listAllPorts
        destroy isActive destroy create isActive setAutostart,1 autostart""")
show("network defined", lambda: c.networkDefineXML(
    "<network><name>n</name><uuid>e5f1f3b7-6dd9-41d0-8d2e-fb8e73cc2e11</uuid><bridge name='b0'/></network>"))
show("networks", lambda: sorted(c.listDefinedNetworks()))
p = show("pool", lambda: c.storagePoolLookupByName("default-pool"))
if p:
    each("pool", p, """name UUIDString isActive isPersistent autostart info numOfVolumes listVolumes refresh
        XMLDesc destroy info create info""")
    v = show("volume", lambda: p.createXML(
        "<volume><name>v.img</name><capacity unit='M'>1</capacity><allocation>0</allocation></volume>"))
    if v:
        each("vol", v, "name key path info XMLDesc")
        show("volume by key", lambda: c.storageVolLookupByKey(v.key()))
        show("volume by path", lambda: c.storageVolLookupByPath(v.path()))

        def download():
            stream = c.newStream(0)
            v.download(stream, 0, 0, 0)
            count = len(stream.recv(65536))
            stream.finish()
            return count
        show("download", download)
        each("vol", v, "wipe delete,0 info")
i = show("interface", lambda: c.interfaceLookupByName("eth1"))
if i:
    each("iface", i, "name MACString isActive XMLDesc destroy isActive create isActive")
    each("conn", c, "changeBegin,0 changeRollback,0 changeCommit,0")
v = show("device", lambda: c.nodeDeviceLookupByName("computer"))
if v:
    each("dev", v, "name parent numOfCaps listCaps XMLDesc")

# Events, through asyncio as the bindings' own helper does it.
c.close()
del c, d, n, p, v, i


async def watch():
    conn = libvirt.open(URI)
    told = []
    # From one state, whatever the calls before have left.
    if not conn.lookupByName("test").isActive():
        conn.lookupByName("test").create()

    def note(kind):
        return lambda _conn, thing, *rest: told.append("%s %s %s" % (kind, plain(thing), rest[:2]))
    for kind, event in (("lifecycle", libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE),
                        ("reboot", libvirt.VIR_DOMAIN_EVENT_ID_REBOOT),
                        ("metadata", libvirt.VIR_DOMAIN_EVENT_ID_METADATA_CHANGE)):
        show("subscribe " + kind, conn.domainEventRegisterAny, None, event, note(kind), None)
    show("subscribe network", conn.networkEventRegisterAny, None, 0, note("network"), None)
    show("subscribe pool", conn.storagePoolEventRegisterAny, None, 0, note("pool"), None)
    domain = conn.lookupByName("test")
    steps = [domain.suspend, domain.resume, domain.destroy, domain.create, domain.shutdown,
             lambda: conn.networkLookupByName("default").destroy(),
             lambda: conn.networkLookupByName("default").create(),
             lambda: conn.storagePoolLookupByName("default-pool").destroy(),
             lambda: conn.storagePoolLookupByName("default-pool").create()]
    for step in steps:
        try:
            step()
        except libvirt.libvirtError as e:
            print("step: error %s: %s" % (e.get_error_code(), e))
    for _ in range(100):
        await asyncio.sleep(0.02)
    for line in told:
        print("event " + line)
    conn.close()

LOOP.run_until_complete(asyncio.wait_for(watch(), 30))
