# What virt-install, virt-xml and virt-clone make of the test driver. Arguments: the URI, a private folder.
uri=$1
work=$2
export XDG_CACHE_HOME="$work/cache"
run() {
    echo "== $1 $4 $5 $6"
    "$@" 2>&1 </dev/null
    echo "-- $?"
}
keep() { virsh -q -c "$uri" "$@" 2>&1; }
# A second connection keeps what the others define.
mkfifo "$work/hold"
virsh -q -c "$uri" <"$work/hold" >/dev/null 2>&1 &
exec 9>"$work/hold"
echo "version" >&9
fixed="--uuid 89abcdef-0123-4567-89ab-cdef01234567 --os-variant none --graphics none --noautoconsole --import"
run virt-install --connect "$uri" --name plain --memory 64 $fixed --disk none --network none --print-xml
run virt-install --connect "$uri" --name server --memory 128 --vcpus 2 $fixed --disk none \
    --network network=default,mac=52:54:00:00:00:01 --print-xml
run virt-install --connect "$uri" --name made --memory 64 $fixed --disk none \
    --network network=default,mac=52:54:00:00:00:02
keep list --all
keep dumpxml made
run virt-xml --connect "$uri" made --edit --memory 32 --print-diff
run virt-xml --connect "$uri" made --edit --memory 32 --define
run virt-xml --connect "$uri" made --add-device --sound ac97 --define
run virt-xml --connect "$uri" made --remove-device --sound all --define
keep dumpxml --inactive made
keep destroy made
run virt-clone --connect "$uri" --original made --auto-clone --name copy --uuid 89abcdef-0123-4567-89ab-cdef01234568 \
    --mac 52:54:00:00:00:03 --print-xml
run virt-clone --connect "$uri" --original made --auto-clone --name copy --uuid 89abcdef-0123-4567-89ab-cdef01234568 \
    --mac 52:54:00:00:00:03
keep list --all
keep dumpxml copy
run virt-clone --connect "$uri" --original nobody --name copy2 --auto-clone
exec 9>&-
wait
