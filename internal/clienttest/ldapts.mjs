// ldapts 8.1.3: the LDAP client of web applications in JavaScript. It looks somebody up with the password of the media server, and binds as them.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Client, InvalidCredentialsError, InsufficientAccessError, UnwillingToPerformError } from "ldapts";

const { LDAP_AT, LDAP_CA, LDAP_OWNER, LDAP_DIRECTORY, LDAP_GUEST, LDAP_PASSWORD } = process.env;
const tlsOptions = () => ({ ca: readFileSync(LDAP_CA) }); // one for each connection: it keeps its socket there
const people = "ou=people,dc=usher";

async function connected(url, work) {
  const client = new Client({ url, tlsOptions: url.startsWith("ldaps") ? tlsOptions() : undefined, timeout: 10000 });
  try {
    return await work(client);
  } finally {
    await client.unbind();
  }
}

for (const url of [`ldap://${LDAP_AT}`, `ldaps://${LDAP_AT}`]) {
  const found = await connected(url, async (client) => {
    if (url.startsWith("ldap:")) await client.startTLS(tlsOptions());
    await client.bind(`uid=${LDAP_OWNER},${people}`, LDAP_DIRECTORY);
    const { searchEntries } = await client.search("dc=usher", { scope: "sub", filter: `(&(objectClass=person)(uid=${LDAP_GUEST}))`, paged: true, attributes: ["uid", "memberOf", "entryUUID"] });
    const all = await client.search("dc=usher", { scope: "sub", filter: "(uid=*)" });
    assert.equal(all.searchEntries.length, 2);
    await assert.rejects(client.add("uid=new,ou=people,dc=usher", { uid: "new" }), UnwillingToPerformError);
    return searchEntries;
  });
  assert.equal(found.length, 1);
  assert.equal(found[0].uid, LDAP_GUEST);
  assert.equal(found[0].memberOf, "cn=household,ou=groups,dc=usher");
  await connected(url, async (client) => {
    await client.bind(found[0].dn, LDAP_PASSWORD);
    const { searchEntries } = await client.search("dc=usher", { scope: "sub", filter: "(uid=*)" });
    assert.deepEqual(searchEntries.map((e) => e.uid), [LDAP_GUEST]);
  });
  for (const [dn, password] of [[found[0].dn, LDAP_PASSWORD.slice(0, -1) + "0"], [found[0].dn, LDAP_DIRECTORY], [`uid=nobody,${people}`, LDAP_PASSWORD]]) {
    await connected(url, (client) => assert.rejects(client.bind(dn, password), InvalidCredentialsError));
  }
  await connected(url, (client) => assert.rejects(client.bind(found[0].dn, ""), UnwillingToPerformError));
  await connected(url, (client) => assert.rejects(client.search("dc=usher", { filter: "(uid=*)" }), InsufficientAccessError));
}
