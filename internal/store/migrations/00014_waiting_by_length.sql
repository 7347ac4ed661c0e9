-- Waiting requests are counted by the length of their short code for every new one, out of the index alone. The rules of 00001 hold here too.

-- +goose Up
-- +goose StatementBegin
DROP INDEX link_request_waiting;
CREATE INDEX link_request_waiting ON link_request (short, expires_at) WHERE state = 'waiting';
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
DROP INDEX link_request_waiting;
CREATE INDEX link_request_waiting ON link_request (expires_at) WHERE state = 'waiting';
-- +goose StatementEnd
