// plex-oauth 2.2.0: a strong PIN, the address of the page that its owner opens, polls until there is a token.
import assert from "node:assert/strict";
import { ask, done, fact } from "./relay.mjs";
import { PlexOauth } from "plex-oauth";

const client = (clientIdentifier) =>
  new PlexOauth({ clientIdentifier, product: "Attic", device: "TV", version: "1", forwardUrl: "https://attic.example.org/back", platform: "Web", urlencode: true });

const mine = client("plex-oauth-test");
const [address, id] = await mine.requestHostedLoginURL();
const said = new URLSearchParams(new URL(address).hash.slice(2));
assert.equal(new URL(address).origin + new URL(address).pathname, "https://app.plex.tv/auth");
assert.equal(said.get("clientID"), "plex-oauth-test");
assert.equal(said.get("forwardUrl"), "https://attic.example.org/back");
assert.equal(await mine.checkForAuthToken(id), null);

const allowed = ask("allow " + said.get("code"));
const token = await mine.checkForAuthToken(id, 1000, 10);
await allowed;
assert.match(token, /^[0-9a-z]{22,}$/);
assert.equal(await mine.checkForAuthToken(id), token, "it polls once more");

const user = await (await fetch("https://plex.tv/api/v2/user", { headers: { "X-Plex-Token": token, Accept: "application/json" } })).json();
assert.equal(user.username, fact("LOGIN"));

await assert.rejects(client("another client").checkForAuthToken(id), (e) => e.response.status === 404 && e.response.data.errors[0].code === 1020);
await assert.rejects(mine.checkForAuthToken(id + 1), (e) => e.response.status === 404);
done();
