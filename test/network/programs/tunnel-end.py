# `python3 tunnel-end.py`: the end of every tunnel that comes to this namespace, for kernels without ipip, sit and
# ip6_tunnel: takes packets of protocols 4 and 41 out of their outer headers and gives them to the stack by a TUN device.
import fcntl
import os
import select
import socket
import struct
import subprocess

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
IPPROTO_IPV4_INSIDE, IPPROTO_IPV6_INSIDE = 4, 41
SO_RCVBUFFORCE = 33

tun = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH", b"tunnel", IFF_TUN | IFF_NO_PI))
subprocess.run(["ip", "link", "set", "tunnel", "up"], check=True)
families = {}
for family in (socket.AF_INET, socket.AF_INET6):
    for protocol in (IPPROTO_IPV4_INSIDE, IPPROTO_IPV6_INSIDE):
        outer = socket.socket(family, socket.SOCK_RAW, protocol)
        outer.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 4 << 20)
        families[outer] = family
print("ready", flush=True)
while True:
    for outer in select.select(list(families), [], [])[0]:
        packet = outer.recv(65536)
        # Raw sockets of IPv4 show the outer header, those of IPv6 do not.
        header = (packet[0] & 15) * 4 if families[outer] == socket.AF_INET else 0
        os.write(tun, packet[header:])
