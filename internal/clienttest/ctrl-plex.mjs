// @ctrl/plex 3.12.1: Basic on the older sign-in in JSON, resources, devices in XML, a claim token; then the PIN of a page that its owner opens.
import assert from "node:assert/strict";
import { ask, done, fact } from "./relay.mjs";
import { MyPlexAccount } from "@ctrl/plex";

const account = await new MyPlexAccount(null, fact("LOGIN"), fact("PASSWORD")).connect();
assert.equal(account.username, fact("LOGIN"));
assert.equal(account.subscriptionActive, false);
assert.match(account.token, /^[0-9a-z]{22,}$/);

const again = await new MyPlexAccount(null, "", "", account.token).connect();
assert.equal(again.uuid, account.uuid);

const resources = await account.resources();
assert.equal(resources.length, 1);
assert.equal(resources[0].product, "PlexAPI");
assert.deepEqual(resources[0].connections, []);

const devices = await account.devices();
assert.equal(devices.length, 1);
assert.equal(devices[0].clientIdentifier, resources[0].clientIdentifier);
assert.equal(devices[0].token, "", "no device's token is told");
assert.match(devices[0].id, /^[0-9]+$/);

assert.match(await account.claimToken(), /^claim-[0-9a-z]{26,}$/);

await assert.rejects(new MyPlexAccount(null, fact("LOGIN"), "not the password").connect(), (e) => e.status === 401);
await assert.rejects(new MyPlexAccount(null, "", "", "0".repeat(52)).connect(), (e) => e.status === 401);

const web = await MyPlexAccount.getWebLogin("https://attic.example.org/back");
assert.equal(new URL(web.uri).pathname, "/auth");
const allowed = ask("allow " + web.code);
const linked = await MyPlexAccount.webLoginCheck(web, 20);
await allowed;
assert.equal(linked.username, fact("LOGIN"));
assert.equal((await linked.devices()).length, 1, "the same client, let in by a code, takes its own place");
await assert.rejects(linked.claimToken(), (e) => e.status === 403);
done();
