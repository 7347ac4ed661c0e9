// plex-api 5.3.2 with plex-api-credentials 4.0.1: Basic on the older sign-in in XML, then JSON with the token.
import assert from "node:assert/strict";
import { ask, done, fact } from "./relay.mjs";
import PlexAPI from "plex-api";
import credentials from "plex-api-credentials";

const client = (password) =>
  new PlexAPI({
    hostname: "plex.tv", port: 443, https: true,
    authenticator: credentials({ username: fact("LOGIN"), password }),
    options: { identifier: "plex-api-test", product: "Attic", deviceName: "Attic TV" },
  });

const user = await client(fact("PASSWORD")).query("/api/v2/user");
assert.equal(user.username, fact("LOGIN"));
assert.equal(user.twoFactorEnabled, false);

const one = client(fact("PASSWORD"));
await one.query("/api/v2/user");
assert.equal((await one.query("/users/account")).user.attributes.username, fact("LOGIN"), "the older twin is XML whatever is asked for");
assert.equal((await one.query("/api/resources")).MediaContainer.Device.length, 1, "three sign-ins of one client are one device");

await assert.rejects(client("not the password").query("/api/v2/user"), /expected 201 but got 401/);

const second = new PlexAPI({
  hostname: "plex.tv", port: 443, https: true, username: fact("SECOND_LOGIN"), password: fact("PASSWORD") + (await ask("code")),
  options: { identifier: "plex-api-second" },
});
assert.equal((await second.query("/api/v2/user")).twoFactorEnabled, true);
await assert.rejects(
  new PlexAPI({ hostname: "plex.tv", port: 443, https: true, username: fact("SECOND_LOGIN"), password: fact("PASSWORD") }).query("/api/v2/user"),
  /expected 201 but got 401/,
);
done();
