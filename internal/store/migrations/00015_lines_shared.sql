-- What somebody on a server's list is there, until when, and what has become of the invitation. The rules of 00001 hold here too.

-- +goose Up
-- +goose StatementBegin
ALTER TABLE server_access ADD COLUMN role TEXT NOT NULL DEFAULT 'guest';     -- guest or household
ALTER TABLE server_access ADD COLUMN ends_at BIGINT NOT NULL DEFAULT 0;      -- lets nobody in from then on; 0: no end
ALTER TABLE server_access ADD COLUMN invited_at BIGINT NOT NULL DEFAULT 0;   -- when the invitation was sent again, the last time; 0: not since added_at
ALTER TABLE server_access ADD COLUMN declined_at BIGINT NOT NULL DEFAULT 0;  -- who is meant said no, or left: it is shown to them no more; 0: they did not
ALTER TABLE server_access ADD COLUMN seen_at BIGINT NOT NULL DEFAULT 0;      -- when who came by it was there last, as the server tells; 0: never
CREATE INDEX server_access_handle ON server_access (handle) WHERE account_id = '';
CREATE INDEX server_access_meant ON server_access (meant) WHERE account_id = '';
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
DROP INDEX server_access_meant;
DROP INDEX server_access_handle;
ALTER TABLE server_access DROP COLUMN seen_at;
ALTER TABLE server_access DROP COLUMN declined_at;
ALTER TABLE server_access DROP COLUMN invited_at;
ALTER TABLE server_access DROP COLUMN ends_at;
ALTER TABLE server_access DROP COLUMN role;
-- +goose StatementEnd
