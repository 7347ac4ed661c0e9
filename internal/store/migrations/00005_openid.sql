-- What OpenID Connect keeps besides clients and credentials. The rules of 00001 hold here too.

-- +goose Up
-- +goose StatementBegin
ALTER TABLE credential ADD COLUMN rotation TEXT NOT NULL DEFAULT ''; -- of refresh tokens: keyed hashes of the secret that counts and of the one before, and when it changed

-- What people have agreed to. Which client it is stands open, as in credential.subject.
CREATE TABLE consent (
  account_id TEXT NOT NULL,
  client_id TEXT NOT NULL,
  scopes TEXT NOT NULL,
  granted_at BIGINT NOT NULL,
  PRIMARY KEY (account_id, client_id)
);
CREATE INDEX consent_client ON consent (client_id);
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
DROP TABLE consent;
ALTER TABLE credential DROP COLUMN rotation;
-- +goose StatementEnd
