-- For whom a line of a server's list counts stands in one column, so that the lines that wait for somebody are found by one index. The rules of 00001 hold here too.

-- +goose Up
-- +goose StatementBegin
UPDATE server_access SET meant = handle WHERE meant = ''; -- of an address: whoever confirms it
DROP INDEX server_access_handle;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
CREATE INDEX server_access_handle ON server_access (handle) WHERE account_id = '';
UPDATE server_access SET meant = '' WHERE meant = handle;
-- +goose StatementEnd
