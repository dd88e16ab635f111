"""Lookups, information, errors: numbers and forms as the bindings hand them on."""
import libvirt
from common import URI, refused, xml

c = libvirt.open(URI)
assert c.getType() == "QEMU"
assert c.isAlive() == 1
assert c.getLibVersion() == 11003000, c.getLibVersion()
assert c.getVersion() >= 7000000
assert c.getHostname()

dom = c.defineXML(xml("one"))
assert dom.isActive() == 0 and dom.isPersistent() == 1 and dom.isUpdated() == 0
assert dom.ID() == -1
assert dom.state()[0] == libvirt.VIR_DOMAIN_SHUTOFF
assert dom.info()[:4] == [libvirt.VIR_DOMAIN_SHUTOFF, 32768, 32768, 1], dom.info()
assert dom.OSType() == "hvm"
assert dom.maxMemory() == 32768
assert c.lookupByName("one").UUIDString() == dom.UUIDString()
assert c.lookupByUUIDString(dom.UUIDString()).name() == "one"
assert c.lookupByUUID(dom.UUID()).name() == "one"

dom.create()
assert dom.isActive() == 1
assert dom.state() == [libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_BOOTED]
assert c.lookupByID(dom.ID()).name() == "one"
state, maximum, memory, cpus, time = dom.info()
assert (state, maximum, memory, cpus) == (libvirt.VIR_DOMAIN_RUNNING, 32768, 32768, 1)
assert time > 0

missing = "a3b0ae2c-2ed3-4e0b-93d0-6f07c71d0f4c"
e = refused(libvirt.VIR_ERR_NO_DOMAIN, c.lookupByName, "nobody")
assert "no domain with matching name 'nobody'" in str(e), e
assert e.get_error_domain() == libvirt.VIR_FROM_QEMU, e.get_error_domain()
e = refused(libvirt.VIR_ERR_NO_DOMAIN, c.lookupByUUIDString, missing)
assert missing in str(e), e
refused(libvirt.VIR_ERR_NO_DOMAIN, c.lookupByID, 4711)
refused(libvirt.VIR_ERR_OPERATION_INVALID, dom.create)
refused(libvirt.VIR_ERR_NO_NAME, c.defineXML, "<domain type='qemu'/>")
refused(libvirt.VIR_ERR_XML_DETAIL, c.defineXML, "<domain type='qemu'>")
refused(libvirt.VIR_ERR_INVALID_ARG, dom.XMLDesc, 1 << 30)
dom.destroy()
refused(libvirt.VIR_ERR_OPERATION_INVALID, dom.suspend)
dom.undefine()
refused(libvirt.VIR_ERR_NO_DOMAIN, dom.XMLDesc)

ro = libvirt.openReadOnly(URI.replace("libvirt-sock", "libvirt-sock-ro"))
refused(libvirt.VIR_ERR_OPERATION_DENIED, ro.defineXML, xml("two"))
ro.close()
c.close()
