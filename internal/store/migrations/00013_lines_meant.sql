-- For whom a line of a server's list counts that was written with a user name. The rules of 00001 hold here too.

-- +goose Up
-- +goose StatementBegin
ALTER TABLE server_access ADD COLUMN meant TEXT NOT NULL DEFAULT ''; -- keyed hash of the account that had the name then, or of none; '' for an address
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
ALTER TABLE server_access DROP COLUMN meant;
-- +goose StatementEnd
