-- Passkeys. The rules of 00001 hold here too: nothing in this table lets anybody in, and names are sealed.

-- +goose Up
-- +goose StatementBegin
CREATE TABLE passkey (
  id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL,
  credential_id TEXT NOT NULL,   -- base64url, as authenticators know it
  user_handle TEXT NOT NULL,     -- base64url: random, one for each account, and of nobody
  public_key TEXT NOT NULL,      -- COSE_Key, base64url
  counter BIGINT NOT NULL,       -- of the newest use that counted
  eligible BOOLEAN NOT NULL,     -- may be copied to other devices of its owner
  backed_up BOOLEAN NOT NULL,    -- is
  aaguid TEXT NOT NULL,          -- which authenticator, in hex; '' where that is not told
  transports TEXT NOT NULL,      -- with blanks between them
  name TEXT NOT NULL,            -- sealed under the account's key
  created_at BIGINT NOT NULL,
  used_at BIGINT NOT NULL,
  alarm_at BIGINT NOT NULL       -- when its counter went back the last time; 0: never
);
CREATE UNIQUE INDEX passkey_credential ON passkey (credential_id);
CREATE INDEX passkey_account ON passkey (account_id);
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
DROP TABLE passkey;
-- +goose StatementEnd
