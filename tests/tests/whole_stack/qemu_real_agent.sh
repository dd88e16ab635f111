# Packs the host's guest agent into an archive behind the test guest's own.
#   sh qemu_real_agent.sh FOLDER INITRD RESULT
set -e
tree=$1 base=$2 result=$3
agent=$(command -v qemu-ga || echo /usr/sbin/qemu-ga)
for file in "$agent" $(ldd "$agent" | grep -o '/[^ ]*'); do
    mkdir -p "$tree$(dirname "$file")"
    cp -L "$file" "$tree$file"
done
mkdir -p "$tree/etc" "$tree/root" "$tree/var/run"
echo 'root:x:0:0:root:/root:/bin/sh' >"$tree/etc/passwd"
echo 'root:x:0:' >"$tree/etc/group"
cat >"$tree/agent" <<END
for port in /sys/class/virtio-ports/*; do
    [ "\$(cat "\$port/name")" = org.qemu.guest_agent.0 ] && channel=/dev/\${port##*/}
done
exec $agent -m virtio-serial -p "\$channel" -f /run/agent.pid -t /run
END
cat "$base" >"$result"
cd "$tree"
find . | cpio --quiet -o -H newc -R 0:0 | gzip -1 >>"$result"
