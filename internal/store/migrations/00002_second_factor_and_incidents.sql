-- The second factor, passwords that an incident voided, and incidents. The rules of 00001 hold here too.

-- +goose Up
-- +goose StatementBegin
ALTER TABLE account ADD COLUMN totp TEXT NOT NULL DEFAULT '';        -- sealed: the authenticator's key; '' when there is none
ALTER TABLE account ADD COLUMN totp_since BIGINT NOT NULL DEFAULT 0; -- since when the second factor is on; 0 when it is off
ALTER TABLE account ADD COLUMN totp_step BIGINT NOT NULL DEFAULT 0;  -- newest 30-second step that was used; no code of it or before counts again
ALTER TABLE account ADD COLUMN review BOOLEAN NOT NULL DEFAULT FALSE; -- the password was reset, and its owner has not looked at what else there is
CREATE INDEX account_secured ON account (secured, id);

-- What is left of an account's ten recovery codes. A used one is gone.
CREATE TABLE recovery_code (
  account_id TEXT NOT NULL,
  selector TEXT NOT NULL,      -- first character of the code: which row a typed one is checked against
  hash TEXT NOT NULL,          -- sealed PHC string of the rest
  PRIMARY KEY (account_id, selector)
);

-- Passwords that must not come back because an incident voided them.
CREATE TABLE voided_password (
  id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL,
  hash TEXT NOT NULL,          -- sealed PHC string
  created_at BIGINT NOT NULL
);
CREATE INDEX voided_password_account ON voided_password (account_id, id);

-- Second factors that an operator will take away because their owner has lost everything, after the days of warning.
CREATE TABLE factor_removal (
  account_id TEXT PRIMARY KEY,
  actor TEXT NOT NULL,
  due_at BIGINT NOT NULL,
  told BIGINT NOT NULL,        -- how often the owner was warned
  told_at BIGINT NOT NULL      -- when last
);
CREATE INDEX factor_removal_told ON factor_removal (told_at);

CREATE TABLE incident (
  id TEXT PRIMARY KEY,
  epoch BIGINT NOT NULL,       -- the clock when it was declared; 0 before
  action TEXT NOT NULL,        -- require, advise
  scope TEXT NOT NULL,         -- all, list
  state TEXT NOT NULL,         -- draft, proposed, listing, open, withdrawn
  paused BOOLEAN NOT NULL,     -- the notices wait
  notice TEXT NOT NULL,        -- sealed: what people are told, and a draft's list
  actor TEXT NOT NULL,         -- who declared it
  second TEXT NOT NULL,        -- the second administrator, where one was needed
  alone BOOLEAN NOT NULL,      -- without a second administrator's word
  covered BIGINT NOT NULL,     -- accounts it covered when it was declared
  mailed BIGINT NOT NULL,      -- accounts that were told
  cursor TEXT NOT NULL,        -- account the telling has come to
  told_at BIGINT NOT NULL,     -- when everybody had been told; 0 before
  created_at BIGINT NOT NULL,
  declared_at BIGINT NOT NULL, -- 0 before
  ended_at BIGINT NOT NULL     -- when it was withdrawn; 0 before
);
CREATE INDEX incident_epoch ON incident (epoch);
CREATE INDEX incident_state ON incident (state, created_at);

-- Who an incident covers that does not cover everybody.
CREATE TABLE incident_account (
  incident_id TEXT NOT NULL,
  account_id TEXT NOT NULL,
  former BIGINT NOT NULL,      -- what account.incident was before, for the day it is withdrawn
  PRIMARY KEY (incident_id, account_id)
);
CREATE INDEX incident_account_account ON incident_account (account_id);
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
DROP TABLE incident_account;
DROP TABLE incident;
DROP TABLE factor_removal;
DROP TABLE voided_password;
DROP TABLE recovery_code;
DROP INDEX account_secured;
ALTER TABLE account DROP COLUMN review;
ALTER TABLE account DROP COLUMN totp_step;
ALTER TABLE account DROP COLUMN totp_since;
ALTER TABLE account DROP COLUMN totp;
-- +goose StatementEnd
