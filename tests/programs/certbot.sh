#!/bin/bash
# Runs the certbot files of a stack against a real ACME server: Pebble, certbot and nginx, in namespaces of their own.
#
#   certbot.sh DIR     DIR is the output directory `certbot` of a stack with the certificates of tests/certbot.rs
#
# Needs root, pebble, pebble-challtestsrv, certbot, nginx, openssl, curl, ip; with busybox the container's part runs in
# its shell and with its programs, as in Alpine. Every process ends with the namespace.
set -u
if [ "${IN_BOX-}" != yes ]; then
    IN_BOX=yes exec unshare --net --mount --pid --fork --kill-child --mount-proc bash "$0" "$@"
fi

failures=0
ok() { if [ "$2" = "$3" ]; then echo "ok   $1"; else echo "FAIL $1: got '$2', want '$3'"; failures=1; fi; }
has() { if grep -q -- "$2" "$3"; then echo "ok   $1"; else echo "FAIL $1: no '$2' in:"; cat "$3"; failures=1; fi; }
hasnt() { if grep -q -- "$2" "$3"; then echo "FAIL $1: '$2' in:"; cat "$3"; failures=1; else echo "ok   $1"; fi; }

# /etc and /var belong to the box: what is written there is gone at its end.
ip link set lo up
box=/mnt
mount -t tmpfs tmpfs "$box"
mkdir -p "$box"/{etc,etc.work,var,var.work,run,bin}
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$box/etc,workdir=$box/etc.work" /etc || exit 2
mount -t overlay overlay -o "lowerdir=/var,upperdir=$box/var,workdir=$box/var.work" /var || exit 2
mkdir -p /etc/stackgen /etc/nginx/certificates /etc/letsencrypt /var/www
mount -t tmpfs -o size=256k tmpfs /etc/nginx/certificates
cp "$1"/* /etc/stackgen/
echo 'nameserver 127.0.0.1' >/etc/resolv.conf

# The ACME server; its own certificate comes from a CA that only ACME_CA knows. Every name leads here except one.
cd "$box/run" || exit 2
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout api.key -out api.crt -days 2 \
    -subj /CN=localhost -addext subjectAltName=DNS:localhost 2>/dev/null
cat >pebble.json <<END
{"pebble": {"listenAddress": "127.0.0.1:14000", "managementListenAddress": "127.0.0.1:15000", "certificate": "$PWD/api.crt",
 "privateKey": "$PWD/api.key", "httpPort": 80, "tlsPort": 443, "ocspResponderURL": "", "domainBlocklist": [],
 "retryAfter": {"authz": 1, "order": 1}, "profiles": {"default": {"description": "", "validityPeriod": 7776000}}}}
END
pebble-challtestsrv -defaultIPv4 127.0.0.1 -defaultIPv6 "" -dnsserver 127.0.0.1:53 -http01 "" -https01 "" -tlsalpn01 "" \
    -doh "" -management 127.0.0.1:8055 >dns.log 2>&1 &
PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=0 PEBBLE_AUTHZREUSE=0 pebble -config pebble.json -dnsserver 127.0.0.1:53 >pebble.log 2>&1 &
pebble=$!
for _ in $(seq 100); do curl -sk https://127.0.0.1:15000/roots/0 -o root.pem && (: >/dev/tcp/127.0.0.1/8055) 2>/dev/null && break; sleep 0.1; done
dns() { curl -s -d "$2" "http://127.0.0.1:8055/$1" >/dev/null; }
dns add-a '{"host": "chat.example.com", "addresses": ["192.0.2.1"]}'

# The script as in the container: no capabilities, and busybox where there is one.
PATH=$box/bin:$PATH
sh=(/bin/sh)
if command -v busybox >/dev/null; then
    sh=(busybox sh)
    for program in cat cmp cp date grep ln mkdir mktemp mv od printf readlink rm rmdir sed sleep sort sync touch tr; do
        ln -s "$(command -v busybox)" "$box/bin/$program"
    done
fi
export ACME_SERVER=https://localhost:14000/dir ACME_CA=$PWD/api.crt
inside=()
certificates() { "${inside[@]}" setpriv --bounding-set=-all --inh-caps=-all "${sh[@]}" /etc/stackgen/certificates.sh "$@" >out.log 2>&1; }
served() { openssl s_client -connect 127.0.0.1:443 -servername "$1" -CAfile root.pem </dev/null 2>/dev/null >s_client.log; openssl x509 -noout -serial <s_client.log 2>/dev/null; }
lineages() { find /etc/letsencrypt/live -mindepth 1 -type d -printf '%f '; }
# nginx answers a signal a moment later.
served_after() { for _ in $(seq 30); do serial=$(served "$1"); [ "$serial" = "$2" ] || break; sleep 0.1; done; }

# 1. Before the first start
certificates status; ok "status before anything: fails" $? 1
certificates prepare; ok "prepare" $? 0
certificates status; ok "status with temporary pairs: fails" $? 1
has "status names them" 'www.example.com: temporary, needed' out.log
cat >nginx.conf <<'END'
user root; daemon off; worker_processes 1; error_log stderr notice; pid nginx.pid;
events { worker_connections 64; }
http {
    access_log off; client_body_temp_path t; proxy_temp_path t; fastcgi_temp_path t; uwsgi_temp_path t; scgi_temp_path t;
    server { listen 80; location ^~ /.well-known/acme-challenge/ { root /var/www/acme; } }
    server { listen 443 ssl; server_name www.example.com erp.example.com; return 200;
        ssl_certificate /etc/nginx/certificates/www.example.com/fullchain.pem;
        ssl_certificate_key /etc/nginx/certificates/www.example.com/privkey.pem; }
    server { listen 443 ssl; server_name chat.example.com; return 200;
        ssl_certificate /etc/nginx/certificates/chat.example.com/fullchain.pem;
        ssl_certificate_key /etc/nginx/certificates/chat.example.com/privkey.pem; }
}
END
# nginx is process 1 of a namespace that the script then joins, as with `pid: service:nginx`.
unshare --pid --fork --mount-proc --kill-child "${NGINX:-nginx}" -p "$PWD" -c "$PWD/nginx.conf" >nginx.log 2>&1 &
unshare=$!
for _ in $(seq 50); do (: >/dev/tcp/127.0.0.1/443) 2>/dev/null && break; sleep 0.1; done
nginx=$(cat "/proc/$unshare/task/$unshare/children")
inside=(nsenter -t "${nginx% }" -p -m)
temporary=$(served www.example.com)
ok "nginx starts with the temporary pair" "${temporary%%=*}" serial

# 2. First issue; the planned name leads nowhere
certificates issue; ok "issue, although a planned name cannot be had" $? 0
has "that is a note" 'note: chat.example.com: not to be had yet' out.log
hasnt "and no error" 'ERROR' out.log
served_after www.example.com "$temporary"; first=$serial
ok "nginx serves another certificate after the signal" "$([ "$first" != "$temporary" ] && echo yes)" yes
has "its chain holds" 'Verify return code: 0' s_client.log
ok "certbot used no other lineage" "$(lineages)" "www.example.com "
ok "key for root only" "$(stat -Lc %a:%u /etc/nginx/certificates/www.example.com/privkey.pem)" 600:0
ok "the planned name keeps a temporary pair" "$(test -e /etc/nginx/certificates/chat.example.com/temporary && echo yes)" yes
certificates status; ok "status: fine" $? 0
certificates issue; certificates renew; ok "renew, nothing due" $? 0
ok "nothing due: the same certificate" "$(served www.example.com)" "$first"

# 3. Renewal
certificates renew --force; ok "renew --force" $? 0
served_after www.example.com "$first"; second=$serial
ok "the renewed one is served" "$([ "$second" != "$first" ] && echo yes)" yes

# Handed over by a container that cannot signal nginx: `watch` beside nginx notices.
# In dash: busybox may prefer its own sleep to the quick one.
mkdir "$box/quick"; printf '#!/bin/sh\nexec %s 0.2\n' "$(type -P sleep)" >"$box/quick/sleep"; chmod +x "$box/quick/sleep"
PATH=$box/quick:$PATH "${inside[@]}" /bin/sh /etc/stackgen/certificates.sh watch >watch.log 2>&1 &
watch=$!
sleep 0.5
NGINX_RELOAD=true certificates renew --force
served_after www.example.com "$second"; ok "watch reloads nginx" "$([ "$serial" != "$second" ] && echo yes)" yes
second=$serial
kill "$(cat "/proc/$watch/task/$watch/children")"

# 4. Other names
sed -i 's/^www.example.com needed .*/& new.example.com/' /etc/stackgen/certificates.txt
certificates status; ok "status after the list changed: fails" $? 1
certificates issue; ok "issue with one more name" $? 0
served_after www.example.com "$second"; third=$serial
ok "it is on the certificate" "$(openssl x509 -noout -ext subjectAltName <s_client.log | grep -o 'DNS:' | wc -l)" 3
ok "still one lineage" "$(lineages)" "www.example.com "
ok "two versions are kept" "$(find /etc/nginx/certificates/.versions/www.example.com -mindepth 1 -type d | wc -l)" 2

