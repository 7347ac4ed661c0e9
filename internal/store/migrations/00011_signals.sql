-- Streams of shared signals (SSF 1.0), and what waits to be read on them. The rules of 00001 hold here too.

-- +goose Up
-- +goose StatementBegin
CREATE TABLE stream (
  id TEXT PRIMARY KEY,
  client_id TEXT NOT NULL,     -- whose it is; each client has one at most
  facts TEXT NOT NULL,         -- sealed under the common key: where it is pushed to and with what, what its reader calls it
  events BIGINT NOT NULL,      -- one bit for each event that its reader asked for
  status TEXT NOT NULL,        -- enabled, paused, disabled
  push BOOLEAN NOT NULL,       -- we call its reader; else its reader polls
  told BIGINT NOT NULL,        -- newest instance epoch that ended everybody's sign-ins and that its reader knows of
  missed BIGINT NOT NULL,      -- when the newest signal that nobody read was dropped; 0 when its reader knows of that, or there was none
  due_at BIGINT NOT NULL,      -- when its reader is called next
  fails BIGINT NOT NULL,       -- calls that failed, one after the other
  created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX stream_client ON stream (client_id);
CREATE INDEX stream_push ON stream (due_at) WHERE push;

-- A row is written with the act for each stream that it concerns, and goes when the reader has acknowledged it, or after a week.
CREATE TABLE signal (
  stream_id TEXT NOT NULL,
  jti TEXT NOT NULL,           -- begins with txn, so that they sort by time
  account_id TEXT NOT NULL,
  what TEXT NOT NULL,          -- what has happened
  subject TEXT NOT NULL,       -- sid of what has ended, id of the server, or the state of a verification; '' when it is the whole account
  txn TEXT NOT NULL,           -- the act, which may leave several
  at BIGINT NOT NULL,
  PRIMARY KEY (stream_id, jti)
);
CREATE INDEX signal_at ON signal (at);
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
DROP TABLE signal;
DROP TABLE stream;
-- +goose StatementEnd
