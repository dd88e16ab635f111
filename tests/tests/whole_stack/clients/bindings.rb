# What the Ruby bindings show of the test driver.
require "libvirt"

def plain(value)
  case value
  when Array then value.map { |one| plain(one) }.inspect
  when Libvirt::Domain, Libvirt::Network, Libvirt::StoragePool, Libvirt::StorageVol, Libvirt::Interface
    "#{value.class} #{value.name}"
  when Libvirt::NodeDevice then "device #{value.name}"
  when Libvirt::Domain::Info then [value.state, value.max_mem, value.memory, value.nr_virt_cpu].inspect
  else value.inspect
  end
end

def show(label)
  value = yield
  puts "#{label}: #{plain(value)}"
  value
rescue Libvirt::Error => e
  puts "#{label}: error #{e.libvirt_code}: #{e.libvirt_message}"
  nil
end

c = Libvirt.open(ARGV[0])
show("type") { c.type }
show("version") { c.version }
show("uri") { c.uri }
show("domains") { c.list_all_domains }
show("networks") { c.list_all_networks }
show("pools") { c.list_all_storage_pools }
show("interfaces") { c.list_all_interfaces }
show("nobody") { c.lookup_domain_by_name("nobody") }
show("by id") { c.lookup_domain_by_id(1) }
show("by uuid") { c.lookup_domain_by_uuid("6695eb01-f6a4-8304-79aa-97f2502e193f") }
xml = "<domain type='test'><name>new</name><uuid>a3b0ae2c-2ed3-4e0b-93d0-6f07c71d0f4c</uuid>" \
      "<memory unit='MiB'>64</memory><vcpu>2</vcpu><os><type>hvm</type></os></domain>"
d = show("define") { c.define_domain_xml(xml) }
show("xml") { d.xml_desc }
show("create") { d.create }
show("again") { d.create }
show("info") { d.info }
show("suspend") { d.suspend }
show("state") { d.state }
show("resume") { d.resume }
show("destroy") { d.destroy }
show("undefine") { d.undefine }
show("gone") { d.info }
p = show("pool") { c.lookup_storage_pool_by_name("default-pool") }
if p
  v = show("volume") { p.create_vol_xml("<volume><name>v.img</name><capacity unit='M'>1</capacity></volume>") }
  if v
    show("download") { s = c.stream; v.download(s, 0, 0); r = s.recv(4096); s.finish; r }
    show("volume gone") { v.delete }
  end
end
c.close
