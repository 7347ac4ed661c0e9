# Read by scripts/test. Finds what the tests need; on Debian, as root, installs what is missing, elsewhere names it.
# shellcheck shell=bash

# Each line: the Debian package, then the commands or files any one of which shows that it is there.
requirements_table() {
	cat <<'TABLE'
gcc gcc clang
libc6-dev /usr/include/stdlib.h /Library/Developer/CommandLineTools
postgresql /usr/lib/postgresql/*/bin/initdb initdb
chromium chromium chromium-browser google-chrome google-chrome-stable
chromium-headless-shell chromium-headless-shell google-chrome google-chrome-stable
fonts-liberation /usr/share/fonts/truetype/liberation* /usr/share/fonts/*/*/*.ttf /usr/share/fonts/*/*.ttf /System/Library/Fonts
oathtool oathtool
zbar-tools zbarimg
python3-jwt /usr/lib/python3/dist-packages/jwt
python3-cryptography /usr/lib/python3/dist-packages/cryptography
argon2 argon2
ldap-utils ldapsearch
python3-ldap /usr/lib/python3/dist-packages/ldap
python3-ldap3 /usr/lib/python3/dist-packages/ldap3
npm npm
util-linux unshare
bsdutils script
curl curl
nginx nginx /usr/sbin/nginx
caddy caddy
haproxy haproxy /usr/sbin/haproxy
iproute2 ip /usr/sbin/ip /sbin/ip
openssh-client ssh
openssh-server /usr/sbin/sshd
TABLE
}

# missing prints the packages for which no sign was found.
missing() {
	local package signs sign found
	requirements_table | while read -r package signs; do
		found=
		for sign in $signs; do # unquoted: the signs are a list, and some are patterns
			if [ -e "$sign" ] || { [[ $sign != /* ]] && command -v "$sign" >/dev/null; }; then
				found=yes
				break
			fi
		done
		[ -n "$found" ] || echo "$package"
	done
}

on_debian() {
	# shellcheck source=/dev/null
	[ -r /etc/os-release ] && (. /etc/os-release && [[ " ${ID:-} ${ID_LIKE:-} " == *" debian "* ]])
}

# requirements LOG leaves what apt-get says in LOG and shows it when it fails.
requirements() {
	local log=$1 absent
	command -v go >/dev/null || {
		echo "Go is missing: install the version go.mod names, or a newer one"
		return 1
	}
	echo "$(go version), PostgreSQL, Chromium, oathtool, zbarimg, PyJWT, argon2, ldapsearch, python-ldap, ldap3, npm, curl, unshare, ip, nginx, Caddy, HAProxy, ssh"
	mapfile -t absent < <(missing)
	[ ${#absent[@]} -gt 0 ] || return 0

	if ! on_debian; then
		echo "missing, by Debian's names: ${absent[*]}"
		return 1
	fi
	if [ "$(id -u)" != 0 ]; then
		echo "missing: run as root: apt-get update && apt-get install ${absent[*]}"
		return 1
	fi
	echo "installing ${absent[*]}"
	export DEBIAN_FRONTEND=noninteractive
	if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${absent[@]}"; } >"$log" 2>&1 </dev/null; then
		cat "$log"
		return 1
	fi
	mapfile -t absent < <(missing)
	[ ${#absent[@]} = 0 ] || {
		echo "still missing after the installation: ${absent[*]}"
		return 1
	}
}
