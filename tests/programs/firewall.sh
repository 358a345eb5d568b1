#!/bin/bash
# Proves the nftables rules by connecting: from «the internet», a namespace behind a veth pair, to this server and to
# ports that a container publishes; and from the container outwards.
#
#   firewall.sh OPEN RESTRICTED     output directories `firewall` of the two stacks of tests/firewall.rs
#
# Needs root, nft, ip, python3. Docker is played by a bridge, a namespace and the address translation it would set up.
set -u
if [ "${IN_BOX-}" != yes ]; then
    IN_BOX=yes exec unshare --net --mount --pid --fork --kill-child --mount-proc bash "$0" "$@"
fi

failures=0
ok() { if [ "$2" = "$3" ]; then echo "ok   $1"; else echo "FAIL $1: got '$2', want '$3'"; failures=1; fi; }

mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /mnt
mkdir -p /run/netns /mnt/etc /mnt/work
mount -t overlay overlay -o lowerdir=/etc,upperdir=/mnt/etc,workdir=/mnt/work /etc || exit 2
exec 2>/mnt/stderr

ip link set lo up
sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
pair() { # NAMESPACE NAME IPV4 PEER4 IPV6 PEER6: a namespace behind a link; the first addresses are the server's
    ip netns add "$1"
    ip link add "$2" type veth peer name eth0 netns "$1"
    ip -n "$1" link set lo up
    ip -n "$1" addr add "$4" dev eth0
    ip -n "$1" addr add "$6" dev eth0 nodad
    ip -n "$1" link set eth0 up
    ip link set "$2" up
}
pair internet wan 203.0.113.1 203.0.113.2/24 2001:db8::1 2001:db8::2/64
ip addr add 203.0.113.1/24 dev wan
ip addr add 2001:db8::1/64 dev wan nodad
pair container veth1 172.18.0.1 172.18.0.2/16 fd00:18::1 fd00:18::2/64
ip link add br-0123456789ab type bridge
ip link set veth1 master br-0123456789ab
ip addr add 172.18.0.1/16 dev br-0123456789ab
ip addr add fd00:18::1/64 dev br-0123456789ab nodad
ip link set br-0123456789ab up
for where in internet container; do
    case $where in internet) a=203.0.113.1 b=2001:db8::1 ;; *) a=172.18.0.1 b=fd00:18::1 ;; esac
    ip -n "$where" route add default via "$a"
    ip -n "$where" -6 route add default via "$b"
done
# What Docker sets up for -p 80:80 -p 443:443 -p 8069:8069 -p 8080:80: the last publishes an open port's number as
# another one.
nft -f - <<'END'
table inet docker {
	chain prerouting {
		type nat hook prerouting priority dstnat;
		fib daddr type local tcp dport { 80, 8080 } dnat ip to 172.18.0.2:80
		fib daddr type local tcp dport 443 dnat ip to 172.18.0.2:443
		fib daddr type local tcp dport 8069 dnat ip to 172.18.0.2:8069
		fib daddr type local tcp dport { 80, 8080 } dnat ip6 to [fd00:18::2]:80
		fib daddr type local tcp dport 443 dnat ip6 to [fd00:18::2]:443
		fib daddr type local tcp dport 8069 dnat ip6 to [fd00:18::2]:8069
	}
	chain postrouting {
		type nat hook postrouting priority srcnat;
		oifname "wan" masquerade
	}
}
END

cat >/mnt/net.py <<'END'
"""listen NAME PORT...: answers every connection and datagram with NAME. ask HOST PORT...: who answers, or nobody."""
import socket, sys, threading
def answer(one, name):
    for _ in iter(lambda: one.recv(9), b""):
        one.sendall(name)
def serve(sock, name, udp):
    while True:
        if udp:
            data, peer = sock.recvfrom(99)
            sock.sendto(name, peer)
        else:
            threading.Thread(target=answer, args=(sock.accept()[0], name)).start()
def ask(host, port):
    udp = port.startswith("u")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM) as s:
        s.settimeout(0.4)
        try:
            s.connect((host, int(port.lstrip("u"))))
            s.send(b"x")
            return s.recv(99).decode()
        except OSError:
            return "-"
if sys.argv[1] == "listen":
    for port in sys.argv[3:]:
        udp = port.startswith("u")
        s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("::", int(port.lstrip("u"))))
        udp or s.listen(9)
        threading.Thread(target=serve, args=(s, sys.argv[2].encode(), udp)).start()
elif sys.argv[1] == "hold":
    with socket.create_connection((sys.argv[2], int(sys.argv[3])), 2) as s:
        for line in sys.stdin:
            s.send(b"x")
            print(s.recv(99).decode(), flush=True)
else:
    answers = [None] * len(sys.argv[3:])
    def one(i, port): answers[i] = f"{port}:{ask(sys.argv[2], port)}"
    threads = [threading.Thread(target=one, args=(i, p)) for i, p in enumerate(sys.argv[3:])]
    [t.start() for t in threads]
    [t.join() for t in threads]
    print(*answers)
END
python3 /mnt/net.py listen server 22 8069 9000 9001 25060 u3478 u5353 &
ip netns exec container python3 /mnt/net.py listen container 80 443 8069 9999 &
ip netns exec internet python3 /mnt/net.py listen outside 53 443 8000 u53 &
outside() { ip netns exec internet python3 /mnt/net.py ask "$@"; }
inside() { ip netns exec container python3 /mnt/net.py ask "$@"; }
ports=(22 80 443 8069 8080 9000 9001 25060 u3478 u5353)
everything="22:server 80:container 443:container 8069:container 8080:container 9000:server 9001:server 25060:server u3478:server u5353:server"
wanted="22:server 80:container 443:container 8069:- 8080:- 9000:server 9001:- 25060:- u3478:server u5353:-"

