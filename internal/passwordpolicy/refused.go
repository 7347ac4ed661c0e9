package passwordpolicy

// RefusedError says why a password may not be set.
type RefusedError struct{ Verdict Verdict }

// Error is the verdict's sentence, for the person who chose the password.
func (e *RefusedError) Error() string { return e.Verdict.Sentence() }

// Choose checks a password that somebody wants to set and returns the form that is hashed, or a *RefusedError.
func (p Policy) Choose(typed string, context []string) (string, error) {
	if v := p.Check(typed, context); !v.OK() {
		return "", &RefusedError{v}
	}
	return Normalize(typed)
}
