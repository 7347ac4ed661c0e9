-- Devices that ask to be let in by a code. The rules of 00001 hold here too.

-- +goose Up
-- +goose StatementBegin
CREATE TABLE link_request (
  id TEXT PRIMARY KEY,
  state TEXT NOT NULL,         -- waiting, approved
  asker TEXT NOT NULL,         -- keyed hash of what the asking software calls itself for good; '' when it has no such name
  network TEXT NOT NULL,       -- keyed hash of where it asked from
  facts TEXT NOT NULL,         -- sealed: name, product, address, place
  account_id TEXT NOT NULL,    -- who let it in; '' while it waits
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX link_request_asker ON link_request (asker) WHERE asker <> '';
CREATE INDEX link_request_network ON link_request (network, expires_at);
CREATE INDEX link_request_waiting ON link_request (expires_at) WHERE state = 'waiting';
CREATE INDEX link_request_expires ON link_request (expires_at);
CREATE INDEX link_request_account ON link_request (account_id) WHERE account_id <> '';

-- Every code of the last day, so that none is given out twice: keyed hashes, and which request they led to.
CREATE TABLE link_code (
  hash TEXT PRIMARY KEY,
  request_id TEXT NOT NULL,
  until BIGINT NOT NULL
);
CREATE INDEX link_code_until ON link_code (until);

-- The day's ledger: how likely the guesses from other networks, taken together, were to hit, in parts of 1e12.
CREATE TABLE link_day (
  day BIGINT PRIMARY KEY,
  risk BIGINT NOT NULL
);
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
DROP TABLE link_day;
DROP TABLE link_code;
DROP TABLE link_request;
-- +goose StatementEnd
