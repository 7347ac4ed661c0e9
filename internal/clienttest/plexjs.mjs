// @lukehagar/plexjs 0.39.0: the newer sign-in in JSON, and a schema that refuses an account with a field missing.
import assert from "node:assert/strict";
import { ask, done, fact } from "./relay.mjs";
import { PlexAPI } from "@lukehagar/plexjs";

const client = (accessToken) => new PlexAPI({ accessToken });
const enter = (password, more) =>
  client().authentication.postUsersSignInData({
    clientID: "plexjs-test", clientName: "Attic", deviceNickname: "TV", clientVersion: "1", platform: "Linux",
    requestBody: { login: fact("LOGIN"), password, rememberMe: true, ...more },
  });

const signedIn = (await enter(fact("PASSWORD"))).userPlexAccount;
assert.equal(signedIn.username, fact("LOGIN"));
const mine = client(signedIn.authToken);

const read = await mine.authentication.getTokenDetails();
assert.equal(read.userPlexAccount.uuid, signedIn.uuid);
assert.equal(read.userPlexAccount.authToken, signedIn.authToken);

const resources = await mine.plex.getServerResources("plexjs-test", 1, 1, 1);
assert.equal(resources.plexDevices.length, 1);
assert.equal(resources.plexDevices[0].accessToken, "");

const refused = async (promise, code, status) =>
  assert.rejects(promise, (e) => {
    assert.equal(e.errors?.[0].code, code, String(e));
    assert.equal(e.errors[0].status, status);
    return true;
  });
await refused(enter("not the password"), 1001, 401);
await refused(client("0".repeat(52)).authentication.getTokenDetails(), 1001, 401);

const pin = (await client().plex.getPin({ clientID: "plexjs-tv", clientName: "Attic", strong: false })).authPinContainer;
assert.match(pin.code, /^[A-Z0-9]{4}$/);
assert.equal(pin.authToken, null);
const waiting = (await client().plex.getTokenByPinId({ clientID: "plexjs-tv", pinID: pin.id })).authPinContainer;
assert.equal(waiting.authToken, null);
await ask("allow " + pin.code);
const linked = (await client().plex.getTokenByPinId({ clientID: "plexjs-tv", pinID: pin.id })).authPinContainer;
assert.equal((await client(linked.authToken).authentication.getTokenDetails()).userPlexAccount.username, fact("LOGIN"));
await assert.rejects(client().plex.getTokenByPinId({ clientID: "another", pinID: pin.id }), (e) => e.statusCode === 404 || e.errors?.[0].code === 1020);
done();
