//go:build !amd64 || purego

package argon2id

func fastest() kernel { return portable() }
