#!/bin/busybox sh
# First process of the test guest: a shell on the console, and the manners of
# a well-behaved machine (the power button ends it, ctrl-alt-del restarts it).
/bin/busybox mkdir -p /proc /sys /dev /tmp /run /etc
/bin/busybox --install -s /bin
export PATH=/bin HOME=/ TERM=vt100
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev 2>/dev/null
mkdir -p /dev/pts
mount -t devpts devpts /dev/pts

while read -r module; do
    insmod "/modules/$module" 2>/dev/null
done </modules/order

# The driver reports a press as an input event; any event of that device is one.
for device in /sys/class/input/event*; do
    [ "$(cat "$device/device/name" 2>/dev/null)" = "Power Button" ] || continue
    (
        dd if="/dev/input/${device##*/}" of=/dev/null bs=24 count=1 2>/dev/null
        echo "oxivirt guest goes down" >/dev/console
        sync
        poweroff -f
    ) &
done

hostname guest
ip link set lo up 2>/dev/null
echo "oxivirt guest is up" >/dev/console

console=$(cat /sys/class/tty/console/active)
console=${console##* }
export PS1='guest# '
while :; do
    setsid sh -c "exec sh -i </dev/${console:-ttyS0} >/dev/${console:-ttyS0} 2>&1"
    sleep 1
done
