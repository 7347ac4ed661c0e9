# python3-ldap3, which reads what a server says of itself and its schema before it asks, and refuses what does not stand there.
import os
import ssl
from ldap3 import ALL, AUTO_BIND_TLS_BEFORE_BIND, Connection, Server, Tls

host, port = os.environ["LDAP_AT"].split(":")
owner, directory, guest, password = (os.environ["LDAP_" + name] for name in ("OWNER", "DIRECTORY", "GUEST", "PASSWORD"))
tls = Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=os.environ["LDAP_CA"])

server = Server(host, int(port), get_info=ALL, tls=tls)
with Connection(server, f"uid={owner},ou=people,dc=usher", directory, auto_bind=AUTO_BIND_TLS_BEFORE_BIND) as conn:
    assert server.info.naming_contexts == ["dc=usher"], server.info
    assert "uniqueMember" in server.schema.attribute_types
    assert conn.search("dc=usher", f"(|(uid={guest})(mail={guest}))", attributes=["uid", "memberOf", "entryUUID"])
    entry = conn.entries[0]
    assert entry.memberOf.value == "cn=household,ou=groups,dc=usher" and entry.uid.value == guest, entry
with Connection(server, entry.entry_dn, password, auto_bind=AUTO_BIND_TLS_BEFORE_BIND) as conn:
    assert conn.extend.standard.who_am_i() == f"dn:uid={guest},ou=people,dc=usher"
    assert conn.compare(entry.entry_dn, "uid", guest) is False and conn.result["result"] == 53, conn.result
    assert conn.delete(entry.entry_dn) is False and conn.result["result"] == 53, conn.result
