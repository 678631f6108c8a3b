#!/bin/sh
# examples/copy.sh NAME: copies examples/NAME/project to a new temporary directory, prepares it with examples/NAME/prepare.sh
# where there is one, and prints the directory. So a mission never changes the files here.
set -eu
example=$(dirname "$0")/$1
dir=$(mktemp -d)
cp -R "$example/project/." "$dir"
if [ -f "$example/prepare.sh" ]; then sh "$example/prepare.sh" "$dir"; fi
# Agents never run as root: where root runs the swarm, commands run as this user, who must own the directory.
if [ "$(id -u)" = 0 ]; then chown -R 61337:61337 "$dir"; fi
echo "$dir"
