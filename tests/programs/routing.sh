#!/usr/bin/env bash
# routing.sh TOOLS NGINX OUTPUT: runs the built nginx.conf of the reference stack, unchanged, and asks it everything.
# Started by tests/routing.rs in network, mount and process namespaces of its own: ports 80, 443 and 53 are free, the
# directories it fills are its own, and everything it starts ends with it.
set -euo pipefail
tools=$1 nginx=$2 output=$3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
# Workers of nginx keep large bodies there.
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT

ip link set lo up

# What the container has: nginx's own files, certificates, directories of sites and challenges.
mkdir -p /etc/nginx /var/www
mount -t tmpfs none /etc/nginx
mount -t tmpfs none /var/www
cp "$(find "$tools/root" -name mime.types -path '*nginx*' | head -n 1)" /etc/nginx/mime.types
mkdir -p /var/www/html/.git /var/www/acme/.well-known/acme-challenge
echo '<h1>home</h1>' > /var/www/html/index.html
echo secret > /var/www/html/.git/config
echo token-value > /var/www/acme/.well-known/acme-challenge/token

grep -ohE '/etc/nginx/certificates/[^/]+' "$output/nginx/nginx.conf" | sort -u | while read -r directory; do
    mkdir -p "$directory"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test \
        -addext 'subjectAltName=DNS:*.insightpulseai.net' \
        -keyout "$directory/privkey.pem" -out "$directory/fullchain.pem" 2> /dev/null
done

# Docker's name server, and the services behind it; Superset is missing at first.
names=$work/names
printf 'odoo=127.0.1.1\nn8n=127.0.1.2\n' > "$names"
python3 "$here/dns.py" 127.0.0.11 --file "$names" &
python3 "$here/stub.py" odoo 8069 8072 --bind 127.0.1.1 > "$work/odoo" &
python3 "$here/stub.py" n8n 5678 --bind 127.0.1.2 > "$work/n8n" &
for stub in odoo n8n; do
    for _ in $(seq 100); do grep -q ready "$work/$stub" && break; sleep 0.05; done
done

"$nginx" -t -p "$work" -c "$output/nginx/nginx.conf" 2>&1 | tee "$work/tested"
if grep -q '\[warn\]' "$work/tested"; then
    echo "FAIL nginx -t warns"
    exit 1
fi
"$nginx" -p "$work" -c "$output/nginx/nginx.conf" -g 'daemon off;' > "$work/log" 2>&1 &
for _ in $(seq 100); do (exec 3<> /dev/tcp/127.0.0.1/443) 2> /dev/null && break; sleep 0.05; done

PYTHONDONTWRITEBYTECODE=1 python3 "$here/routing.py" "$here" "$names" || {
    tail -n 20 "$work/log"
    exit 1
}
