-- One text for SQLite and PostgreSQL: TEXT, BIGINT and BOOLEAN only; times are Unix milliseconds; identifiers and hashes are lower-case
-- base32hex or hex, so that every collation orders them alike. Columns marked "sealed" hold AEAD bound to table, column and row.

-- +goose Up
-- +goose StatementBegin
CREATE TABLE instance (
  id BIGINT PRIMARY KEY,
  key TEXT NOT NULL,           -- data key of what belongs to no account, wrapped by the ring
  epoch BIGINT NOT NULL,       -- the logical clock
  floor BIGINT NOT NULL,       -- credentials born below are refused
  incident BIGINT NOT NULL,    -- newest incident that covers everybody
  generation BIGINT NOT NULL,  -- newest key ring seen
  newest BIGINT NOT NULL,      -- latest time written, to notice a clock that went back
  created_at BIGINT NOT NULL
);

CREATE TABLE account (
  id TEXT PRIMARY KEY,
  state TEXT NOT NULL,
  admin BOOLEAN NOT NULL,
  key TEXT NOT NULL,           -- the account's data key, wrapped by the ring
  email TEXT NOT NULL,         -- sealed
  user_name TEXT NOT NULL,     -- sealed
  name TEXT NOT NULL,          -- sealed
  notice_email TEXT NOT NULL,  -- sealed
  password TEXT NOT NULL,      -- sealed PHC string
  password_version BIGINT NOT NULL,
  epoch BIGINT NOT NULL,
  incident BIGINT NOT NULL,
  secured BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  delete_at BIGINT NOT NULL    -- 0 when it is not going to be deleted
);
CREATE INDEX account_state ON account (state, id);
CREATE INDEX account_admin ON account (admin, id);
CREATE INDEX account_delete_at ON account (delete_at);

-- What an account is found by: blind indexes, one row per handle and index key.
CREATE TABLE handle (
  hash TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  account_id TEXT NOT NULL,
  held_until BIGINT NOT NULL   -- 0 while in use; else a former address, reserved until then
);
CREATE INDEX handle_account ON handle (account_id);
CREATE INDEX handle_held ON handle (held_until) WHERE held_until > 0;

CREATE TABLE device (
  id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  method TEXT NOT NULL,
  facts TEXT NOT NULL,         -- sealed: name, product
  seen TEXT NOT NULL,          -- sealed: address, place
  born BIGINT NOT NULL,
  account_epoch BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  used_at BIGINT NOT NULL
);
CREATE INDEX device_account ON device (account_id, used_at, id);
CREATE INDEX device_used ON device (used_at);

-- Everything that is presented to prove a right, by keyed hash.
CREATE TABLE credential (
  hash TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  account_id TEXT NOT NULL,    -- '' when it belongs to none
  device_id TEXT NOT NULL,     -- '' when it belongs to none
  subject TEXT NOT NULL,
  detail TEXT NOT NULL,        -- sealed
  born BIGINT NOT NULL,
  account_epoch BIGINT NOT NULL,
  fresh_at BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX credential_account ON credential (account_id, kind);
CREATE INDEX credential_device ON credential (device_id);
CREATE INDEX credential_subject ON credential (subject);
CREATE INDEX credential_expires ON credential (expires_at);

-- Addresses that wait to be proved: for a sign-up, a new address, a second address for notices.
CREATE TABLE confirmation (
  id TEXT PRIMARY KEY,
  purpose TEXT NOT NULL,
  account_id TEXT NOT NULL,    -- '' for a sign-up
  email TEXT NOT NULL,         -- sealed
  password TEXT NOT NULL,      -- sealed PHC string; of sign-ups only
  code TEXT NOT NULL,          -- keyed hash; '' when no code can match
  tries BIGINT NOT NULL,
  invitation TEXT NOT NULL,    -- the invitation's hash, '' when there is none
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX confirmation_account ON confirmation (account_id, purpose);
CREATE INDEX confirmation_expires ON confirmation (expires_at);

CREATE TABLE mail (
  id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  state TEXT NOT NULL,         -- waiting, sent, refused, expired
  priority BIGINT NOT NULL,
  body TEXT NOT NULL,          -- sealed; '' once it is done
  attempts BIGINT NOT NULL,
  next_at BIGINT NOT NULL,
  reason TEXT NOT NULL,        -- why the last try failed, without the address
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  done_at BIGINT NOT NULL
);
CREATE INDEX mail_due ON mail (priority, next_at) WHERE state = 'waiting';
CREATE INDEX mail_late ON mail (expires_at) WHERE state || '' = 'waiting'; -- so written, SQLite takes it before mail_state
CREATE INDEX mail_state ON mail (state, id);
CREATE INDEX mail_account ON mail (account_id, id);
CREATE INDEX mail_done ON mail (done_at);

CREATE TABLE audit (
  id TEXT PRIMARY KEY,
  at BIGINT NOT NULL,
  account_id TEXT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  detail TEXT NOT NULL,        -- sealed
  tag TEXT NOT NULL,           -- keyed, over the columns above
  batch BIGINT NOT NULL        -- 0 until chained
);
CREATE INDEX audit_account ON audit (account_id, id);
CREATE INDEX audit_action ON audit (action, id);
CREATE INDEX audit_batch_rows ON audit (batch, id);

CREATE TABLE audit_batch (
  seq BIGINT PRIMARY KEY,
  entries BIGINT NOT NULL,
  chain TEXT NOT NULL,         -- keyed, over the previous chain value and every tag of the batch in order
  created_at BIGINT NOT NULL
);

-- Limits: tat is the theoretical arrival time of GCRA. Keys are keyed hashes.
CREATE TABLE rate (
  key TEXT PRIMARY KEY,
  tat BIGINT NOT NULL
);
CREATE INDEX rate_tat ON rate (tat);

CREATE TABLE failure (
  key TEXT PRIMARY KEY,
  count BIGINT NOT NULL,
  until BIGINT NOT NULL,
  seen_at BIGINT NOT NULL
);
CREATE INDEX failure_seen ON failure (seen_at);

CREATE TABLE lease (
  name TEXT PRIMARY KEY,
  holder TEXT NOT NULL,
  until BIGINT NOT NULL
);
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
DROP TABLE lease;
DROP TABLE failure;
DROP TABLE rate;
DROP TABLE audit_batch;
DROP TABLE audit;
DROP TABLE mail;
DROP TABLE confirmation;
DROP TABLE credential;
DROP TABLE device;
DROP TABLE handle;
DROP TABLE account;
DROP TABLE instance;
-- +goose StatementEnd
