-- Devices that ask for a client. The rules of 00001 hold here too.

-- +goose Up
-- +goose StatementBegin
ALTER TABLE link_request ADD COLUMN client_id TEXT NOT NULL DEFAULT ''; -- the client that asks; '' when it is software without one
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
ALTER TABLE link_request DROP COLUMN client_id;
-- +goose StatementEnd