# 1. Controls: without rules everything answers, as soon as IPv6 has found its neighbours
for _ in $(seq 30); do
    [ "$(outside 203.0.113.1 "${ports[@]}")$(outside 2001:db8::1 "${ports[@]}")" = "$everything$everything" ] && break
    sleep 0.2
done
ok "before, IPv4: everything" "$(outside 203.0.113.1 "${ports[@]}")" "$everything"
ok "before, IPv6: everything" "$(outside 2001:db8::1 "${ports[@]}")" "$everything"
ok "before: a container's own address" "$(outside 172.18.0.2 8069)" "8069:container"
ok "before: outwards" "$(inside 203.0.113.2 443 8000)" "443:outside 8000:outside"

# 2. On trial, and taken back
coproc HELD { ip netns exec internet python3 /mnt/net.py hold 203.0.113.1 8069; }
echo >&"${HELD[1]}"; read -r -t 3 answer <&"${HELD[0]}"; ok "a connection from before" "$answer" container
docker=$(nft list table inet docker)
ROLLBACK_AFTER=2 sh "$1/apply.sh" >/mnt/apply.log; ok "apply.sh" $? 0
ok "the rules hold" "$(outside 203.0.113.1 22 8069)" "22:server 8069:-"
echo >&"${HELD[1]}"; read -r -t 3 answer <&"${HELD[0]}"; ok "the connection goes on" "$answer" container
sleep 2.2
ok "without confirmation they are gone" "$(nft list tables)" "table inet docker"
sh "$1/apply.sh" confirm >/dev/null; ok "too late to confirm" $? 1
sed 's/proto-dst 22 /proto-dst 99999 /' "$1/nftables.conf" >/mnt/nftables.conf
cp "$1/apply.sh" /mnt; sh /mnt/apply.sh >/dev/null; ok "a faulty file is refused" $? 1
ok "and changes nothing" "$(nft list tables)" "table inet docker"

# 3. Confirmed
ROLLBACK_AFTER=2 sh "$1/apply.sh" >/dev/null; sh "$1/apply.sh" confirm >/dev/null; ok "confirm" $? 0
ok "kept for the next start" "$(cmp "$1/nftables.conf" /etc/stackgen/nftables.conf && echo same)" same
once=$(nft -s list ruleset)
nft -f /etc/stackgen/nftables.conf
ok "applied once more: the same rules" "$(nft -s list ruleset)" "$once"
ok "IPv4: what is open, and nothing else" "$(outside 203.0.113.1 "${ports[@]}")" "$wanted"
ok "IPv6: the same" "$(outside 2001:db8::1 "${ports[@]}")" "$wanted"
ok "a container's own address" "$(outside 172.18.0.2 80 8069 9999)" "80:container 8069:- 9999:-"
ok "a container's own address, IPv6" "$(outside fd00:18::2 80 8069 9999)" "80:container 8069:- 9999:-"
ok "containers go outwards" "$(inside 203.0.113.2 443 8000)" "443:outside 8000:outside"
ok "containers reach the server" "$(inside 203.0.113.1 22 9001)" "22:server 9001:server"
ok "the server reaches containers" "$(python3 /mnt/net.py ask 172.18.0.2 8069)" "8069:container"
ok "ping, IPv4 and IPv6" "$(ip netns exec internet python3 -c '
import socket
for family, proto, kind, host in ((socket.AF_INET, socket.IPPROTO_ICMP, 8, "203.0.113.1"), (socket.AF_INET6, socket.IPPROTO_ICMPV6, 128, "2001:db8::1")):
    s = socket.socket(family, socket.SOCK_RAW, proto)
    s.settimeout(1)
    # Type, code, checksum, identifier, sequence; the kernel fills in the checksum of ICMPv6.
    s.sendto(bytes([kind, 0]) + ((0xffff - (kind << 8) - 2).to_bytes(2, "big") if kind == 8 else b"\0\0") + b"\0\1\0\1", (host, 0))
    s.recv(99)
print("answered")')" answered
ok "Docker's own table is untouched" "$(nft list table inet docker)" "$docker"
sleep 2
ok "still there after the trial" "$(nft list tables | wc -l)" 2

# 4. Restricted outbound: 443 and what nothing works without
ROLLBACK_AFTER=30 sh "$2/apply.sh" >/dev/null
ok "containers: 443 and names only" "$(inside 203.0.113.2 53 443 8000 u53)" "53:outside 443:outside 8000:- u53:outside"
ok "the server: the same" "$(python3 /mnt/net.py ask 203.0.113.2 53 443 8000 u53)" "53:outside 443:outside 8000:- u53:outside"
ok "IPv6: the same" "$(inside 2001:db8::2 443 8000)" "443:outside 8000:-"
ok "the server reaches containers" "$(python3 /mnt/net.py ask 172.18.0.2 8069)" "8069:container"
ok "inbound as before" "$(outside 203.0.113.1 "${ports[@]}")" "$wanted"
sh "$2/apply.sh" rollback >/dev/null; ok "rollback" $? 0
ok "the rules from before are back" "$(nft -s list table inet stackgen)" "$(printf '%s' "$once" | sed -n '/^table inet stackgen/,$p')"
[ "$failures" = 0 ] || cat /mnt/stderr
exit "$failures"
