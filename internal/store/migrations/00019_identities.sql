-- Who people are at other services. The rules of 00001 hold here too.

-- +goose Up
-- +goose StatementBegin
-- An identity is found by rows of handle, whose kind names it.
CREATE TABLE identity (
  id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL,
  facts TEXT NOT NULL,         -- sealed: service, issuer, subject, address and name as told
  created_at BIGINT NOT NULL,
  used_at BIGINT NOT NULL      -- 0 when nobody has come in by it yet
);
CREATE INDEX identity_account ON identity (account_id, id);
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
DELETE FROM handle WHERE kind LIKE 'identity %';
DELETE FROM credential WHERE kind IN ('outside sign-in', 'parked answer', 'arrival');
DELETE FROM confirmation WHERE purpose = 'arrival';
DROP TABLE identity;
-- +goose StatementEnd
