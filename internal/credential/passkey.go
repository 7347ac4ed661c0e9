package credential

// PasskeyUse is a passkey's answer that was right a moment ago. The verb that relies on it spends the question and writes the use down, in its own transaction;
// ErrPasskeySpent when another use was faster, or the passkey is gone.
type PasskeyUse struct {
	AccountID string
	ID        string // of the passkey
	Ceremony  string // hash of the question, single use
	Counter   int64  // what the authenticator has counted; 0 where it does not
	BackedUp  bool   // whether there are copies on other devices of its owner
}
