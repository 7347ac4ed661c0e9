-- Since when an account is let in by a line of a server's list. The rules of 00001 hold here too.

-- +goose Up
-- +goose StatementBegin
ALTER TABLE server_access ADD COLUMN taken_at BIGINT NOT NULL DEFAULT 0; -- what was given for the server before does not count; 0 while account_id is ''
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
ALTER TABLE server_access DROP COLUMN taken_at;
-- +goose StatementEnd
