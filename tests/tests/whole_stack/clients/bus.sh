# What libvirt-dbus shows of the test driver on a bus of its own. Arguments: the URI, a private folder, route.c.
uri=$1
work=$2
cc -shared -fPIC -o "$work/route.so" "$3" -ldl || exit 1
cat >"$work/bus.conf" <<CONF
<busconfig><type>session</type><listen>unix:path=$work/bus</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>
CONF
export DBUS_SESSION_BUS_ADDRESS="unix:path=$work/bus"
dbus-daemon --config-file="$work/bus.conf" --nofork --nopidfile >"$work/bus.log" 2>&1 &
bus=$!
trap 'kill $monitor $service $bus 2>/dev/null' EXIT
for _ in $(seq 100); do [ -S "$work/bus" ] && break; sleep 0.05; done
ROUTE_TO=$uri LD_PRELOAD="$work/route.so" libvirt-dbus --session >"$work/service.log" 2>&1 &
service=$!
dbus-monitor --session "type='signal',sender='org.libvirt'" >"$work/signals" 2>&1 &
monitor=$!
ask() {
    object=$1
    shift
    echo "== $object $*"
    dbus-send --session --print-reply=literal --reply-timeout=20000 --dest=org.libvirt "$object" "$@" 2>&1
    echo
}
for _ in $(seq 100); do
    dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.NameHasOwner \
        string:org.libvirt 2>/dev/null | grep -q true && break
    sleep 0.05
done
connect=/org/libvirt/Test
get() { ask "$1" org.freedesktop.DBus.Properties.Get "string:$2" "string:$3"; }
for property in Encrypted LibVersion Secure Version; do get $connect org.libvirt.Connect $property; done
for what in Domains Networks StoragePools Interfaces NodeDevices Secrets NWFilters; do
    # No order is promised.
    ask $connect org.libvirt.Connect.List$what uint32:0 | tr -s ' ' '\n' | sort
done
ask $connect org.libvirt.Connect.DomainLookupByName string:nobody
domain=$connect/domain/_6695eb01_f6a4_8304_79aa_97f2502e193f
for property in Name UUID Id Active Persistent OSType Autostart; do get $domain org.libvirt.Domain $property; done
ask $domain org.libvirt.Domain.GetState uint32:0
ask $domain org.libvirt.Domain.Suspend
ask $domain org.libvirt.Domain.GetState uint32:0
ask $domain org.libvirt.Domain.Resume
for call in "GetXMLDesc uint32:0" "GetSchedulerParameters uint32:0" "GetMemoryParameters uint32:0" \
    "GetVcpus uint32:0" "GetVcpuPinInfo uint32:0" "GetMetadata int32:0 string: uint32:0" "HasManagedSaveImage uint32:0" \
    "SetMetadata int32:1 string:title string: string: uint32:0" "GetMetadata int32:1 string: uint32:0" \
    "SetMemory uint64:1048576 uint32:0" "SetVcpus uint32:1 uint32:0" "GetHostname uint32:0" "GetControlInfo uint32:0" \
    "SnapshotCreateXML string:<domainsnapshot><name>s</name></domainsnapshot> uint32:0" "ListDomainSnapshots uint32:0" \
    "CheckpointLookupByName string:nothing uint32:0" "AbortJob"; do
    ask $domain org.libvirt.Domain.$call
done
ask $domain org.libvirt.Domain.Destroy uint32:0
ask $domain org.libvirt.Domain.Destroy uint32:0
ask $domain org.libvirt.Domain.Create uint32:0
for what in Network StoragePool; do
    name=default; [ $what = StoragePool ] && name=default-pool
    ask $connect org.libvirt.Connect.${what}LookupByName string:$name
done
network=$connect/network/_dd8fe884_6c02_601e_7551_cca97df1c5df
for property in Active Autostart BridgeName Name Persistent UUID; do get $network org.libvirt.Network $property; done
for call in "GetXMLDesc uint32:0" Destroy Destroy Create "GetDHCPLeases string: uint32:0"; do
    ask $network org.libvirt.Network.$call
done
pool=$connect/storagepool/_dfe224cb_28fb_8dd0_c4b2_64eb3f0f4566
for property in Active Autostart Name Persistent UUID; do get $pool org.libvirt.StoragePool $property; done
for call in GetInfo "GetXMLDesc uint32:0" "ListStorageVolumes uint32:0" "Refresh uint32:0" Destroy Destroy "Create uint32:0"; do
    ask $pool org.libvirt.StoragePool.$call
done
ask $connect org.libvirt.Connect.InterfaceLookupByName string:eth1
ask $connect org.libvirt.Connect.NodeDeviceLookupByName string:computer
for call in "GetCapabilities" "NodeGetMemoryParameters uint32:0" "DomainDefineXML string:broken" \
    "DomainLookupByID int32:99" "NodeGetCPUMap uint32:0"; do
    ask $connect org.libvirt.Connect.$call
done
# NAME COUNT: waits for signals.
heard() {
    for _ in $(seq 200); do [ "$(grep -c "member=$1" "$work/signals")" -ge "$2" ] && break; sleep 0.05; done
}
heard DomainEvent 5
heard NetworkEvent 2
heard StoragePoolEvent 2
echo "== signals"
grep -A 4 'interface=org.libvirt' "$work/signals" | sed 's/time=[^ ]* //; s/serial=[^ ]* //; s/sender=[^ ]* //'
