#!/bin/sh
# nginx starts only with a certificate: a temporary one for the first time.
set -eu
openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -keyout privkey.pem -out fullchain.pem
