# An agent for the test guest: reads commands from its channel, one in a line,
# and answers. What it says it does it does.
for port in /sys/class/virtio-ports/*; do
    [ "$(cat "$port/name")" = org.qemu.guest_agent.0 ] && channel=/dev/${port##*/}
done
exec 3<>"$channel"

say() { printf '{"return": %s}\n' "$1" >&3; }

# The text of a member, of the first with that name.
member() { printf '%s' "$line" | sed "s/.*\"$1\": *\"\{0,1\}\([^\",}]*\).*/\1/"; }

# While nobody is at the other end there is nothing to read.
while :; do
    IFS= read -r line <&3 || { sleep 1; continue; }
    case "$line" in
    *guest-sync-delimited*) printf '\377{"return": %s}\n' "$(member id)" >&3 ;;
    *guest-sync*) say "$(member id)" ;;
    *guest-ping*) say '{}' ;;
    *guest-sleep*) sleep 3; say '{}' ;;
    *guest-get-host-name*) say "{\"host-name\": \"$(hostname)\"}" ;;
    *guest-get-osinfo*) say "{\"id\": \"busybox\", \"kernel-release\": \"$(uname -r)\", \"machine\": \"$(uname -m)\"}" ;;
    *guest-get-timezone*) say '{"zone": "UTC", "offset": 0}' ;;
    *guest-get-users*) say '[]' ;;
    *guest-get-load*) read -r one five fifteen rest </proc/loadavg
        say "{\"load1m\": $one, \"load5m\": $five, \"load15m\": $fifteen}" ;;
    *guest-get-time*) say "$(date +%s)000000000" ;;
    *guest-set-time*) time=$(member time); date -s "@${time%000000000}" >/dev/null; say '{}' ;;
    *guest-network-get-interfaces*)
        say '[{"name": "lo", "hardware-address": "00:00:00:00:00:00", "ip-addresses": [{"ip-address-type": "ipv4", "ip-address": "127.0.0.1", "prefix": 8}]}]' ;;
    *guest-get-fsinfo*) say '[{"name": "rootfs", "mountpoint": "/", "type": "rootfs", "disk": []}]' ;;
    *guest-fsfreeze-freeze*) : >/frozen; say 1 ;;
    *guest-fsfreeze-thaw*) rm -f /frozen; say 1 ;;
    *guest-fstrim*) say '{"paths": []}' ;;
    *guest-set-user-password*) member password >/password; say '{}' ;;
    *guest-ssh-add-authorized-keys*) printf '%s' "$line" | sed 's/.*"keys": *\[\([^]]*\)\].*/\1/' >/keys; say '{}' ;;
    *guest-ssh-get-authorized-keys*) say "{\"keys\": [$(cat /keys)]}" ;;
    *guest-get-vcpus*) say '[{"logical-id": 0, "online": true, "can-offline": false}]' ;;
    *guest-shutdown*) sync; poweroff -f ;;
    *) printf '{"error": {"class": "CommandNotFound", "desc": "The command %s has not been found"}}\n' "$(member execute)" >&3 ;;
    esac
done
