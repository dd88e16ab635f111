"""A file that describes no host."""
import libvirt

from ask import URI, refused

refused("opened", libvirt.open, URI)
