-- How long the short code of a waiting device is, whose address was proved, and which of its own tokens a client has ended. The rules of 00001 hold here too.

-- +goose Up
-- +goose StatementBegin
ALTER TABLE link_request ADD COLUMN short BIGINT NOT NULL DEFAULT 0; -- how many characters its short code has; 0 when an older program wrote it

ALTER TABLE account ADD COLUMN email_proved BOOLEAN NOT NULL DEFAULT FALSE; -- a link or a code that was mailed to the address came back

-- Accounts that signed up have proved theirs. So the record tells: who signed up made the account, and is no administrator but by somebody's word; an
-- operator's accounts were made by the command, and the first administrator's by its link.
UPDATE account SET email_proved = TRUE WHERE EXISTS (SELECT 1 FROM audit u WHERE u.account_id = account.id AND u.action = 'account.created' AND u.actor = account.id)
  AND (admin = FALSE OR EXISTS (SELECT 1 FROM audit u WHERE u.account_id = account.id AND u.action = 'account.admin-granted'));
-- And so have those whose address was changed, or given back, by the link that was mailed there.
UPDATE account SET email_proved = TRUE WHERE EXISTS (SELECT 1 FROM audit u WHERE u.account_id = account.id AND u.action IN ('email.changed', 'email.restored'));

ALTER TABLE client ADD COLUMN token_epoch BIGINT NOT NULL DEFAULT 0; -- how often the access tokens that it has for itself were ended
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
ALTER TABLE client DROP COLUMN token_epoch;
ALTER TABLE account DROP COLUMN email_proved;
ALTER TABLE link_request DROP COLUMN short;
-- +goose StatementEnd
