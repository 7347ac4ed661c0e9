-- What software calls itself, so that it is found again when it signs in anew. The rules of 00001 hold here too.

-- +goose Up
-- +goose StatementBegin
ALTER TABLE device ADD COLUMN client TEXT NOT NULL DEFAULT ''; -- keyed hash of account and identifier; '' when it has none
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
ALTER TABLE device DROP COLUMN client;
-- +goose StatementEnd
