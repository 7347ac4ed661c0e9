-- Clients of OpenID Connect and OAuth. Their secrets are rows of credential. The rules of 00001 hold here too.

-- +goose Up
-- +goose StatementBegin
CREATE TABLE client (
  id TEXT PRIMARY KEY,         -- client_id
  facts TEXT NOT NULL,         -- sealed: everything else; so nobody but the service says where answers may go
  created_at BIGINT NOT NULL,
  removed_at BIGINT NOT NULL   -- 0 while it stands; else what was made for it is being ended
);
CREATE INDEX client_removed ON client (removed_at) WHERE removed_at > 0;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
DROP TABLE client;
-- +goose StatementEnd
