-- How long the short code of a waiting device is, and whose address was proved. The rules of 00001 hold here too.

-- +goose Up
ALTER TABLE link_request ADD COLUMN short BIGINT NOT NULL DEFAULT 0; -- how many characters its short code has; 0 when an older program wrote it

-- +goose Down
ALTER TABLE link_request DROP COLUMN short;
