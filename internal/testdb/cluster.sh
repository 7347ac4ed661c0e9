#!/bin/sh
# Runs one private PostgreSQL cluster for tests. Prints its URL on one line once it answers, serves until standard
# input ends, then removes every trace of itself. The durability settings are off: nothing here outlives the run.
set -eu
umask 077

fail() { echo "$*" >&2; exit 1; }

# The folder that holds the whole server. Debian keeps it out of PATH, one folder per major version; the newest wins.
binaries() {
	complete=
	for folder in "$(dirname "$(command -v initdb || echo /nowhere/initdb)")" "$(pg_config --bindir 2>/dev/null)" \
		/usr/lib/postgresql/*/bin; do
		if [ -x "$folder/initdb" ] && [ -x "$folder/postgres" ] && [ -x "$folder/pg_ctl" ]; then
			complete=$folder
		fi
	done
	echo "$complete"
}

bin=$(binaries)
[ -n "$bin" ] || fail "the PostgreSQL server is not installed (initdb, postgres and pg_ctl are not found)"

# The server refuses to run as root, so root hands every command to another user.
user=
if [ "$(id -u)" = 0 ]; then
	user=postgres
	id -u "$user" >/dev/null 2>&1 || user=nobody
fi
as() {
	if [ -z "$user" ]; then
		"$@"
	else
		setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups "$@"
	fi
}

# A database is three hundred files, and making them is most of what CREATE DATABASE does: memory is ten times faster.
# Otherwise /tmp and not TMPDIR: a socket's path may not exceed 107 bytes, and the other user must be able to walk there.
place=/tmp
free=$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }')
if [ "${free:-0}" -ge 4194304 ] && [ -w /dev/shm ]; then
	place=/dev/shm
fi
dir=$(mktemp -d "$place/usher-postgres.XXXXXX")
cd "$dir"
started=
finish() {
	trap - EXIT
	[ -z "$started" ] || as "$bin/pg_ctl" -D "$dir/data" -m immediate -s stop >/dev/null 2>&1 || true
	cd / && rm -rf "$dir"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
printf '%s\n' "$password" >"$dir/password"
[ -z "$user" ] || chown -R "$user" "$dir"

# A linguistic collation: an ORDER BY that leans on byte order then fails here and not at an operator's.
as "$bin/initdb" -D "$dir/data" -U postgres -A password --pwfile="$dir/password" -E UTF8 -N \
	--locale-provider=icu --icu-locale=en --locale=C >"$dir/initdb.log" 2>&1 ||
	{ cat "$dir/initdb.log" >&2; fail "initdb failed (PostgreSQL 15 or newer is needed)"; }

cat >>"$dir/data/postgresql.conf" <<SETTINGS
listen_addresses = '127.0.0.1'
unix_socket_directories = '$dir'
max_connections = 400
shared_buffers = 128MB
fsync = off
synchronous_commit = off
full_page_writes = off
max_wal_size = 512MB
jit = off
SETTINGS

attempt=0
until [ -n "$started" ]; do
	attempt=$((attempt + 1))
	port=$((20000 + $(od -An -N2 -tu2 /dev/urandom) % 12000))
	if as "$bin/pg_ctl" -D "$dir/data" -o "-p $port" -l "$dir/server.log" -w -t 60 -s start </dev/null >/dev/null 2>&1; then
		started=yes
	elif [ "$attempt" = 10 ]; then
		cat "$dir/server.log" >&2
		fail "PostgreSQL did not start"
	fi
done

echo "postgres://postgres:$password@127.0.0.1:$port/postgres?sslmode=disable"
exec >/dev/null

while read -r _; do :; done