# 5. Disk full while a renewed pair is handed over
dd if=/dev/zero of=/etc/nginx/certificates/full bs=1k 2>/dev/null
certificates renew --force; ok "renew on a full disk: fails" $? 1
has "and says so" 'disk full?' out.log
served_after www.example.com nothing
ok "the old pair stays in place" "$(served www.example.com)" "$third"
ok "whole" "$(openssl x509 -noout -serial </etc/nginx/certificates/www.example.com/fullchain.pem)" "$third"
rm /etc/nginx/certificates/full
certificates issue; ok "handed over as soon as there is room" $? 0
served_after www.example.com "$third"; fourth=$serial
ok "and served" "$([ "$fourth" != "$third" ] && echo yes)" yes
ok "without leftovers" "$(find /etc/nginx/certificates -name '*.link' -o -name '.new.*' -o -name log | wc -l)" 0

# 6. The certificates volume is lost: certbot's own pair comes back, not a temporary one
rm -r /etc/nginx/certificates/.versions /etc/nginx/certificates/*
certificates prepare; ok "prepare after the loss" $? 0
ok "certbot's pair is back" "$(openssl x509 -noout -serial </etc/nginx/certificates/www.example.com/fullchain.pem)" "$fourth"

# 7. The loop, with the issuer gone
kill "$pebble"
sed -i 's/^www.example.com needed .*/& more.example.com/' /etc/stackgen/certificates.txt
loop() { # LOG TEXT TENTHS: runs the loop until it says TEXT, at most that long, and ends it as Docker does
    "${inside[@]}" setpriv --bounding-set=-all --inh-caps=-all "${sh[@]}" /etc/stackgen/certificates.sh run >"$1" 2>&1 &
    loop=$!
    for _ in $(seq "$3"); do grep -q "$2" "$1" && break; sleep 0.1; done
    # nsenter waits for the script in the other namespace; without a namespace there is only the script.
    script=$(cat "/proc/$loop/task/$loop/children")
    began=${EPOCHREALTIME/./}
    kill -TERM "${script% }"
    wait "$loop"
    took=$((${EPOCHREALTIME/./} - began))
}
loop run1.log 'chat.example.com: tried again in 1440 minutes' 200
has "a failed renewal is an error" 'ERROR: www.example.com: NOT RENEWED' run1.log
# Not `issue`, which leaves alone what was issued and is due.
has "tried again later" 'www.example.com: tried again in 2 minutes; right after a repair: certificates.sh renew' run1.log
ok "SIGTERM ends the loop at once" "$((took < 1000000))" 1
loop run2.log NEVER 30
hasnt "a restarted container waits as well" 'NOT RENEWED' run2.log

# 8. As on a host: reload through a command, from dash and with the system's programs
rm -r "${box:?}/bin"; hash -r; sh=(/bin/sh); inside=()
NGINX_RELOAD="touch $PWD/reloaded" RENEWED_LINEAGE=/etc/letsencrypt/live/www.example.com certificates deploy
ok "deploy hook" $? 0
ok "without a change: no reload" "$(test -e reloaded && echo yes)" ""
rm /etc/nginx/certificates/www.example.com
NGINX_RELOAD="touch $PWD/reloaded" RENEWED_LINEAGE=/etc/letsencrypt/live/www.example.com certificates deploy
ok "with one: the command" "$(test -e reloaded && echo yes)" yes
certificates nonsense; ok "usage" $? 2
exit "$failures"
