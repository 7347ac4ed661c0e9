-- What clients of OpenID Connect are still to be told of sign-ins that have ended. The rules of 00001 hold here too.

-- +goose Up
-- +goose StatementBegin
ALTER TABLE client ADD COLUMN told BOOLEAN NOT NULL DEFAULT FALSE;   -- it has an address that is told of sign-outs
CREATE INDEX client_told ON client (id) WHERE told;

-- A row is written with the end of its grant, and goes when the client has taken it, or after a day.
CREATE TABLE logout (
  grant_hash TEXT PRIMARY KEY, -- sid: hash of the credential that has ended
  client_id TEXT NOT NULL,
  account_id TEXT NOT NULL,
  attempts BIGINT NOT NULL,
  next_at BIGINT NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE INDEX logout_due ON logout (client_id, next_at);
CREATE INDEX logout_account ON logout (account_id);
CREATE INDEX logout_created ON logout (created_at);

-- How far the credentials have been gone through for grants that an incident ended for everybody: the hash to go on after; '' when there is nothing to do.
ALTER TABLE instance ADD COLUMN logouts TEXT NOT NULL DEFAULT '';
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
ALTER TABLE instance DROP COLUMN logouts;
DROP TABLE logout;
DROP INDEX client_told;
ALTER TABLE client DROP COLUMN told;
-- +goose StatementEnd
