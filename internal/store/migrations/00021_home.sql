-- Homes, and what members switch to. The rules of 00001 hold here too.

-- +goose Up
-- +goose StatementBegin
CREATE TABLE home_member (
  id TEXT PRIMARY KEY,
  home_id TEXT NOT NULL,         -- the owner's account, which has a row itself
  account_id TEXT NOT NULL,      -- '' until somebody accepts
  managed BOOLEAN NOT NULL,
  handle TEXT NOT NULL,          -- as in server_access; '' where nobody was invited
  meant TEXT NOT NULL,           -- as in server_access
  label TEXT NOT NULL,           -- sealed under the owner's key: what the owner typed; '' where nobody was invited
  facts TEXT NOT NULL,           -- sealed under the member's key: PIN, picture; '' where there is neither
  invited_at BIGINT NOT NULL,
  joined_at BIGINT NOT NULL,
  declined_at BIGINT NOT NULL    -- who is meant said no
);
CREATE UNIQUE INDEX home_member_account ON home_member (account_id) WHERE account_id <> '';
CREATE INDEX home_member_home ON home_member (home_id, id);
CREATE INDEX home_member_meant ON home_member (meant) WHERE account_id = '';

CREATE TABLE home_declined (
  account_id TEXT NOT NULL,  -- who said no
  owner_id TEXT NOT NULL,    -- to whose invitation
  declined_at BIGINT NOT NULL,
  PRIMARY KEY (account_id, owner_id)
);
CREATE INDEX home_declined_owner ON home_declined (owner_id);
CREATE INDEX home_declined_age ON home_declined (declined_at);

ALTER TABLE account ADD COLUMN home_owner TEXT NOT NULL DEFAULT ''; -- of a managed member: by whose account it is judged
CREATE INDEX account_home ON account (home_owner) WHERE home_owner <> '';

ALTER TABLE device ADD COLUMN origin TEXT NOT NULL DEFAULT ''; -- the device at whose sign-in somebody switched, with which this one ends; its account may be another
CREATE INDEX device_origin ON device (origin) WHERE origin <> '';

ALTER TABLE server ADD COLUMN home TEXT NOT NULL DEFAULT ''; -- to whom of its owner's Home it is open: nobody, all, chosen
ALTER TABLE server_access ADD COLUMN home BOOLEAN NOT NULL DEFAULT FALSE; -- a member's, written and removed with the Home
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
DELETE FROM server_access WHERE home;
ALTER TABLE server_access DROP COLUMN home;
ALTER TABLE server DROP COLUMN home;
DELETE FROM credential WHERE device_id IN (SELECT id FROM device WHERE origin <> '');
DELETE FROM device WHERE origin <> '';
DROP INDEX device_origin;
ALTER TABLE device DROP COLUMN origin;
DELETE FROM account WHERE home_owner <> '';
DROP INDEX account_home;
ALTER TABLE account DROP COLUMN home_owner;
DROP TABLE home_declined;
DROP TABLE home_member;
-- +goose StatementEnd
