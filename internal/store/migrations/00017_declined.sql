-- A no to somebody's invitations lasts for a while, whatever becomes of the line. The rules of 00001 hold here too.

-- +goose Up
-- +goose StatementBegin
CREATE TABLE declined (
  account_id TEXT NOT NULL,  -- who said no
  owner_id TEXT NOT NULL,    -- to whose invitation
  declined_at BIGINT NOT NULL,
  PRIMARY KEY (account_id, owner_id)
);
CREATE INDEX declined_owner ON declined (owner_id);
CREATE INDEX declined_age ON declined (declined_at);
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
DROP TABLE declined;
-- +goose StatementEnd
