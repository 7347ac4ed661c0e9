package argon2id

import "testing"

// Made with Debian's argon2 0~20171227-0.3: printf %s PASSWORD | argon2 SALT -id -k MEMORY -t PASSES -p LANES -l LENGTH -e
var fromTool = []struct{ password, phc string }{
	{"correct horse battery staple", "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$BEgDDWX7pgCNo3fdhJ9D6jhZx/7hPUPNRayzBg5LHRM"},
	{"correct horse battery staple", "$argon2id$v=19$m=65536,t=3,p=4$c2l4dGVlbiBieXRlIHNsdA$kFtOuO5vijKTGzdJBFt6JJnnubVxhJddY3vQKdKxd2I"},
	{"grüße, 世界", "$argon2id$v=19$m=47104,t=1,p=1$bG9uZ2Vyc2FsdGxvbmdlcnNhbHRsb25nZXJzYWx0MTI$rVneheYOGvSm0iCoEvhBM2/wX/dcTiornmrl8ljjdQDRMelQrJ2bc4e3PgzAfjv1bbAyn2Nvov/GPySaY4tsVw"},
	{"least", "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$JnvnzooyWsxWckLA+JAsmw"},
	{"x", "$argon2id$v=19$m=1000,t=5,p=3$c2FsdHNhbHQ$jj2usyBkQI+Ux9HjxYyftDBCEM0NiNjuNysFzLnVDf67"},
}

func TestVerifyWhatTheToolMade(t *testing.T) {
	for _, k := range kernels() {
		p := newPool(t, 1, 0, DefaultParams())
		p.kernel = k
		for _, v := range fromTool {
			ok, err := p.Verify(t.Context(), v.phc, []byte(v.password))
			if err != nil || !ok {
				t.Errorf("%s: %s: ok %v, error %v", k.name, v.phc, ok, err)
			}
			ok, err = p.Verify(t.Context(), v.phc, []byte(v.password+"."))
			if err != nil || ok {
				t.Errorf("%s: %s with another password: ok %v, error %v", k.name, v.phc, ok, err)
			}
		}
		if held := p.Stats().HeldBytes; held > DefaultMemoryKiB<<10 {
			t.Errorf("%s: %d bytes kept after a larger hash", k.name, held)
		}
	}
}
