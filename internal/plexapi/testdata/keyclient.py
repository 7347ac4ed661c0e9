"""Registers a key, renews by it and checks what it gets, under the rules of python-plexapi 4.18 (MyPlexJWTLogin) and with the library that one
relies on (PyJWT). Reads from standard input where the service is, its name, and a client's name and token; writes the new token's claims."""
import hashlib
import json
import sys
import time
import urllib.request
from base64 import urlsafe_b64encode

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

given = json.load(sys.stdin)
private = Ed25519PrivateKey.generate()
halves = (
    private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()),
    private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw),
)
kid = hashlib.sha256(halves[0] + halves[1]).hexdigest()


def ask(path, body=None, **headers):
    request = urllib.request.Request(given["at"] + "/api/v2/auth/" + path, None if body is None else json.dumps(body).encode())
    said = {"Host": given["host"], "Accept": "application/json", "X-Plex-Client-Identifier": given["client"], "Content-Type": "application/json"}
    for name, value in {**said, **headers}.items():
        request.add_header(name, value)
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read() or "null")


public = {"kty": "OKP", "crv": "Ed25519", "x": urlsafe_b64encode(halves[1]).rstrip(b"=").decode(), "use": "sig", "alg": "EdDSA", "kid": kid}
ask("jwk", {"jwk": public}, **{"X-Plex-Token": given["token"]})

now = int(time.time())
signed = jwt.encode(
    {"nonce": ask("nonce")["nonce"], "scope": "username,email,friendly_name", "aud": "plex.tv", "iss": given["client"], "iat": now, "exp": now + 300},
    private, algorithm="EdDSA", headers={"kid": kid},
)
token = ask("token", {"jwt": signed})["auth_token"]

for key in reversed(ask("keys")["keys"]):
    try:
        claims = jwt.decode(
            token, jwt.PyJWK.from_dict(key).key, algorithms=["EdDSA"], audience=["plex.tv", given["client"]], issuer="plex.tv",
            options={"require": ["aud", "iss", "exp", "iat", "thumbprint"]},
        )
        break
    except jwt.InvalidSignatureError:
        continue
else:
    sys.exit("signed by no key that is published")
if claims["thumbprint"] != kid or claims["exp"] < now + 24 * 3600:
    sys.exit("another's, or too short")
json.dump({"token": token, "claims": claims}, sys.stdout)
