-- Accounts whose owners come in without a password. The rules of 00001 hold here too.

-- +goose Up
-- +goose StatementBegin
ALTER TABLE account ADD COLUMN passwordless BOOLEAN NOT NULL DEFAULT FALSE; -- there is none until its owner sets one
ALTER TABLE account ADD COLUMN code_always BOOLEAN NOT NULL DEFAULT FALSE;  -- its owner wants the second step asked for whatever else vouches
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
ALTER TABLE account DROP COLUMN code_always;
ALTER TABLE account DROP COLUMN passwordless;
-- +goose StatementEnd
