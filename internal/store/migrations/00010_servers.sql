-- Claimed media servers, and whom their owners let in. The rules of 00001 hold here too.

-- +goose Up
-- +goose StatementBegin
CREATE TABLE server (
  id TEXT PRIMARY KEY,           -- client_id of the client that is written with it
  account_id TEXT NOT NULL,      -- its owner's
  thumbprint TEXT NOT NULL,      -- of its public key (RFC 7638)
  public_key TEXT NOT NULL,      -- Ed25519, in base64url
  facts TEXT NOT NULL,           -- sealed under the owner's key: name, product, version, addresses, where it was claimed from
  born BIGINT NOT NULL,          -- its stamp: the epochs in which it was claimed, or brought back last
  account_epoch BIGINT NOT NULL, -- below any when it was signed out by itself
  claimed_at BIGINT NOT NULL,
  seen_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL       -- when it was signed out by itself; else 0
);
CREATE UNIQUE INDEX server_thumbprint ON server (thumbprint);
CREATE INDEX server_account ON server (account_id);

CREATE TABLE server_access (
  id TEXT PRIMARY KEY,
  server_id TEXT NOT NULL,
  handle TEXT NOT NULL,          -- keyed hash of the address or user name that the owner typed
  label TEXT NOT NULL,           -- sealed under the owner's key: the same, as it was typed
  account_id TEXT NOT NULL,      -- who was let in by it the first time, and nobody else since; '' until then
  added_at BIGINT NOT NULL
);
CREATE INDEX server_access_server ON server_access (server_id, account_id);
CREATE INDEX server_access_account ON server_access (account_id) WHERE account_id <> '';

ALTER TABLE client ADD COLUMN account_id TEXT NOT NULL DEFAULT ''; -- the owner's, of a server; '' when administrators registered it
CREATE INDEX client_house ON client (id) WHERE account_id = '';
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
DROP INDEX client_house;
ALTER TABLE client DROP COLUMN account_id;
DROP TABLE server_access;
DROP TABLE server;
-- +goose StatementEnd
