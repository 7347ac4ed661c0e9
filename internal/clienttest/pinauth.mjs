// plex-api-pinauth 0.1.0: the older PINs, in XML that it reads with patterns.
import assert from "node:assert/strict";
import { ask, done, fact } from "./relay.mjs";
import PlexAPI from "plex-api";
import pinAuth from "plex-api-pinauth";

const authenticator = pinAuth();
const client = new PlexAPI({ hostname: "plex.tv", port: 443, https: true, authenticator, options: { identifier: "pinauth-test", deviceName: "Attic TV" } });
const check = (pin) => new Promise((resolve, reject) => authenticator.checkPinForAuth(pin, (err, state) => (err ? reject(err) : resolve(state))));

const pin = await authenticator.getNewPin();
assert.match(pin.code, /^[A-Z0-9]{4}$/);
assert.equal(await check(pin), "waiting");
await ask("allow " + pin.code);
assert.equal(await check(pin.id), "authorized");
assert.equal((await client.query("/api/v2/user")).username, fact("LOGIN"));
assert.equal(await check(String(Number(pin.id) + 1)), "invalid");
done();
