#!/bin/sh
# prepare.sh DIR: fills DIR/certs with what the mission finds: a root, an intermediate CA with its key, and a server
# certificate that expires in two days. The root's key is made, used once and removed.
set -eu
umask 077
cd "$1/certs"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

new_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }
issue() { # request, its certificate, configuration, section, days, certificate of the CA, key of the CA
  openssl x509 -req -in "$1" -out "$2" -extfile "$3" -extensions "$4" -days "$5" -CA "$6" -CAkey "$7" \
    -set_serial "0x0$(openssl rand -hex 15)" -sha256 2>/dev/null
}

new_key "$scratch/root.key"
openssl req -new -x509 -config ca.cnf -extensions root -subj '/O=Example Shop/CN=Shop root' \
  -key "$scratch/root.key" -days 7300 -sha256 -out root.crt

new_key intermediate.key
openssl req -new -config ca.cnf -subj '/O=Example Shop/CN=Shop servers' -key intermediate.key -out "$scratch/ca.csr"
issue "$scratch/ca.csr" intermediate.crt ca.cnf intermediate 1825 root.crt "$scratch/root.key"

new_key server.key
openssl req -new -config server.cnf -key server.key -out "$scratch/server.csr"
issue "$scratch/server.csr" server.crt server.cnf server 2 intermediate.crt intermediate.key
cat server.crt intermediate.crt >chain.pem
chmod 644 root.crt intermediate.crt server.crt chain.pem
