#!/bin/sh
# certificates.sh DIRECTORY
#
# Makes a certificate authority that nobody knows, ca.pem, and a certificate of
# it for 127.0.0.1, service.pem and service.key.
set -eu

cd "$1"
{
	openssl req -newkey rsa:2048 -nodes -batch -x509 -days 2 \
		-subj '/CN=Benchmark CA' -keyout ca.key -out ca.pem
	openssl req -newkey rsa:2048 -nodes -batch -subj '/CN=Services' \
		-keyout service.key -out service.csr
	echo 'subjectAltName = IP:127.0.0.1' >extensions
	openssl x509 -req -days 2 -in service.csr -CA ca.pem -CAkey ca.key \
		-CAcreateserial -extfile extensions -out service.pem
} >certificates.log 2>&1 || { cat certificates.log >&2; exit 1; }
