"""Data goes into volumes of the in-memory driver and comes out again."""
import os
import sys

import libvirt

URI = sys.argv[1]
MIB = 1 << 20
conn = libvirt.open(URI)
libvirt.registerErrorHandler(lambda *_: None, None)
pool = conn.storagePoolLookupByName("default-pool")


def volume(name, size):
    return pool.createXML(f"<volume><name>{name}</name><capacity>{size}</capacity></volume>", 0)


def upload(vol, data, offset=0, length=0):
    stream = conn.newStream(0)
    vol.upload(stream, offset, length, 0)
    while data:
        sent = stream.send(data[: 256 << 10])
        data = data[sent:]
    stream.finish()


def download(vol, offset=0, length=0):
    stream = conn.newStream(0)
    vol.download(stream, offset, length, 0)
    pieces = []
    while piece := stream.recv(256 << 10):
        pieces.append(piece)
    stream.finish()
    return b"".join(pieces)


def refused(code, call, *args):
    try:
        call(*args)
    except libvirt.libvirtError as e:
        assert code in (None, e.get_error_code()), e
        return
    raise SystemExit(f"{call} succeeded")


vol = volume("plain", 3 * MIB)
assert download(vol) == bytes(3 * MIB), "a new volume holds zeros"
data = os.urandom(3 * MIB)
upload(vol, data)
assert download(vol) == data
upload(vol, b"here", 100)
upload(vol, b"also", 200, 4)
data = data[:100] + b"here" + data[104:200] + b"also" + data[204:]
assert download(vol) == data
assert download(vol, 100, 104) == data[100:204]
assert download(vol, 3 * MIB - 5) == data[-5:]
for offset, length in [(3 * MIB, 0), (3 * MIB + 1, 0), (0, 3 * MIB + 1), (2**62, 2**62)]:
    refused(libvirt.VIR_ERR_INVALID_ARG, download, vol, offset, length)
    refused(libvirt.VIR_ERR_INVALID_ARG, upload, vol, b"x", offset, length)
refused(None, upload, vol, bytes(2 * MIB), 2 * MIB)
assert len(download(vol)) == 3 * MIB, "nothing goes beyond the end"

upload(vol, data)
copy = pool.createXMLFrom(f"<volume><name>copy</name><capacity>{4 * MIB}</capacity></volume>", vol, 0)
assert download(copy) == data + bytes(MIB)
upload(copy, b"changed")
assert download(vol) == data, "a copy is its own"
short = pool.createXMLFrom("<volume><name>short</name><capacity>10</capacity></volume>", vol, 0)
assert download(short) == data[:10]

vol.resize(MIB, libvirt.VIR_STORAGE_VOL_RESIZE_SHRINK)
vol.resize(MIB, libvirt.VIR_STORAGE_VOL_RESIZE_DELTA)
assert vol.info()[1] == 2 * MIB
assert download(vol) == data[:MIB] + bytes(MIB)
refused(libvirt.VIR_ERR_INVALID_ARG, vol.resize, MIB, 0)
vol.wipe(0)
assert download(vol) == bytes(2 * MIB)
refused(libvirt.VIR_ERR_NO_SUPPORT, vol.wipePattern, libvirt.VIR_STORAGE_VOL_WIPE_ALG_DOD, 0)

# A large volume that is nearly empty goes and comes as what it is.
size = 20 << 30
large = volume("large", size)
stream = conn.newStream(0)
large.upload(stream, 0, 0, libvirt.VIR_STORAGE_VOL_UPLOAD_SPARSE_STREAM)
stream.sendHole(size - 4)
assert stream.send(b"tail") == 4
stream.finish()
stream = conn.newStream(0)
large.download(stream, 0, 0, libvirt.VIR_STORAGE_VOL_DOWNLOAD_SPARSE_STREAM)
at, found = 0, b""
while at < size:
    piece = stream.recvFlags(256 << 10, libvirt.VIR_STREAM_RECV_STOP_AT_HOLE)
    if piece == -3:
        at += stream.recvHole()
        continue
    if not piece:
        break
    at += len(piece)
    found += piece
assert at == size and found.strip(b"\0") == b"tail", (at, len(found))
stream.finish()

# Who reads goes on reading when the volume goes.
vol = volume("brief", 8 * MIB)
upload(vol, b"first" + bytes(8 * MIB - 5))
stream = conn.newStream(0)
vol.download(stream, 0, 0, 0)
vol.delete(0)
total = 0
while piece := stream.recv(MIB):
    total += len(piece)
assert total == 8 * MIB
stream.finish()
