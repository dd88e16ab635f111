"""Starts a guest whose disk is a descriptor that this client hands over."""
import os
import sys
import libvirt

uri, folder = sys.argv[1:]
libvirt.registerErrorHandler(lambda *_: None, None)
image = os.path.join(folder, "handed-over.img")
with open(image, "wb") as file:
    file.truncate(1 << 20)
XML = """<domain type='qemu'><name>handed</name><memory unit='MiB'>32</memory>
<os><type arch='x86_64' machine='pc'>hvm</type></os>
<devices><disk type='file'><driver name='qemu' type='raw'/><source file='/nowhere/image' fdgroup='mine'/>
<target dev='vda'/></disk></devices></domain>"""
connection = libvirt.open(uri)
domain = connection.defineXML(XML)
try:
    domain.create()
    raise SystemExit("it started without the descriptor")
except libvirt.libvirtError as error:
    assert error.get_error_code() == libvirt.VIR_ERR_INVALID_ARG, error
    assert "file descriptor group 'mine' was not associated with the domain" in str(error), error
with open(image, "r+b") as file:
    # Nobody can find the file by its name any more.
    os.unlink(image)
    domain.FDAssociate("mine", [file.fileno()])
domain.create()
assert domain.isActive()
domain.destroy()
# They are there as long as the connection.
domain.create()
domain.destroy()
connection.close()
connection = libvirt.open(uri)
domain = connection.lookupByName("handed")
try:
    domain.create()
    raise SystemExit("the descriptor outlived its connection")
except libvirt.libvirtError as error:
    assert error.get_error_code() == libvirt.VIR_ERR_INVALID_ARG, error
domain.undefine()
connection.close()
