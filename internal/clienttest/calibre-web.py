# What Calibre-Web asks for, by python-ldap as its Flask-SimpleLDAP does: it binds as its own account, looks a person and a group up, and binds as the person.
import os
import ldap

at, ca = os.environ["LDAP_AT"], os.environ["LDAP_CA"]
owner, directory, guest, password = (os.environ["LDAP_" + name] for name in ("OWNER", "DIRECTORY", "GUEST", "PASSWORD"))
base, people = "dc=usher", "ou=people,dc=usher"


def connect(scheme):
    conn = ldap.initialize(f"{scheme}://{at}")
    conn.set_option(ldap.OPT_NETWORK_TIMEOUT, 10)
    conn.protocol_version = ldap.VERSION3
    conn.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND)
    conn.set_option(ldap.OPT_X_TLS_CACERTFILE, ca)
    conn.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
    return conn


for scheme, tls in (("ldap", False), ("ldap", True), ("ldaps", False)):
    conn = connect(scheme)
    if tls:
        conn.start_tls_s()
    conn.simple_bind_s(f"uid={owner},{people}", directory)
    # get_object_details(user=…): all attributes, then the name alone
    found = conn.search_s(base, ldap.SCOPE_SUBTREE, f"(&(objectclass=person)(uid={guest}))", [])
    assert [dn for dn, _ in found] == [f"uid={guest},{people}"], found
    assert found[0][1]["uid"] == [guest.encode()] and found[0][1]["cn"], found
    # the group whose members it imports
    group = conn.search_s(base, ldap.SCOPE_SUBTREE, "(&(objectclass=groupOfUniqueNames)(cn=household))", ["uniqueMember"])
    assert group == [("cn=household,ou=groups,dc=usher", {"uniqueMember": [f"uid={guest},{people}".encode()]})], group
    assert conn.search_s(base, ldap.SCOPE_SUBTREE, "(&(objectclass=person)(uid=nobody))", ["dn"]) == []
    conn.unbind_s()
    conn = connect(scheme)
    conn.simple_bind_s(found[0][0], password)
    assert conn.whoami_s() == f"dn:uid={guest},{people}"
    for wrong in (directory, password + "0", "x"):
        try:
            conn.simple_bind_s(found[0][0], wrong)
            raise AssertionError("it comes in by another password")
        except ldap.INVALID_CREDENTIALS:
            pass
    try:
        conn.simple_bind_s(found[0][0], "")
        raise AssertionError("it comes in without a password")
    except ldap.UNWILLING_TO_PERFORM:
        pass
    conn.unbind_s()
