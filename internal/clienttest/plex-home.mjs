// A Home. plex-api 5.3.2 adds a managed user and PINs, and with plex-api-credentials 4.0.1 signs in as that user; @ctrl/plex 3.12.1 and @lukehagar/plexjs 0.39.0,
// whose schema refuses an account with a field missing, take whoever was switched to.
import assert from "node:assert/strict";
import { ask, done, fact } from "./relay.mjs";
import PlexAPI from "plex-api";
import credentials from "plex-api-credentials";
import { MyPlexAccount } from "@ctrl/plex";
import { PlexAPI as PlexJS } from "@lukehagar/plexjs";

const here = { hostname: "plex.tv", port: 443, https: true };
const owner = new PlexAPI({ ...here, username: fact("LOGIN"), password: fact("PASSWORD"), options: { identifier: "plex-home-owner" } });
assert.equal((await owner.query("/api/v2/user")).home, false);

const kim = await owner.postQuery("/api/v2/home/users/restricted?friendlyName=Kim");
assert.equal(kim.title, "Kim");
assert.equal(kim.restricted, true);
await ask("share"); // a media server of the owner's, with the whole Home
assert.equal((await owner.postQuery(`/api/v2/home/users/restricted/${kim.id}?pin=0417`)).protected, true);
assert.equal((await owner.postQuery(`/api/v2/home/users/restricted/${kim.id}?friendlyName=Kimberly`)).title, "Kimberly");

const me = await owner.query("/api/v2/user");
assert.deepEqual([me.home, me.homeSize, me.homeAdmin, me.protected, me.pin], [true, 2, true, false, undefined]);
const said = async (path) => (await owner.putQuery(path)).Response.attributes;
assert.deepEqual({ ...(await said(`/api/home/users/${me.id}?pin=1111`)) }, { code: "0", status: "Updated user" });
await assert.rejects(said(`/api/home/users/${me.id}?pin=2222&currentPin=0000`), /Permission denied/);
await said(`/api/home/users/${me.id}?pin=2222&currentPin=1111`);
const users = (await owner.query("/api/v2/home/users")).users;
assert.deepEqual(users.map((u) => [u.title, u.admin, u.protected, u.restricted]), [[me.title, true, true, false], ["Kimberly", false, true, true]]);

// The managed user's player: name and password of the owner, whom it switches to, and where it may go.
const tokens = [];
const player = (name, pin) => {
  const authenticator = credentials({ username: fact("LOGIN"), password: fact("PASSWORD"), managedUser: { name, pin } });
  authenticator.on("token", (token) => tokens.push(token));
  return new PlexAPI({ ...here, authenticator, options: { identifier: "plex-home-player" } });
};
await assert.rejects(player("Kimberly", "0000").query("/api/v2/user"), /Authentication failed, reason: 403/);
await assert.rejects(player("Kimberly").query("/api/v2/user"), /Authentication failed, reason: 403/);
await assert.rejects(player("Ole", "0417").query("/api/v2/user"), /Home user Ole not found/);
tokens.length = 0;
await assert.rejects(player("kimberly", "0417").query("/api/v2/user"), /Permission denied even after attempted authentication/, "it is for the media server alone");
assert.equal(tokens.length, 2);
assert.equal(await ask(`plays ${tokens[1]}`), kim.uuid);

const switched = await owner.postQuery(`/api/v2/home/users/${kim.uuid}/switch?pin=0417`);
assert.deepEqual([switched.title, switched.email, switched.restricted, switched.homeAdmin, switched.uuid], ["Kimberly", "", true, false, kim.uuid]);
const read = await new PlexJS({ accessToken: switched.authToken }).authentication.getTokenDetails();
assert.equal(read.userPlexAccount.uuid, kim.uuid);
const home = await new PlexJS({ accessToken: switched.authToken, serverURL: "https://plex.tv/api/v2" }).plex.getHomeData();
assert.equal(home.object.id, me.id);
const watching = await new MyPlexAccount(null, "", "", switched.authToken).connect();
assert.deepEqual([watching.title, watching.home, watching.restricted, watching.homeSize], ["Kimberly", true, true, 2]);
assert.equal((await watching.resources())[0].accessToken.split(".").length, 3, "a token for the media server comes first");
await assert.rejects(watching.claimToken(), (e) => e.status === 403);

await owner.postQuery(`/api/v2/home/users/restricted/${kim.id}?removePin=1`);
await owner.postQuery(`/api/v2/home/users/${kim.uuid}/switch`);
await owner.deleteQuery(`/api/home/users/${kim.id}`);
await assert.rejects(new MyPlexAccount(null, "", "", switched.authToken).connect(), (e) => e.status === 401);
assert.equal((await owner.query("/api/v2/home/users")).users.length, 1);
done();
